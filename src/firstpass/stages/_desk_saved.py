"""What the first pass saved, measured: seconds that reviews took against drawing the same labels by hand.

The sums are kept between questions, and only what came since is read: the first question costs as much as there are measured
images, the next ones next to nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakKeyDictionary

from firstpass.metrics.effort import CostTable, draw_all
from firstpass.project import Project
from firstpass.store import Store

LEAST_IMAGES = 10  # measured images below which no saving is claimed


class Saved(NamedTuple):
    """Measured time on `images` images against drawing all of it by hand; fraction None = not enough data yet."""

    images: int
    seconds: float
    baseline_seconds: float
    fraction: float | None


@dataclass(slots=True)
class _Ledger:
    costs: CostTable
    last_effort: int = 0
    last_look: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    baselines: dict[str, float] = field(default_factory=dict[str, float])


_ledgers: WeakKeyDictionary[Store, _Ledger] = WeakKeyDictionary()
_lock = threading.Lock()


def saved(project: Project) -> Saved:
    """Over all images with measured work that are reviewed, those where nothing was found included."""
    costs = CostTable.from_mapping(project.config.costs).with_classes(len(project.ontology))
    with _lock:
        ledger = _ledgers.get(project.store)
        if ledger is None or ledger.costs != costs:
            ledger = _ledgers[project.store] = _Ledger(costs)
        _catch_up(project, ledger)
        seconds = sum(ledger.seconds[name] for name in ledger.baselines)
        baseline = sum(ledger.baselines.values())
        images = len(ledger.baselines)
    fraction = 1 - seconds / baseline if images >= LEAST_IMAGES and baseline else None
    return Saved(images, seconds, baseline, fraction)


def _catch_up(project: Project, ledger: _Ledger) -> None:
    last_look, looked = project.reviewed.since(ledger.last_look)
    last_effort, spent = project.store.effort.since(ledger.last_effort)
    for name, seconds in spent.items():
        ledger.seconds[name] = ledger.seconds.get(name, 0.0) + seconds
    changed = [name for name in looked if name in ledger.seconds]
    changed += [name for name in spent if name not in ledger.baselines]
    for labeled in project.reviewed.read(dict.fromkeys(changed)):
        ledger.baselines[labeled.image.name] = draw_all(labeled, ledger.costs).baseline_seconds
    ledger.last_look, ledger.last_effort = last_look, last_effort
