"""Lets the suites here import their helpers (`_finder`, `_sheets`, …): pytest's importlib mode leaves them off the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
