"""What the store wrote about a picture: free text, mostly right, sometimes silent, sometimes wrong."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

EMPTY, DAMAGED = "empty shelf", "damaged package"
SILENT, WRONG = 0.15, 0.05  # how often a true thing is not reported, and a thing reported that is not there
STORES = ("Harbor", "Old Town", "Station", "Airport")
EMPTY_WORDS = ("Empty shelf, restock needed.", "Gap on the shelf, out of stock.", "Shelf half empty since the morning.")
DAMAGED_WORDS = ("Damaged {}, please remove.", "Crushed {} in front.", "A {} is torn open.")
CALM_WORDS = ("All fine.", "Facing done.", "No damage, no gaps.", "Checked.", "Shelf full, prices checked.", "")


def report_row(index: int, empty: bool, damaged_classes: list[str], rng: np.random.Generator) -> dict[str, str]:
    """The row of one picture: store, aisle, day, report. Made from the truth with a few slips."""
    said: list[str] = []
    if rng.random() < (1 - SILENT if empty else WRONG):
        said.append(str(rng.choice(EMPTY_WORDS)))
    if rng.random() < (1 - SILENT if damaged_classes else WRONG):
        name = damaged_classes[0] if damaged_classes else "box"
        said.append(str(rng.choice(DAMAGED_WORDS)).format(name))
    day = date(2025, 3, 3) + timedelta(days=index // 4)
    return {
        "store": str(rng.choice(STORES)),
        "aisle": str(int(rng.integers(1, 9))),
        "day": day.isoformat(),
        "report": " ".join(said) or str(rng.choice(CALM_WORDS)),
    }
