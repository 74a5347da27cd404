"""PLACEHOLDER synthesis"""
