"""PLACEHOLDER strategies"""
