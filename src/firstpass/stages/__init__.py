"""PLACEHOLDER stages"""
