"""What each strategy prefers, and the words it gives."""

import numpy as np
import pytest

from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId
from firstpass.strategies import _vectors, diversity, random, uncertainty
from firstpass.strategies.base import Pool

CLASSES = ("RBC", "Platelets")


def image(i):
    return ImageRef(f"{i:032x}", f"{i}.png", f"{i}.png", 64, 48)


def said(i, *guesses):
    objects = tuple(Labeled(ObjectId(str(j)), name, Box(0, 0, 5, 5), score) for j, (name, score) in enumerate(guesses))
    return LabeledImage(image(i), Author("labeler", "fake"), objects)


def pool(proposals, **more):
    return Pool([image(i) for i in range(len(proposals))], proposals, CLASSES, **more)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_doubtful_image_comes_before_sure_one():
    choices = uncertainty.PLUGIN.choose(pool([said(0, ("RBC", 0.99)), said(1, ("RBC", 0.5)), said(2, ("RBC", 0.9))]), 3, rng())
    assert [c.index for c in choices] == [1, 2, 0]
    assert choices[0].why == "1 uncertain RBC"


def test_rare_class_weighs_more_at_equal_doubt():
    proposals = [said(0, ("RBC", 0.5)), said(1, ("Platelets", 0.5))]
    choices = uncertainty.PLUGIN.choose(pool(proposals, labeled_counts={"RBC": 900, "Platelets": 3}), 2, rng())
    assert choices[0].index == 1
    assert "may show Platelets, rarely labeled so far" in choices[0].why


def test_images_not_looked_at_lie_in_the_middle():
    proposals = [said(0, ("RBC", 0.5), ("RBC", 0.5)), None, said(2, ("RBC", 0.8)), said(3, ("RBC", 0.99))]
    order = [c.index for c in uncertainty.PLUGIN.choose(pool(proposals), 4, rng())]
    assert order.index(0) < order.index(1) < order.index(3)


def test_no_batch_of_near_duplicates():
    proposals = [said(i, *[("RBC", 0.5)] * (10 if i < 8 else 3)) for i in range(12)]
    vectors = rng().normal(size=(12, 16)).astype(np.float32)
    vectors[:8] = vectors[0] + 1e-3 * vectors[:8]
    chosen = {c.index for c in uncertainty.PLUGIN.choose(pool(proposals, embeddings=vectors), 4, rng())}
    assert len(chosen & set(range(8))) == 1


def test_doubles_of_labeled_images_come_last():
    vectors = np.eye(4, dtype=np.float32)
    proposals = [said(i, ("RBC", 0.5)) for i in range(4)]
    choices = uncertainty.PLUGIN.choose(pool(proposals, embeddings=vectors, labeled_embeddings=vectors[:1]), 4, rng())
    assert choices[-1].index == 0


def test_image_with_far_fewer_objects_is_suspected_of_misses():
    proposals = [said(i, *[("RBC", 1.0)] * 20) for i in range(4)] + [said(4, ("RBC", 1.0))]
    choices = uncertainty.PLUGIN.choose(pool(proposals), 1, rng())
    assert choices[0].index == 4
    assert choices[0].why == "fewer objects found than usual (1)"


def test_batch_does_not_dwell_on_one_class():
    proposals = [said(i, *[("RBC", 0.6)] * 4) for i in range(6)] + [said(i, *[("Platelets", 0.6)] * 3) for i in range(6, 12)]
    chosen = [c.index for c in uncertainty.PLUGIN.choose(pool(proposals), 6, rng())]
    assert sum(i >= 6 for i in chosen) >= 2


def clusters(sizes, seed=0):
    generator = rng(seed)
    centers = np.eye(len(sizes), 12) * 3
    return np.concatenate([c + 0.05 * generator.normal(size=(n, 12)) for c, n in zip(centers, sizes, strict=True)]).astype(
        np.float32
    )


@pytest.mark.parametrize("seed", range(5))
def test_diversity_visits_every_cluster(seed):
    vectors = clusters([40, 30, 5, 25])
    owner = np.repeat(range(4), [40, 30, 5, 25])
    chosen = diversity.PLUGIN.choose(pool([None] * 100, embeddings=vectors), 4, rng(seed))
    assert {owner[c.index] for c in chosen} == {0, 1, 2, 3}
    assert min(c.why for c in chosen) == "another part of the set; stands for 25 similar images"


def test_diversity_leaves_what_is_labeled():
    vectors = clusters([30, 30, 30])
    chosen = diversity.PLUGIN.choose(pool([None] * 90, embeddings=vectors, labeled_embeddings=vectors[[0, 35]]), 1, rng())
    assert chosen[0].index >= 60
    assert chosen[0].why == "unlike anything labeled so far; stands for 30 similar images"


def test_diversity_prefers_rare_classes_among_equals():
    vectors = np.eye(20, dtype=np.float32)
    proposals = [said(i, ("Platelets" if i == 13 else "RBC", 0.9)) for i in range(20)]
    counts = {"RBC": 500, "Platelets": 0}
    hits = [
        13 in {c.index for c in diversity.PLUGIN.choose(pool(proposals, embeddings=vectors, labeled_counts=counts), 5, rng(s))}
        for s in range(20)
    ]
    assert sum(hits) > 15  # 5 of 20 by chance


def test_diversity_without_embeddings_uses_the_first_pass():
    proposals = [said(i, ("RBC", 0.9)) for i in range(10)] + [said(10, *[("Platelets", 0.9)] * 9)]
    chosen = diversity.PLUGIN.choose(pool(proposals), 2, rng())
    assert 10 in {c.index for c in chosen}
    assert chosen[0].why.startswith("another mix of classes, by the first pass")


def test_random_is_fair():
    counts = np.zeros(10)
    for seed in range(400):
        counts[[c.index for c in random.PLUGIN.choose(pool([None] * 10), 3, rng(seed))]] += 1
    assert counts.min() > 80
    assert counts.max() < 160


@pytest.mark.parametrize("strategy", [uncertainty.PLUGIN, diversity.PLUGIN])
def test_wrong_embeddings_are_refused(strategy):
    with pytest.raises(ValueError, match=r"shape \(3, d\), but got \(2, 4\)"):
        strategy.choose(pool([None] * 3, embeddings=np.ones((2, 4), np.float32)), 1, rng())
    with pytest.raises(ValueError, match="5 numbers each, but those of the pool 4"):
        strategy.choose(
            pool([None] * 3, embeddings=np.eye(3, 4, dtype=np.float32), labeled_embeddings=np.ones((2, 5), np.float32)),
            1,
            rng(),
        )


def test_distances_equal_the_definition():
    a, b = rng(1).normal(size=(7, 5)).astype(np.float32), rng(2).normal(size=(3, 5)).astype(np.float32)
    expected = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    assert np.allclose(_vectors.squared_to(a, b), expected, atol=1e-4)
    assert np.allclose(_vectors.squared_to_nearest(a, b), expected.min(axis=1), atol=1e-4)
