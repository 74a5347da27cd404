"""The report's plots as inline SVG: matplotlib's object interface, no global state, colors that work on light and dark."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from firstpass.project import Project
    from firstpass.store import Layer

INK, ACCENT, SECOND = "#808080", "#3b82f6", "#E69F00"
MOST_BARS = 25


@dataclass(frozen=True, slots=True)
class Plot:
    """A title, one line that says what is seen, and the picture as SVG text."""

    title: str
    words: str
    svg: str


def _axes(width_in: float = 5.2, height_in: float = 2.8) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(width_in, height_in), layout="constrained")
    axes: Any = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(INK)
    axes.tick_params(which="both", colors=INK, labelsize=8)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(True, axis="y", color=INK, alpha=0.2, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Any) -> str:
    import matplotlib as mpl

    library: Any = mpl
    text = io.StringIO()
    with library.rc_context({"svg.hashsalt": "firstpass", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def learning(simulation: Mapping[str, Any]) -> list[Plot]:
    """Saved share and AP50 over labeled images, and hours against hours by hand; nothing without a curve."""
    curve: Sequence[Mapping[str, Any]] = simulation.get("curve") or ()
    if not curve:
        return []
    labeled = [c["labeled"] for c in curve]
    figure, axes = _axes()
    axes.plot(labeled, [100 * c["saved_fraction"] for c in curve], "o-", color=ACCENT, label="saved so far, %")
    quality = [np.nan if c.get("ap50") is None else 100 * c["ap50"] for c in curve]
    axes.plot(labeled, quality, "s--", color=SECOND, label="first pass AP50, %")
    axes.set_xlabel("images labeled")
    axes.legend(frameon=False, labelcolor=INK, fontsize=8)
    saved = _svg(figure)
    figure, axes = _axes()
    axes.plot(labeled, [c["baseline_seconds"] / 3600 for c in curve], "--", color=INK, label="all by hand")
    axes.plot(labeled, [c["seconds"] / 3600 for c in curve], "o-", color=ACCENT, label="with the first pass")
    axes.set_xlabel("images labeled")
    axes.set_ylabel("expert hours")
    axes.legend(frameon=False, labelcolor=INK, fontsize=8)
    return [
        Plot("Learning curve", "How much was saved, and how good the proposals were, as labels came in.", saved),
        Plot("Hours of expert time", "The gap between the lines is the time saved.", _svg(figure)),
    ]


def distribution(project: Project, layer: Layer | None) -> list[Plot]:
    """Objects per class, objects per image, box sizes of a layer; nothing for None or an empty one."""
    if layer is None or not sum(layer.counts().values()):
        return []
    counts = sorted(layer.counts().items(), key=lambda pair: -pair[1])
    figure, axes = _axes(5.2, max(1.6, 0.24 * min(len(counts), MOST_BARS) + 0.6))
    shown = counts[:MOST_BARS][::-1]
    colors = [project.ontology.color(name) if name in project.ontology else INK for name, _ in shown]
    axes.barh([_clean(name) for name, _ in shown], [n for _, n in shown], color=colors, edgecolor=INK, linewidth=0.6)
    axes.grid(True, axis="x", color=INK, alpha=0.2, linewidth=0.6)
    axes.set_xlabel("objects")
    more = f" The {MOST_BARS} most frequent of {len(counts)}." if len(counts) > MOST_BARS else ""
    plots = [Plot("Objects per class", "What was labeled." + more, _svg(figure))]
    table = layer.table()
    _, per_image = np.unique(table.image_names.astype(str), return_counts=True)
    empty = len(layer) - len(per_image)
    figure, axes = _axes()
    axes.hist(np.concatenate([per_image, np.zeros(max(empty, 0))]), bins=min(30, max(5, int(per_image.max()))), color=ACCENT)
    axes.set_xlabel("objects in one image")
    axes.set_ylabel("images")
    plots.append(Plot("Objects per image", f"{empty:,} images were looked at and found empty.", _svg(figure)))
    sides = np.sqrt(np.maximum(np.prod(table.xyxy_px[:, 2:] - table.xyxy_px[:, :2], axis=1), 1.0))
    figure, axes = _axes()
    axes.hist(sides, bins=np.geomspace(max(1, sides.min()), max(2, sides.max() + 1), 30), color=ACCENT)
    axes.set_xscale("log")
    axes.set_xlabel("side of an object, px (square root of the box's area)")
    plots.append(Plot("Object sizes", f"Half are smaller than {np.median(sides):.0f} px.", _svg(figure)))
    return plots


def _clean(name: str) -> str:
    """A class name as plain text for a plot: no math mode, no control characters."""
    kept = "".join(c if c.isprintable() else " " for c in name)
    return kept.replace("$", r"\$")[:40]
