"""The package's build: makes the review desk's pages first, so that a wheel holds them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def _front_end(root: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("firstpass_frontend_build", Path(root) / "frontend" / "build.py")
    if spec is None or spec.loader is None:
        raise ImportError("frontend/build.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FrontEndHook(BuildHookInterface):
    """Builds frontend/ into the package; a wheel without it is refused, a development install goes on with a word."""

    def dependencies(self) -> list[str]:
        """Node.js from PyPI where the system has none that is new enough."""
        maker = _front_end(self.root)
        return [] if maker.is_current() or maker.system_node() else [maker.NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files are gathered."""
        maker = _front_end(self.root)
        try:
            maker.build()
        except maker.CannotBuild as error:
            if version != "editable":
                raise
            self.app.display_warning(f"the review desk's pages were not built: {error}")
        build_data["artifacts"].append("src/firstpass/web/static/**")
