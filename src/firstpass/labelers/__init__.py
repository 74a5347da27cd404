"""PLACEHOLDER labelers"""
