"""Runs labelers over images: the driver polices every reply, the local engine decodes ahead and batches, learners are trained.

Modules are imported where they are used; this file stays empty so that ``import firstpass`` costs nothing.
"""
