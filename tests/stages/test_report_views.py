"""What is drawn lies where the object is."""

import base64

import cv2
import numpy as np

from firstpass import Author, Box, ImageRef, Labeled, LabeledImage, Ontology
from firstpass.labels import rle, stable_id
from firstpass.stages import _report_views


class _Project:
    ontology = Ontology.of(["cup"])


def _drawn(shape):
    rgb = np.full((60, 80, 3), 255, np.uint8)
    labeled = LabeledImage(ImageRef("", "", "a", 80, 60), Author("file", "f"), (Labeled(stable_id(1), "cup", shape),))
    data = base64.b64decode(_report_views._draw(rgb, labeled, _Project()).partition(",")[2])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) < 200


def test_a_box_is_drawn_along_its_sides_and_nowhere_else():
    dark = _drawn(Box(10, 10, 50, 40))
    assert dark[10, 12:48].all()
    assert dark[12:38, 50].all()
    assert not dark[20:30, 20:40].any()
    assert not dark[48:].any()


def test_a_mask_is_drawn_along_its_outline():
    bitmap = np.zeros((60, 80), bool)
    bitmap[10:40, 10:50] = True
    dark = _drawn(rle.encode(bitmap))
    assert dark[10, 12:48].all()
    assert not dark[20:30, 20:40].any()
