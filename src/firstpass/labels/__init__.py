"""The values: shapes, labeled images, ontology. Frozen, checked at birth, free of any library but numpy and pycocotools."""

from firstpass.labels.labeled_image import (
    Author,
    ImageRef,
    Labeled,
    LabeledImage,
    ObjectId,
    Tag,
    stable_id,
)
from firstpass.labels.ontology import AttributeSpec, GuideExample, LabelClass, Ontology
from firstpass.labels.packed import PackedObjects
from firstpass.labels.shapes import Box, Mask, Point, Polygon, PolygonPart, Shape

__all__ = [
    "AttributeSpec", "Author", "Box", "GuideExample", "ImageRef", "LabelClass", "Labeled", "LabeledImage", "Mask",
    "ObjectId", "Ontology", "PackedObjects", "Point", "Polygon", "PolygonPart", "Shape", "Tag", "stable_id",
]  # fmt: skip
