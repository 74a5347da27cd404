"""Seconds saved so far, measured; distribution, weak classes, pictures: one HTML file and CSV beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, finish

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
        lines = [f"{key}: {value}" for key, value in done.figures.items() if isinstance(value, str | int | float)]
        finish(done, as_json=as_json, lines=[*lines, f"report: {done.path}"], project=opened)
