"""Firstpass: the model makes the first pass; your experts have the last word.

>>> from firstpass import Project
>>> project = Project.open("shelf")            # doctest: +SKIP
>>> for labeled in project.layers["review"]:   # doctest: +SKIP
...     print(labeled.image.name, len(labeled.objects))

Names are loaded when first used, so that importing the package is quick and brings no model library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firstpass.errors import FirstpassError, Problem
    from firstpass.labels import (
        Author,
        Box,
        ImageRef,
        LabelClass,
        Labeled,
        LabeledImage,
        Mask,
        Ontology,
        Point,
        Polygon,
        PolygonPart,
        Tag,
    )
    from firstpass.project import Project

__version__ = "0.1.0"

_HOME = {
    **dict.fromkeys(("FirstpassError", "Problem"), "firstpass.errors"),
    **dict.fromkeys(
        (
            "Author",
            "Box",
            "ImageRef",
            "LabelClass",
            "Labeled",
            "LabeledImage",
            "Mask",
            "Ontology",
            "Point",
            "Polygon",
            "PolygonPart",
            "Tag",
        ),
        "firstpass.labels",
    ),
    "Project": "firstpass.project",
}

__all__ = [
    "Author",
    "Box",
    "FirstpassError",
    "ImageRef",
    "LabelClass",
    "Labeled",
    "LabeledImage",
    "Mask",
    "Ontology",
    "Point",
    "Polygon",
    "PolygonPart",
    "Problem",
    "Project",
    "Tag",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'firstpass' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
