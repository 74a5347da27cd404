"""PLACEHOLDER formats"""
