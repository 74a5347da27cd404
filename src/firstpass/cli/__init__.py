"""PLACEHOLDER cli"""
