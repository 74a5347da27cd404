"""The store: images, layers, edits, effort, runs, queue, vectors in one data base. SQLAlchemy comes with the first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firstpass.store.edits import Edit, Origin
    from firstpass.store.effort import Effort, EffortTotal
    from firstpass.store.images import Added, NewImage
    from firstpass.store.layer import Layer
    from firstpass.store.layers import LayerInfo, LayerKind
    from firstpass.store.queue import Queued
    from firstpass.store.runs import Run
    from firstpass.store.store import Store
    from firstpass.store.table import ObjectTable
    from firstpass.store.write import WrittenRows

_HOMES = {
    "Edit": "edits",
    "Origin": "edits",
    "Effort": "effort",
    "EffortTotal": "effort",
    "Added": "images",
    "NewImage": "images",
    "Layer": "layer",
    "LayerInfo": "layers",
    "LayerKind": "layers",
    "Queued": "queue",
    "Run": "runs",
    "Store": "store",
    "ObjectTable": "table",
    "WrittenRows": "write",
}

__all__ = [
    "Added", "Edit", "Effort", "EffortTotal", "Layer", "LayerInfo", "LayerKind", "NewImage", "ObjectTable", "Origin", "Queued",
    "Run", "Store", "WrittenRows",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
