import numpy as np
import pytest

from keras_recipes.filter_classifier import filter_classifier


def stripes(seed, kind, number):
    """Lines of random greys, level, upright or falling: all of the same pixels."""
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.random((number, 24, 1, 1), "float32"), 24, axis=2)
    if kind == "level":
        return level
    upright = level.swapaxes(1, 2)
    return upright if kind == "upright" else np.stack([np.roll(upright, row, axis=2)[:, row] for row in range(24)], 1)


@pytest.mark.parametrize("numbers", [(150, 150), (40, 160), (60, 60, 100)])
def test_tells_stripes_apart_by_their_direction(numbers):
    kinds = ("level", "upright", "falling")[: len(numbers)]
    images = np.concatenate([stripes(0, kind, number) for kind, number in zip(kinds, numbers, strict=True)])
    classify = filter_classifier(images, np.repeat(np.arange(len(numbers)), numbers))
    features, scores = classify(images)
    assert features.shape == (len(images), 128)
    assert scores.shape == (len(images), len(numbers))
    assert features.dtype == scores.dtype == np.float64
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-9)
    for label, kind in enumerate(kinds):
        assert np.mean(classify(stripes(1, kind, 200))[1].argmax(axis=1) == label) > 0.95


def test_images_smaller_than_the_filters():
    images = np.random.default_rng(0).random((40, 4, 8, 1), "float32") + np.repeat([0, 1], 20)[:, None, None, None]
    assert (filter_classifier(images, np.repeat([0, 1], 20))(images)[1].argmax(axis=1) == np.repeat([0, 1], 20)).all()


def test_can_not_tell_what_is_alike():
    images = np.random.default_rng(0).random((2000, 16, 16, 3), "float32")
    classify = filter_classifier(images[:1000], np.repeat([0, 1], 500))
    assert np.mean(classify(images[1000:])[1].argmax(axis=1)) == pytest.approx(0.5, abs=0.1)
