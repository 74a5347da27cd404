"""A real desk: the product's own server process, and the system's Chromium driven by Playwright."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firstpass.labels import Author, Box, Labeled, LabeledImage, ObjectId
from firstpass.project import Project
from firstpass.stages.import_ import import_images

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
STATIC = ROOT / "src" / "firstpass" / "web" / "static" / "index.html"
WIDTH, HEIGHT, IMAGES = 320, 240, 12
SAVED = "[data-testid=save-state][data-state=saved]"


def pytest_collection_modifyitems(items):
    why = "no Chromium on this machine" if CHROMIUM is None else "" if STATIC.is_file() else "the desk's pages are not built"
    for item in items:
        if "e2e" in item.path.parts and why:
            item.add_marker(pytest.mark.skip(reason=f"{why}: python frontend/build.py, apt-get install chromium"))


@dataclass
class Desk:
    """A project with a first pass, and the server over it."""

    path: Path
    port: int = 0
    process: subprocess.Popen | None = None
    url: str = ""
    log: list[str] = field(default_factory=list)

    def start(self):
        command = [sys.executable, "-m", "firstpass", "review", str(self.path), "--no-browser", "--port", str(self.port)]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
        )
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"https?://\S+token=\S+", line):
                self.url = found[0]
                self.port = int(re.search(r":(\d+)/", self.url)[1])
                return self
        raise AssertionError(f"the desk did not start: {self.log}")

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill()

    def reviewed(self):
        with Project.open(self.path) as project:
            return {labeled.image.name: labeled for labeled in project.layers["review"]} if "review" in project.layers else {}


def make_project(folder: Path) -> Path:
    """Twelve pictures of two disks and a square; the first pass sees the disks, one of them badly placed."""
    photos = folder / "photos"
    photos.mkdir()
    rng = np.random.default_rng(7)
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    for i in range(IMAGES):
        picture = rng.integers(190, 215, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        for x, y in ((80, 80), (230, 150)):
            picture[(xs - x) ** 2 + (ys - y) ** 2 <= 30**2] = (40, 60, 150)
        picture[170:210, 60:120] = (170, 60, 40)
        Image.fromarray(picture).save(photos / f"p{i:02}.jpg", quality=92)
    path = folder / "shelf"
    author = Author("labeler", "made-up", "1")
    with Project.create(path, images=str(photos), classes=["disk", "square", "<script>alert(1)</script>"]) as project:
        import_images(project)
        layer = project.store.layers.create("made-up-1", author, "prelabel")
        layer.write(
            LabeledImage(
                ref,
                author,
                (
                    Labeled(ObjectId(f"{ref.name}-a"), "disk", Box(50, 50, 110, 110), 0.9),
                    Labeled(ObjectId(f"{ref.name}-b"), "disk", Box(195, 130, 255, 190), 0.45),
                ),
            )
            for ref in project.images
        )
    return path


class Hand:
    """Mouse and keyboard in pixels of the image."""

    def __init__(self, page):
        self.page = page
        self.stage = page.get_by_test_id("stage")

    def ready(self):
        self.page.wait_for_selector("[data-ready=yes]")
        self.page.wait_for_selector("[data-testid=stage]:not([data-image=''])")
        return self

    def open(self, url):
        self.page.goto(url)
        if "#/review" not in url:
            self.page.get_by_test_id("to-review").click()
        return self.ready()

    def at(self, x, y):
        box, scale = self.stage.bounding_box(), float(self.stage.get_attribute("data-scale"))
        return box["x"] + box["width"] / 2 + (x - WIDTH / 2) * scale, box["y"] + box["height"] / 2 + (y - HEIGHT / 2) * scale

    def click(self, x, y, **more):
        self.page.mouse.click(*self.at(x, y), **more)

    def drag(self, start, end):
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), steps=3)
        self.page.mouse.move(*self.at(*end), steps=3)
        self.page.mouse.up()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def objects(self, count):
        self.page.wait_for_selector(f"[data-testid=stage][data-objects='{count}']")
        return self

    def saved(self):
        self.page.wait_for_selector(SAVED)
        return self

    def image(self):
        return self.stage.get_attribute("data-image")

    def next_image(self, before):
        self.page.wait_for_selector(f"[data-testid=stage]:not([data-image='']):not([data-image='{before}'])")
        return self.ready()


@pytest.fixture
def desk(tmp_path):
    found = Desk(make_project(tmp_path)).start()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    errors = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.set_default_timeout(15_000)
    yield opened
    context.close()
    assert not errors, errors


def wait_until(condition, timeout_s=15.0):
    """Polls until the condition holds; its last value."""
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)
    return value


@pytest.fixture
def new_hand():
    return Hand


@pytest.fixture
def hand(desk, page):
    return Hand(page).open(desk.url)


@pytest.fixture
def until():
    return wait_until
