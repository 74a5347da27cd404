"""What every verb shares: one JSON object or words, problems listed, exit codes, progress with rate and time left.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done with problems (listed, nothing else lost), 130 stopped by Ctrl+C.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstpass.errors import FormatError, Problem, UsageError

if TYPE_CHECKING:
    from firstpass.project import Project

SHOWN_PROBLEMS = 10

ProjectPath = Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object; words and progress go to standard error.")]
Setting = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the labeler; may be repeated.")
]


def words(text: str = "") -> None:
    """Prints a line for people, on standard error: standard output is for results."""
    print(text, file=sys.stderr)  # noqa: T201


def plain_result(result: Any) -> dict[str, Any]:
    """A stage's result as the JSON object of ``--json``."""
    if hasattr(result, "as_dict"):
        return dict(result.as_dict())
    from firstpass.stages._plain import plain

    return plain(result)


def finish(
    result: Any, *, as_json: bool, lines: Sequence[str], problems: Sequence[Problem] = (), project: Project | None = None
) -> None:
    """Prints the result, lists the problems and exits: 0, or 3 when there were errors among them.

    All problems go into the project's ``reports/problems.csv``; the first ten are shown.
    """
    if as_json:
        payload = plain_result(result)
        payload["problems"] = [p.as_dict() for p in problems]
        print(json.dumps(payload, ensure_ascii=False, allow_nan=False))  # noqa: T201
    else:
        for line in lines:
            print(line)  # noqa: T201
    where = _keep(problems, project)
    for problem in problems[:SHOWN_PROBLEMS]:
        words(f"{'warning' if problem.severity == 'warning' else 'problem'}: {problem}")
    if len(problems) > SHOWN_PROBLEMS:
        words(f"… and {len(problems) - SHOWN_PROBLEMS} more" + (f", all in {where}" if where else ""))
    if any(p.severity == "error" for p in problems):
        raise typer.Exit(3)


def _keep(problems: Sequence[Problem], project: Project | None) -> Path | None:
    if project is None or not problems:
        return None
    import csv
    import io

    from firstpass.atomic import atomic_file

    text = io.StringIO()
    writer = csv.DictWriter(text, ["where", "what", "expected", "remedy", "severity"])
    writer.writeheader()
    for problem in problems:
        cells = problem.as_dict()
        writer.writerow({k: "'" + v if v[:1] in {"=", "+", "-", "@"} else v for k, v in cells.items()})
    path = project.reports_path / "problems.csv"
    try:
        with atomic_file(path) as target:
            target.write_text(text.getvalue(), encoding="utf-8")
    except FormatError as error:  # a project that can only be read
        words(f"the list of problems was not kept: {error}")
        return None
    return path


@contextmanager
def progress_bar(title: str, unit: str = "images") -> Generator[Callable[[int, int | None], None]]:
    """A bar on standard error with rate and time left; silent when that is no terminal. Yields report(done, total or None)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None, rate="")

        def report(done: int, total: int | None) -> None:
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:.1f} {unit}/s" if speed else "")

        yield report


def parse_settings(pairs: Sequence[str] | None) -> dict[str, Any]:
    """``NAME=VALUE`` pairs as a dict; values are read as JSON where they are JSON, else kept as text. Raises UsageError."""
    settings: dict[str, Any] = {}
    for pair in pairs or ():
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"--set takes NAME=VALUE, but got {pair!r}")
        try:
            settings[name.strip()] = json.loads(value)
        except ValueError:
            settings[name.strip()] = value
    return settings


def percent(share: float | None) -> str:
    """A share as text: 0.382 → "38 %"; None → "not enough data yet"."""
    return "not enough data yet" if share is None else f"{share * 100:.0f} %"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Rows as aligned plain text: the first column to the left, the others to the right."""
    cells = [[str(c) for c in header], *[[str(c) for c in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    out = [
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]
    out.insert(1, "  ".join("─" * w for w in widths))
    return [line.rstrip() for line in out]


def shortened(names: Sequence[str], most: int = 12) -> str:
    """Names in one line, the first twelve and how many more there are."""
    more = f" … and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
