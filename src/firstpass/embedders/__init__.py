"""PLACEHOLDER embedders"""
