"""The whole loop on a made-up data set, offline: first labels, trial, train, first pass, review, and again; with a report."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstpass.cli._run import Json, finish, percent, progress_bar, table, words
from firstpass.errors import UsageError

if TYPE_CHECKING:
    from firstpass.project import Project

NAME = "demo"
FIRST, NEXT = 8, 14  # images drawn by hand; images per round after that


def run(  # noqa: D103  # its help text is the module's docstring
    folder: Annotated[Path, typer.Argument(help="Folder to make; must not exist.")] = Path("demo-shelf"),
    count: Annotated[int, typer.Option(min=12, help="How many scenes.")] = 50,
    seed: Annotated[int, typer.Option(help="Same seed, same scenes.")] = 7,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove an earlier demo in that folder first.")] = False,
    scenes_only: Annotated[bool, typer.Option("--scenes-only", help="Only make the images, their labels and reports.")] = False,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project

    if folder.exists() and fresh:
        if not (folder / ".firstpass-demo").exists():
            raise UsageError(f"{folder} was not made by `firstpass demo`; it is left as it is")
        shutil.rmtree(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is there already: name another folder, or add --fresh to make an earlier demo again")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".firstpass-demo").touch()
    truth, reports = _make(folder, count, seed)
    if scenes_only:
        finish(
            {"images": str(folder / "images"), "truth": str(truth), "metadata": str(reports)},
            as_json=as_json, lines=[f"{count} scenes in {folder / 'images'}", f"labels: {truth}", f"reports: {reports}"],
        )  # fmt: skip
        return
    from firstpass.stages import import_
    from firstpass.stages.metadata import import_metadata

    with import_.create_project(folder / "shelf", images=str(folder / "images"), name="demo") as project:
        words("2 · a project over the images, with what the store wrote about them")
        import_.import_images(project)
        import_.import_labels(project, truth, layer="truth", kind="truth")
        import_metadata(project, reports)
    with Project.open(folder / "shelf") as project:
        payload, lines = _loop(project, seed)
    finish(payload, as_json=as_json, lines=lines)


def _make(folder: Path, count: int, seed: int) -> tuple[Path, Path]:
    """The scenes, their exact truth as a file, and the store's reports."""
    from firstpass import registry
    from firstpass.formats.base import WriteContext
    from firstpass.synthesis.scenes import make_scenes

    words(f"1 · {count} made-up pictures of shop shelves (seed {seed})")
    scenes = make_scenes(folder / "images", count, seed=seed)
    truth = folder / "truth.jsonl"
    registry.find("formats", "native").factory.write(truth, scenes.labeled, WriteContext(scenes.ontology))
    reports = folder / "reports.csv"
    shutil.move(scenes.metadata_path, reports)
    return truth, reports


def _loop(project: Project, seed: int) -> tuple[dict[str, Any], list[str]]:
    """Round 1 by hand, then train → first pass → review, until every image is reviewed."""
    from firstpass.stages.export import export
    from firstpass.stages.prelabel import prelabel
    from firstpass.stages.report import write_report
    from firstpass.stages.review import simulated_review
    from firstpass.stages.select import select
    from firstpass.stages.train import train

    words(f"3 · the first {FIRST} images, unlike each other, drawn by hand (by a simulated expert, at published speeds)")
    select(project, "diversity", FIRST, seed=seed)
    reviews = [simulated_review(project, "truth")]
    _tournament(project)
    rounds = 0
    while len(project.reviewed) < project.store.images.count():
        rounds += 1
        words(f"{4 + rounds} · learn from {len(project.reviewed)} images, propose on the rest, correct the next {NEXT}")
        with progress_bar("learning", "steps") as bar:
            train(project, progress=lambda what, share: bar(int(share * 1000), 1000))
        with progress_bar("first pass") as bar:
            reviewed = project.reviewed.looked()
            rest = [ref.name for ref in project.store.images.all() if ref.name not in reviewed]
            first_pass = prelabel(project, names=rest, progress=lambda now: bar(now.done, now.total))
        select(project, "uncertainty", NEXT, layer=first_pass.layer, seed=seed)
        reviews.append(simulated_review(project, "truth", proposals=first_pass.layer))
    out = project.path / "export"
    export(project, "coco", out / "coco.json")
    export(project, "yolo", out / "yolo", copy_images=True)
    written = write_report(project)
    return _summary(project, reviews, written.path, out)


def _tournament(project: Project) -> None:
    """A small trial: which labeler would cost the expert the fewest seconds, measured on the images labeled so far."""
    from firstpass.stages.trial import Candidate, trial

    words("4 · trial: which labeler would cost the fewest seconds? (held-out answers on the labeled images)")
    candidates = [Candidate("pixel-forest"), Candidate("fake", {"seed": 1})]
    result = trial(project, candidates, truth=project.reviewed)
    for line in table(*result.to_rows()):
        words(f"    {line}")


def _summary(project: Project, reviews: list[Any], report: Path, out: Path) -> tuple[dict[str, Any], list[str]]:
    rows: list[tuple[Any, ...]] = []
    images = 0
    for number, review in enumerate(reviews):
        images += review.images
        how = "by hand" if number == 0 else "corrected"
        seconds = (f"{review.seconds:.0f}", f"{review.baseline_seconds:.0f}")
        rows.append((number + 1, how, images, *seconds, percent(review.saved_fraction)))
    spent, by_hand = (sum(getattr(r, key) for r in reviews) for key in ("seconds", "baseline_seconds"))
    saved = 1 - spent / by_hand if by_hand else 0.0
    rows.append(("all", "", images, f"{spent:.0f}", f"{by_hand:.0f}", percent(saved)))
    lines = table(("round", "labels", "images", "seconds", "all by hand", "saved"), rows)
    lines += ["", f"labels:  {out}", f"report:  {report}", f"project: {project.path}"]
    payload = {
        "seconds": spent, "baseline_seconds": by_hand, "saved_fraction": saved, "report": str(report), "export": str(out),
        "rounds": [{"images": r.images, "seconds": r.seconds, "baseline_seconds": r.baseline_seconds} for r in reviews],
    }  # fmt: skip
    return payload, lines
