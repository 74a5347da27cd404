"""A process killed while it writes: what is there is whole, and going on gives the same as never having been killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from firstpass.labels import ImageRef
from firstpass.store import NewImage, Store

IMAGES = 400

WRITER = """
import sys
from firstpass.labels import *
from firstpass.store import Store
author = Author("labeler", "robot", "1")
with Store.open(sys.argv[1]) as store:
    layer = store.layers.create("first", author, "prelabel")
    done = layer.looked()
    def looks():
        for n, ref in enumerate(store.images):
            if ref.name in done:
                continue
            if n % 50 == 0:
                print(n, flush=True)
            yield LabeledImage(ref, author, tuple(
                Labeled(stable_id("robot", ref.name, i), f"class {(n + i) % 7}", Box(i, i, i + n, i + 2), (n % 10) / 10)
                for i in range(n % 5)))
    layer.write(looks(), chunk=7)
"""


def new_store(file: Path) -> str:
    url = f"sqlite:///{file}"
    with Store.open(url, create=True) as store:
        store.images.add(NewImage(ImageRef("", f"/x/{n}", f"{n:04d}.jpg", 99, 99)) for n in range(IMAGES))
    return url


def test_killed_at_random_and_resumed_equals_undisturbed(tmp_path: Path) -> None:
    calm, rough = new_store(tmp_path / "calm.db"), new_store(tmp_path / "rough.db")
    subprocess.run([sys.executable, "-c", WRITER, calm], check=True, stdout=subprocess.DEVNULL)
    rng, kills = random.Random(5), 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", WRITER, rough], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # it has begun to write
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        process.stdout.close()
        with Store.open(rough) as store:
            assert store.check() == []
            assert "first" in store.layers
            assert len(store.layers["first"]) % 7 in (0, IMAGES % 7)
    assert kills >= 1
    subprocess.run([sys.executable, "-c", WRITER, rough], check=True, stdout=subprocess.DEVNULL)
    with Store.open(calm) as one, Store.open(rough) as other:
        assert list(one.layers["first"]) == list(other.layers["first"])
        assert one.layers["first"].counts() == other.layers["first"].counts()
        assert len(one.layers["first"]) == IMAGES
        assert other.check() == []
        assert all(len(other.layers["first"].history(f"{n:04d}.jpg")) == 1 for n in range(0, IMAGES, 13))


def test_killed_while_the_data_base_is_made_can_be_made_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    code = "import sys; from firstpass.store import Store; print(1, flush=True); Store.open(sys.argv[1], create=True); print(2)"
    for pause in (0.0, 0.005, 0.02):
        process = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause)
        process.kill()
        process.wait()
        process.stdout.close()
    with Store.open(url, create=True) as store:
        assert store.check() == []
