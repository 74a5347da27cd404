"""PLACEHOLDER metrics"""
