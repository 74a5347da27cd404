"""Seconds saved so far, measured; distribution, weak classes, pictures: one HTML file and CSV beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from firstpass.cli._run import Json, ProjectPath, finish, percent, table

NAME = "report"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    out: Annotated[Path | None, typer.Option(help="HTML file to write; in the project's reports/ when left out.")] = None,
    pictures: Annotated[bool, typer.Option(help="Put pictures into the report; leave out where a license forbids it.")] = True,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages.report import write_report

    with Project.open(project) as opened:
        done = write_report(opened, out=out, pictures=pictures)
        finish(done, as_json=as_json, lines=[*_lines(done.figures), f"report: {done.path}"], project=opened)


def _lines(figures: Mapping[str, Any]) -> list[str]:
    counts = f"{figures['images']:,} images, {figures['reviewed']:,} reviewed, {figures['objects']:,} objects"
    low, high = figures["saved_interval"] or (None, None)
    sure = f"95 %: {percent(low)} to {percent(high)}, over {figures['timed_images']:,} images" if low is not None else ""
    if not sure and figures["saved_fraction"] is not None:
        needed = figures["interval_needs_images"]
        sure = f"how sure: not enough data yet, {figures['timed_images']} of {needed} images with a time"
    saved = f"saved: {percent(figures['saved_fraction'])}" + (f" ({sure})" if sure else "")
    lines = [counts, saved + (", by a simulated expert" if figures["simulated"] else "")]
    if figures["experts"]:
        rows = [
            (
                row["expert"] + (" (simulated)" if row["simulated"] else ""), f"{row['images']:,}", f"{row['objects']:,}",
                f"{row['actions']:,}", "not known" if row["seconds"] is None else f"{row['seconds']:,.0f}",
            )
            for row in figures["experts"]
        ]  # fmt: skip
        lines += ["", *table(("expert", "images", "objects", "actions", "seconds"), rows), ""]
    return lines
