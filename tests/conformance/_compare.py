"""Says where a sheet read back differs from the one written, beyond what the format declares to lose."""

from dataclasses import dataclass, replace

import numpy as np

from firstpass.formats.base import FormatSpec, Loss
from firstpass.labels import Box, Mask, Point, Polygon, geometry, rle

ROUGH_IOU = 0.7  # where a shape is declared to become one of another kind


@dataclass(frozen=True)
class Comparer:
    spec: FormatSpec

    def lost(self, loss):
        return loss in self.spec.losses

    def differences(self, written, read, reader):
        """Two sequences of LabeledImage; the author that the read context gave."""
        got = {i.image.name: i for i in read}
        if len(got) < len(read):
            yield "an image came twice"
        for labeled in written:
            expected = self.expected(labeled)
            name = labeled.image.name
            nothing = not expected.objects and not expected.tags
            if name not in got:
                if not (nothing and (self.lost(Loss.EMPTY_IMAGES) or labeled.objects or labeled.tags)):
                    yield f"{name} is missing"
                continue
            found = got.pop(name)
            if found.image != labeled.image:
                yield f"{name}: image is {found.image}"
            author = reader if self.lost(Loss.AUTHOR) else labeled.author
            if found.author != author:
                yield f"{name}: author is {found.author}"
            yield from self.tag_differences(name, expected.tags, found.tags)
            yield from self.object_differences(expected, found)
        for name in got:
            yield f"{name} was not written"

    def expected(self, labeled):
        """What is to come back, as far as single fields go."""
        objects = [o for o in labeled.objects if not self.vanishes(o.shape)]
        if self.lost(Loss.SCORES):
            objects = [replace(o, score=None) for o in objects]
        if self.lost(Loss.TEXT):
            objects = [replace(o, text=None) for o in objects]
        if self.lost(Loss.ATTRIBUTES):
            objects = [replace(o, attributes={}) for o in objects]
        tags = () if self.lost(Loss.TAGS) else labeled.tags
        if self.lost(Loss.TAG_DETAILS):
            tags = tuple(type(t)(t.name) for t in tags if t.kind == "class")
        return replace(labeled, objects=tuple(objects), tags=tags)

    def vanishes(self, shape):
        if isinstance(shape, Point):
            return self.lost(Loss.POINTS)
        flat = self.lost(Loss.BOXES) and self.lost(Loss.POLYGONS)
        return flat and (self.lost(Loss.MASKS) or not isinstance(shape, Mask))

    def tag_differences(self, name, expected, found):
        if self.lost(Loss.TAG_DETAILS):
            wanted, had = {t.name for t in expected}, {t.name for t in found if t.kind == "class"}
            if wanted != had:
                yield f"{name}: class tags are {had}, not {wanted}"
            return

        def same(a, b):
            return replace(a, score=None) == replace(b, score=None) and self.same_score(a.score, b.score)

        if len(expected) != len(found) or not all(any(same(a, b) for b in found) for a in expected):
            yield f"{name}: tags are {found}, not {expected}"

    def object_differences(self, expected, found):
        name, left = expected.image.name, list(found.objects)
        for obj in expected.objects:
            hit = next((o for o in left if self.same(obj, o, expected.image)), None)
            if hit is None:
                yield f"{name}: {obj} is not among {left}"
            else:
                left.remove(hit)
        for obj in left:
            yield f"{name}: {obj} was not written"

    def same(self, a, b, image):
        if a.class_name != b.class_name or a.text != b.text or dict(a.attributes) != dict(b.attributes):
            return False
        if not self.lost(Loss.OBJECT_IDS) and a.id != b.id:
            return False
        return self.same_score(a.score, b.score) and self.same_shape(a.shape, b.shape, image)

    def same_score(self, a, b):
        if a is None or b is None:
            return a is b
        return abs(a - b) <= (1e-4 if self.lost(Loss.ROUNDING) else 0)

    def same_shape(self, a, b, image):
        if self.near(a, b, image):
            return True
        size = (image.height_px, image.width_px)
        if isinstance(a, Polygon):
            holed = len(a.parts) > 1 or any(p.holes for p in a.parts)
            if holed and self.lost(Loss.HOLES) and isinstance(b, Mask | Polygon):
                return geometry.shape_iou_matrix([a], [b], *size)[0, 0] > (0.99 if isinstance(b, Mask) else 0.3)
            if self.lost(Loss.POLYGONS) and isinstance(b, Box):
                return self.near(geometry.bounds(a), b, image)
        if isinstance(a, Mask) and self.lost(Loss.MASKS):
            if isinstance(b, Polygon):
                return geometry.shape_iou_matrix([a], [b], *size)[0, 0] > (0.3 if self.lost(Loss.HOLES) else ROUGH_IOU)
            return isinstance(b, Box) and self.near(geometry.bounds(a), b, image)
        if isinstance(a, Box) and self.lost(Loss.BOXES) and isinstance(b, Polygon):
            return self.near(a, geometry.bounds(b), image)
        return False

    def near(self, a, b, image):
        if type(a) is not type(b):
            return False
        if isinstance(a, Mask):
            return a == b or bool((rle.decode(a) == rle.decode(b)).all())
        if isinstance(a, Polygon):
            rings = [[(p.outer, *p.holes) for p in s.parts] for s in (a, b)]
            if [[len(r) for r in part] for part in rings[0]] != [[len(r) for r in part] for part in rings[1]]:
                return False
        tolerance = self.spec.tolerance_px * max(1.0, max(image.width_px, image.height_px) / 1000)
        return bool(np.abs(numbers(a) - numbers(b)).max() <= tolerance)


def numbers(shape):
    match shape:
        case Box():
            return np.asarray(shape.xyxy_px)
        case Point(x, y):
            return np.asarray((x, y))
        case Polygon(parts):
            return np.asarray([v for p in parts for ring in (p.outer, *p.holes) for xy in ring for v in xy])
