"""List what can label here, what each needs, and its settings."""

from __future__ import annotations

import importlib.util
from typing import Annotated, Any, cast

import typer

from firstpass.cli._run import Json, finish

NAME = "labelers"


def run(  # noqa: D103  # its help text is the module's docstring
    name: Annotated[str | None, typer.Argument(help="One labeler, with its settings.")] = None, as_json: Json = False
) -> None:
    from firstpass import registry
    from firstpass.errors import Problem

    plugins = registry.listing("labelers") if name is None else (registry.find("labelers", name),)
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for plugin in plugins:
        if plugin.module is None:
            reason = plugin.reason.strip().splitlines()[-1]
            problems.append(Problem(plugin.path, f"labeler {plugin.name} is broken: {reason}", "a module that imports"))
            rows.append({"name": plugin.name, "state": "broken", "summary": plugin.reason})
            continue
        spec = plugin.spec
        missing = [package for package in spec.needs if importlib.util.find_spec(package) is None]
        state = f"needs pip install 'firstpass[{spec.extra}]'" if missing else "ready"
        rows.append(
            {
                "name": plugin.name, "state": state, "summary": spec.summary, "cues": sorted(spec.cues),
                "gives": sorted(spec.gives), "learns": spec.learns, "settings": dict(spec.settings), "version": spec.version,
                "weights": spec.weights.default if spec.weights else "", "reference": spec.reference,
                "license": spec.weights.license if spec.weights else "",
            }
        )  # fmt: skip
    if name is None:
        shown = [(r["name"], ", ".join(r.get("gives", ())), r["state"], r["summary"].splitlines()[0]) for r in rows]
        widths = [max((len(row[i]) for row in shown), default=0) for i in range(3)]
        lines = ["  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]) for row in shown]
    else:
        one = rows[0]
        lines = [f"{one['name']}: {one['summary']}", f"state: {one['state']}"]
        shown_keys = ("cues", "gives", "learns", "weights", "license", "reference")
        lines += [f"{key}: {_text(one[key])}" for key in shown_keys if one.get(key)]
        settings = one.get("settings", {})
        width = max(map(len, settings), default=0)
        if settings:
            lines += ["settings (--set NAME=VALUE):", *(f"  {k.ljust(width)}  {v}" for k, v in settings.items())]
    finish({"labelers": rows}, as_json=as_json, lines=lines, problems=problems)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
