"""Benchmarks: each module prints a table, against the peer side by side in one run where there is one.

`python -m bench` runs all; `python -m bench.effort` one. Data sets are read from ``../shared/data`` (or ``FIRSTPASS_DATA``).
"""
