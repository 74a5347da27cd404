"""Finds plug-ins: every module of a room that is not `base` and does not begin with `_`, and every entry point of its group.

A plug-in is one module with two names: ``SPEC``, what it declares, and ``PLUGIN``, the class or object that does it. Its
name is the module's, with hyphens (`onnx_detector` → ``onnx-detector``); both spellings are found. Other packages add theirs
with an entry point in the group ``firstpass.<room>`` that names such a module. A plug-in that fails to import is listed as
broken with its reason; it never takes the others down and is never passed over in silence.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import traceback
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from firstpass.errors import FirstpassError, UnknownPlugin


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plug-in as found: module = None when broken, with the traceback in `reason`."""

    room: str
    name: str
    path: str
    module: ModuleType | None
    reason: str = ""

    @property
    def spec(self) -> Any:
        """The plug-in's SPEC. Raises FirstpassError when the plug-in is broken."""
        return self._whole().SPEC

    @property
    def factory(self) -> Any:
        """The plug-in's PLUGIN. Raises FirstpassError when the plug-in is broken."""
        return self._whole().PLUGIN

    def _whole(self) -> ModuleType:
        if self.module is None:
            raise FirstpassError(f"{self.room[:-1]} {self.name} is broken: {self.reason.strip().splitlines()[-1]}")
        return self.module


@cache
def _paths(room: str) -> dict[str, str]:
    package = importlib.import_module(f"firstpass.{room}")
    own = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name != "base" and not m.name.startswith("_")]
    paths = {name.replace("_", "-"): f"firstpass.{room}.{name}" for name in own}
    for entry in entry_points(group=f"firstpass.{room}"):
        paths.setdefault(entry.name.replace("_", "-"), entry.value)
    return dict(sorted(paths.items()))


def names(room: str) -> tuple[str, ...]:
    """The names of all plug-ins in a room ("labelers", "formats", …), broken ones too, without importing any."""
    return tuple(_paths(room))


@cache
def find(room: str, name: str) -> Plugin:
    """The plug-in of that name, imported. Raises UnknownPlugin, with the nearest names."""
    wanted = name.replace("_", "-").lower()
    path = _paths(room).get(wanted)
    if path is None:
        near = difflib.get_close_matches(wanted, names(room), 3) or list(names(room))
        raise UnknownPlugin(f"no {room[:-1]} is called {name!r}; did you mean: {', '.join(near)}?")
    try:
        module = importlib.import_module(path)
        for needed in ("SPEC", "PLUGIN"):
            if not hasattr(module, needed):
                raise AttributeError(f"{path} has no {needed}")
    except Exception:  # noqa: BLE001  # a foreign plug-in may fail in any way; the reason is kept and shown
        return Plugin(room, wanted, path, None, traceback.format_exc())
    return Plugin(room, wanted, path, module)


def listing(room: str) -> tuple[Plugin, ...]:
    """All plug-ins of a room, imported, in order of name."""
    return tuple(find(room, name) for name in names(room))
