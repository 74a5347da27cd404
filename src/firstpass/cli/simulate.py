"""The whole session from zero labels with a simulated expert: seconds saved, quality of the labels, learning curve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, Setting, finish, parse_settings, percent, progress_bar, table, words

NAME = "simulate"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    truth: Annotated[str, typer.Option(help="A label file or folder, or a layer of the project, taken as the truth.")],
    labeler: Annotated[str, typer.Option(help="See `firstpass labelers`; the embedded one when left out.")] = "",
    settings: Setting = None,
    strategy: Annotated[str, typer.Option(help="Which images next: random, uncertainty, diversity.")] = "random",
    first: Annotated[int, typer.Option(min=1, help="Images labeled by hand before the first fit.")] = 5,
    seed: Annotated[int, typer.Option(help="Same seed, same session.")] = 0,
    pictures: Annotated[bool, typer.Option(help="Put pictures into the report; leave out where a license forbids it.")] = True,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages.import_ import import_labels
    from firstpass.stages.report import write_report
    from firstpass.stages.simulate import simulate

    with Project.open(project) as opened, progress_bar("session", "steps") as bar:
        problems = ()
        layers = {info.name for info in opened.store.layers.all()}
        if truth in layers:
            layer = opened.layers.get(truth)
        else:
            taken = import_labels(opened, Path(truth), kind="truth")
            layer, problems = opened.layers.get(taken.layer), taken.problems

        def progress(what: str, share: float) -> None:
            bar(int(share * 1000), 1000)

        result = simulate(
            opened, layer, labeler=labeler, settings=parse_settings(settings), strategy=strategy, first=first, seed=seed,
            progress=progress,
        )  # fmt: skip
        payload = result.as_dict()
        report = write_report(opened, simulation=payload, pictures=pictures)
        rows = [
            (c.labeled, f"{c.seconds / 60:.1f}", percent(c.saved_fraction), "–" if c.ap50 is None else f"{c.ap50:.2f}")
            for c in result.curve
        ]
        lines = table(("labeled", "minutes", "saved", "AP50"), rows)
        saved = ", ".join(f"{percent(share)} at {key} s a box" if key[0].isdigit() else f"{percent(share)} of {key} time"
                          for key, share in payload["saved_fraction"].items())  # fmt: skip
        lines += ["", f"saved, whole session: {saved}", f"final labels F1@0.5: {payload['labels_f1_50']:.3f}"]
        words(f"report: {report.path}")
        finish({**payload, "report": str(report.path)}, as_json=as_json, lines=lines, problems=problems, project=opened)
