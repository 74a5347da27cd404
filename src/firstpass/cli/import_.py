"""Bring labels, metadata or new images into a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, finish, progress_bar, shortened
from firstpass.errors import UsageError

NAME = "import"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    path: Annotated[Path | None, typer.Argument(metavar="[PATH]", help="Label file or folder; nothing = new images.")] = None,
    format_name: Annotated[str | None, typer.Option("--format", help="coco, yolo, voc, …; found out when left out.")] = None,
    layer: Annotated[str | None, typer.Option(help="Layer to write; named after the file when left out.")] = None,
    metadata: Annotated[Path | None, typer.Option(help="A table with one row per image: CSV, TSV, JSON.")] = None,
    add_classes: Annotated[bool, typer.Option(help="Add classes that the project lacks, instead of leaving them out.")] = False,
    keep_missing: Annotated[bool, typer.Option(help="Keep labels of images that are not in the folder.")] = False,
    recheck: Annotated[bool, typer.Option(help="Look again at images that are known: which have changed?")] = False,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages import import_
    from firstpass.stages import metadata as metadata_stage

    if path is None and (format_name or layer):
        raise UsageError("--format and --layer go with a label file or folder: firstpass import PROJECT PATH")
    with Project.open(project) as opened:
        if path is not None:
            with progress_bar("labels") as report:
                taken = import_.import_labels(
                    opened, path, format=format_name, layer=layer, add_classes=add_classes or None, keep_missing=keep_missing,
                    progress=report,
                )  # fmt: skip
            lines = [taken.words]
            if taken.already:
                lines.append(f"{taken.already:,} images were there already")
            if taken.new_classes:
                lines.append(f"new classes: {shortened(taken.new_classes)}")
            finish(taken, as_json=as_json, lines=lines, problems=taken.problems, project=opened)
        elif metadata is not None:
            rows = metadata_stage.import_metadata(opened, metadata)
            lines = [f"metadata for {rows.images:,} images: {', '.join(rows.columns)}"]
            finish(rows, as_json=as_json, lines=lines, problems=rows.problems, project=opened)
        else:
            with progress_bar("images") as report:
                found = import_.import_images(opened, recheck=recheck, progress=report)
            lines = [f"{found.new:,} new images, {found.known:,} known, {found.changed:,} changed"]
            finish(found, as_json=as_json, lines=lines, problems=found.problems, project=opened)
