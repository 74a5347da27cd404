from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from firstpass.media import Probed, join_uri, probe, read_image, scan

DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the labeled data sets are not beside the checkout")
def test_real_pictures_equal_pillow():
    names = [name for name in scan(str(DATA)) if isinstance(name, str)]
    for name in islice(names, 0, None, max(1, len(names) // 60)):
        found = probe(join_uri(str(DATA), name), name)
        assert isinstance(found, Probed)
        with Image.open(found.ref.uri) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        rgb = read_image(found.ref)
        assert rgb.shape == expected.shape == (found.ref.height_px, found.ref.width_px, 3)
        assert np.abs(rgb.astype(int) - expected).max() <= 2
