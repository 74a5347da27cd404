"""Finding the image that a label file means."""

from __future__ import annotations

import time
import unicodedata

import pytest

from firstpass.errors import Problem
from firstpass.labels import ImageRef
from firstpass.store.finder import Finder

DIGEST = "0123456789abcdef" * 2


def finder(*names: str, digests: dict[str, str] | None = None) -> Finder:
    return Finder(lambda: [ImageRef((digests or {}).get(name, ""), f"/x/{name}", name, 10, 10) for name in names])


def found(names: list[str], asked: str, digests: dict[str, str] | None = None) -> str:
    got = finder(*names, digests=digests).find(asked)
    return got.name if isinstance(got, ImageRef) else "!" + got.what


@pytest.mark.parametrize(
    ("names", "asked", "wanted"),
    [
        (["a/1.jpg", "1.jpg"], "1.jpg", "1.jpg"),
        (["a/1.jpg", "b/1.jpg"], "a/1.jpg", "a/1.jpg"),
        (["a/1.jpg"], "a\\1.jpg", "a/1.jpg"),
        (["a/1.jpg"], "./a/1.jpg", "a/1.jpg"),
        (["a/1.jpg", "b/1.jpg"], "C:\\data\\b\\1.jpg", "b/1.jpg"),
        (["a/1.jpg", "b/2.jpg"], "1.jpg", "a/1.jpg"),
        (["a/1.jpg", "b/2.jpg"], "/home/me/run/a/1.jpg", "a/1.jpg"),
        (["left/1.jpg", "right/1.jpg"], "/data/run3/left/1.jpg", "left/1.jpg"),
        (["x/left/1.jpg", "y/left/1.jpg", "left/1.jpg"], "z/y/left/1.jpg", "y/left/1.jpg"),
        (["IMG_1.JPG"], "img_1.jpg", "IMG_1.JPG"),
        (["A/IMG_1.JPG", "B/IMG_1.JPG"], "data/b/img_1.jpg", "B/IMG_1.JPG"),
        (["a/1.jpg", "a/1.JPG"], "a/1.JPG", "a/1.JPG"),
        (["a/1.jpg"], "1", "a/1.jpg"),
        (["a/1.tar.jpg"], "1.tar", "a/1.tar.jpg"),
        (["weird\\name.jpg"], "weird\\name.jpg", "weird\\name.jpg"),
    ],
)
def test_the_image_meant_is_found(names: list[str], asked: str, wanted: str) -> None:
    assert found(names, asked) == wanted


@pytest.mark.parametrize(
    ("names", "asked", "said"),
    [
        (["a/1.jpg", "b/1.jpg"], "1.jpg", "2 images that end like this: a/1.jpg, b/1.jpg"),
        (["a/1.jpg", "b/1.jpg"], "c/1.jpg", "2 images that end like this"),
        (["a.jpg", "A.jpg"], "A.JPG", "differ only in upper and lower case: a.jpg, A.jpg"),
        (["x/a.jpg", "y/A.jpg"], "a.JPG", "but for upper and lower case"),
        (["a/1.jpg", "a/1.png"], "a/1", "without its suffix: a/1.jpg, a/1.png"),
        (["a/1.jpg"], "a/2.jpg", "no image is called 'a/2.jpg'"),
        (["a/1.jpg"], "", "an empty image name"),
        (["a/1.jpg"], "./", "an empty image name"),
        ([], "a.jpg", "no image is called"),
    ],
)
def test_what_is_not_clear_is_a_problem_that_names_the_candidates(names: list[str], asked: str, said: str) -> None:
    assert said in found(names, asked)


def test_the_two_unicode_forms_mean_the_same_name() -> None:
    composed, decomposed = (unicodedata.normalize(form, "café/é.jpg") for form in ("NFC", "NFD"))
    assert found([composed], decomposed) == composed
    assert found([decomposed], composed) == decomposed
    assert found([decomposed], f"/data/{composed}") == decomposed
    assert found([composed, decomposed], decomposed) == decomposed  # the exact one wins
    mixed = unicodedata.normalize("NFC", "café/") + unicodedata.normalize("NFD", "é.jpg")
    assert "Unicode form" in found([composed, decomposed], mixed)


def test_a_digest_finds_and_comes_before_the_tail() -> None:
    digests = {"a/1.jpg": DIGEST}
    assert found(["a/1.jpg", "b/2.jpg"], DIGEST, digests) == "a/1.jpg"
    assert found(["a/1.jpg", "b/2.jpg"], f"images/{DIGEST.upper()}.jpg", digests) == "a/1.jpg"
    assert found(["a/1.jpg", f"b/{DIGEST}.jpg"], f"{DIGEST}.jpg", digests) == "a/1.jpg"
    assert "have this digest: a, b" in found(["a", "b"], DIGEST, {"a": DIGEST, "b": DIGEST})


def test_many_candidates_are_counted_not_all_named() -> None:
    said = found([f"{n}/1.jpg" for n in range(50)], "1.jpg")
    assert "50 images" in said
    assert "and 45 more" in said


def test_a_problem_has_a_place_and_a_remedy() -> None:
    problem = finder("a.jpg").find("b.jpg")
    assert isinstance(problem, Problem)
    assert (problem.where, bool(problem.remedy)) == ("b.jpg", True)


def test_the_index_is_built_once_and_lazily() -> None:
    calls: list[int] = []
    names = [f"{n % 97}/{n:06d}.jpg" for n in range(20_000)]

    def images() -> list[ImageRef]:
        calls.append(1)
        return [ImageRef("", name, name, 10, 10) for name in names]

    it = Finder(images)
    assert calls == []
    start = time.perf_counter()
    assert all(isinstance(it.find("/elsewhere/" + name), ImageRef) for name in names)
    assert all(isinstance(it.find(name.upper()), ImageRef) for name in names)
    assert time.perf_counter() - start < 5
    assert calls == [1]
