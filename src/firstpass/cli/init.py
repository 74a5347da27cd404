"""Start a project: register the images, and bring labels and metadata in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, finish, progress_bar, shortened

NAME = "init"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    images: Annotated[str, typer.Option(help="Folder of images, or an fsspec URL such as s3://bucket/folder.")],
    classes: Annotated[str, typer.Option(help="Class names, separated by commas.")] = "",
    labels: Annotated[Path | None, typer.Option(help="A label file or folder to import; its format is found out.")] = None,
    metadata: Annotated[Path | None, typer.Option(help="A table with one row per image: CSV, TSV, JSON.")] = None,
    name: Annotated[str, typer.Option(help="The project's name, the folder's when left out.")] = "",
    as_json: Json = False,
) -> None:
    from firstpass.stages import import_
    from firstpass.stages import metadata as metadata_stage

    names = [c.strip() for c in classes.split(",") if c.strip()]
    with import_.create_project(project, images=images, classes=names, name=name) as opened:
        with progress_bar("images") as report:
            found = import_.import_images(opened, progress=report)
        problems = list(found.problems)
        lines = [f"{project}: {found.new:,} images registered"]
        payload: dict[str, object] = {"project": str(project), "images": found}
        if labels is not None:
            with progress_bar("labels") as report:
                taken = import_.import_labels(opened, labels, progress=report)
            problems += taken.problems
            payload["labels"] = taken
            lines.append(taken.words)
        if metadata is not None:
            rows = metadata_stage.import_metadata(opened, metadata)
            problems += rows.problems
            payload["metadata"] = rows
            lines.append(f"metadata for {rows.images:,} images: {', '.join(rows.columns)}")
        lines.append(f"classes: {shortened(opened.ontology.names) or 'none yet, add them to firstpass.toml'}")
        finish(payload, as_json=as_json, lines=lines, problems=problems, project=opened)
