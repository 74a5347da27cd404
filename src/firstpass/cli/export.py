"""Take labels out of a project, in any format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, finish

NAME = "export"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    path: Annotated[Path, typer.Argument(help="File or folder to write; must not exist.")],
    format_name: Annotated[str, typer.Option("--format", help="native, coco, yolo, voc, labelme, csv, image-folder.")] = "coco",
    layer: Annotated[str | None, typer.Option(help="Layer to export; the reviewed labels when left out.")] = None,
    min_score: Annotated[float | None, typer.Option(min=0, max=1, help="Leave out proposals below this score.")] = None,
    classes: Annotated[str, typer.Option(help="Only these classes, separated by commas.")] = "",
    copy_images: Annotated[bool, typer.Option(help="Put the images beside the labels, where the format has a place.")] = False,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages.export import export

    with Project.open(project) as opened:
        names = [c.strip() for c in classes.split(",") if c.strip()]
        for name in names:
            opened.ontology.index(name)
        done = export(
            opened, format_name, path, layer=layer, min_score=min_score, copy_images=copy_images, class_names=names or None
        )
        lines = [f"{done.objects:,} objects on {done.images:,} images of layer {done.layer} → {done.path} ({done.format})"]
        finish(done, as_json=as_json, lines=lines, problems=done.problems, project=opened)
