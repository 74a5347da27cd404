"""Every strategy, whoever wrote it, keeps the contract of firstpass.strategies.base."""

import numpy as np
import pytest

from firstpass import registry
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId, Tag
from firstpass.strategies.base import Choice, Pool, StrategySpec

NAMES = registry.names("strategies")
CLASSES = ("RBC", "WBC", "Platelets")


def refs(n):
    return [ImageRef(f"{i:032x}", f"{i}.png", f"{i}.png", 64, 48) for i in range(n)]


def proposal(ref, rng):
    author = Author("labeler", "fake")
    objects = tuple(
        Labeled(
            ObjectId(str(j)),
            CLASSES[int(rng.integers(3))],
            Box(1, 1, 9, 9),
            float(rng.random()) if rng.random() < 0.9 else None,
        )
        for j in range(int(rng.integers(0, 6)))
    )
    return LabeledImage(ref, author, objects, (Tag("WBC", score=float(rng.random())), Tag("", "caption", "text")))


def pool_of(n, *, proposals=True, embeddings=True, labeled=True, seed=0):
    rng = np.random.default_rng(seed)
    images = refs(n)
    said = [proposal(r, rng) if proposals and rng.random() < 0.8 else None for r in images]
    vectors = rng.normal(size=(n, 8)).astype(np.float32) if embeddings else None
    return Pool(
        images, said, CLASSES, vectors,
        rng.normal(size=(4, 8)).astype(np.float32) if embeddings and labeled else None,
        {"RBC": 50, "WBC": 2} if labeled else None,
    )  # fmt: skip


def choose(name, pool, count, seed=1):
    return registry.find("strategies", name).factory.choose(pool, count, np.random.default_rng(seed))


def check(choices, pool, count):
    assert len(choices) == min(count, len(pool.images))
    assert all(isinstance(c, Choice) for c in choices)
    assert len({c.index for c in choices}) == len(choices)
    assert all(0 <= c.index < len(pool.images) for c in choices)
    assert all(np.isfinite(c.priority) for c in choices)
    assert all(c.why.strip() and len(c.why) < 200 for c in choices)


@pytest.mark.parametrize("name", NAMES)
def test_spec_is_whole(name):
    spec = registry.find("strategies", name).spec
    assert isinstance(spec, StrategySpec)
    assert spec.name == name
    assert spec.summary


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("labeled", [True, False])
@pytest.mark.parametrize("embeddings", [True, False])
@pytest.mark.parametrize("proposals", [True, False])
@pytest.mark.parametrize(("n", "count"), [(30, 7), (5, 5), (3, 10), (1, 1)])
def test_choices_are_distinct_and_few_enough(name, proposals, embeddings, labeled, n, count):
    pool = pool_of(n, proposals=proposals, embeddings=embeddings, labeled=labeled)
    check(choose(name, pool, count), pool, count)


@pytest.mark.parametrize("name", NAMES)
def test_empty_pool_gives_nothing(name):
    assert list(choose(name, Pool((), (), CLASSES), 5)) == []
    assert list(choose(name, Pool((), (), (), np.zeros((0, 8), np.float32), np.zeros((0, 8), np.float32), {}), 5)) == []


@pytest.mark.parametrize("name", NAMES)
def test_none_wanted_gives_nothing(name):
    assert list(choose(name, pool_of(5), 0)) == []


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_choice(name):
    pool = pool_of(40)
    assert choose(name, pool, 9) == choose(name, pool, 9)


@pytest.mark.parametrize("name", NAMES)
def test_no_classes_and_unknown_classes_are_fine(name):
    whole = pool_of(12)
    check(choose(name, Pool(whole.images, whole.proposals, (), whole.embeddings), 4), whole, 4)
    check(choose(name, Pool(whole.images, [None] * 12, ()), 4), whole, 4)


@pytest.mark.parametrize("name", NAMES)
def test_not_a_number_and_zero_embeddings_are_survived(name):
    pool = pool_of(10)
    assert pool.embeddings is not None
    pool.embeddings[:3] = np.nan
    pool.embeddings[3:5] = 0
    check(choose(name, pool, 10), pool, 10)


@pytest.mark.parametrize("name", NAMES)
def test_identical_images_are_survived(name):
    images = refs(8)
    pool = Pool(images, [None] * 8, CLASSES, np.ones((8, 3), np.float32), np.ones((2, 3), np.float32))
    check(choose(name, pool, 6), pool, 6)


@pytest.mark.parametrize("name", NAMES)
def test_pool_is_not_changed(name):
    pool = pool_of(20)
    assert pool.embeddings is not None
    before = pool.embeddings.copy()
    pool.embeddings.setflags(write=False)
    choose(name, pool, 5)
    assert np.array_equal(pool.embeddings, before)
