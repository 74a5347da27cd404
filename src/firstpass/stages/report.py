"""The report: seconds saved, learning curve, distribution, weak classes, pictures: one HTML file without network, and CSV.

Stages do not know each other: what `simulate` and `trial` found comes in as the plain dicts of their ``as_dict()``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstpass.atomic import atomic_file
from firstpass.metrics.effort import CostTable
from firstpass.stages import _report_charts, _report_views
from firstpass.stages import _report_figures as figures_of

if TYPE_CHECKING:
    from firstpass.project import Project

TEMPLATES = Path(__file__).parent / "templates"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class ReportResult:
    """path: the HTML file. figures: the numbers in it, plain. tables: the CSV files beside it."""

    path: Path
    figures: Mapping[str, Any]
    tables: tuple[Path, ...] = ()


def write_report(
    project: Project,
    *,
    out: Path | None = None,
    simulation: Mapping[str, Any] | None = None,
    trial: Mapping[str, Any] | None = None,
    pictures: bool = True,
) -> ReportResult:
    """Writes ``reports/report.html`` (or `out`) whole or not at all, and CSV tables beside it.

    pictures: False leaves every picture of the data set out, for sets whose license forbids showing them. A project without
    labels gives a report that says so. Raises FormatError when the target cannot be written.
    """
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    path = out or project.reports_path / "report.html"
    figures = figures_of.collect(project, CostTable.from_mapping(project.config.costs))
    reviewed = project.reviewed if len(project.reviewed) else None
    plots = _report_charts.distribution(project, reviewed)
    if simulation:
        plots = [*_report_charts.learning(simulation), *plots]
    shown = _report_views.pairs(project) if pictures else []
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(default=True), trim_blocks=True)
    html = environment.get_template("report_page.html.j2").render(
        project=project,
        figures=figures,
        plots=plots,
        pictures=shown,
        simulation=simulation,
        trial=trial,
        colors=_colors(project),
    )
    with atomic_file(path) as target:
        target.write_text(html, encoding="utf-8")
    tables = [_table(path.with_name("classes.csv"), figures["classes"])]
    if figures["experts"]:
        kept = [{k: v for k, v in row.items() if k != "by_action"} for row in figures["experts"]]
        tables.append(_table(path.with_name("experts.csv"), kept))
    if simulation and simulation.get("curve"):
        tables.append(_table(path.with_name("curve.csv"), simulation["curve"]))
    if trial and trial.get("rows"):
        tables.append(_table(path.with_name("trial.csv"), trial["rows"]))
    return ReportResult(path, figures, tuple(tables))


def _colors(project: Project) -> dict[str, str]:
    return {name: project.ontology.color(name) for name in project.ontology.names}


def _table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A CSV file; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    with atomic_file(path) as target:
        target.write_text(text.getvalue(), encoding="utf-8")
    return path


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
