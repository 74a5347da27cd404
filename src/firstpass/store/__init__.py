"""PLACEHOLDER store"""
