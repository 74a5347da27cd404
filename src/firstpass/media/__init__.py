"""PLACEHOLDER media"""
