"""PLACEHOLDER engines"""
