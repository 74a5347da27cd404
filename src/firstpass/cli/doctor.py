"""Look whether this machine and a project are well, and say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstpass.cli._run import Json, finish, progress_bar

NAME = "doctor"
MARKS = {"good": "✓", "note": "·", "bad": "✗"}


def run(  # noqa: D103  # its help text is the module's docstring
    project: Annotated[Path | None, typer.Argument(metavar="[PROJECT]", help="A project, beside the machine.")] = None,
    deep: Annotated[bool, typer.Option(help="Read every image again and compare its digest.")] = False,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages.doctor import DoctorReport, examine_machine, examine_project

    if project is None:
        report = DoctorReport(examine_machine())
    else:
        with Project.open(project) as opened, progress_bar("looking at images") as bar:
            report = examine_project(opened, deep=deep, progress=bar)
    lines = [
        f"{MARKS[f.verdict]} {f.what}: {f.words}" + (f" → {f.remedy}" if f.verdict == "bad" else "") for f in report.findings
    ]
    finish({"well": report.well, "findings": report.findings}, as_json=as_json, lines=lines, problems=report.problems)
    if not report.well:
        raise typer.Exit(1)
