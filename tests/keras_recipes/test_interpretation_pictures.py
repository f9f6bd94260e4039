import keras
import numpy as np
import pytest
from PIL import Image

from keras_recipes.interpretation import calibration_curve, confusion_matrix
from keras_recipes.interpretation_pictures import (
    calibration_picture,
    confusion_picture,
    loss_caption,
    multi_label_pictures,
    top_losses_picture,
)
from keras_recipes.pictures import bar_chart

if keras.config.backend() != "torch":
    pytest.skip("NumPy and matplotlib only: one backend is enough", allow_module_level=True)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"), dtype=float)


def test_a_class_that_is_taken_for_another_is_as_dark_as_one_that_is_right(tmp_path):
    labels = np.repeat([0, 1, 2], 10)
    diagonal, swapped = (
        pixels(confusion_picture(confusion_matrix(labels, taken, 3), ["cat", "dog", "$cow"], tmp_path / name))
        for taken, name in ((labels, "right.png"), ((labels + 1) % 3, "wrong.png"))
    )
    assert diagonal.shape == swapped.shape
    assert diagonal.mean() == pytest.approx(swapped.mean(), rel=1e-3)
    assert np.abs(diagonal - swapped).max() > 100


def test_names_must_be_those_of_the_classes(tmp_path):
    with pytest.raises(ValueError, match="`names` must be a name for each of 2 classes, received 3"):
        confusion_picture(np.eye(2, dtype=int), ["a", "b", "c"], tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_calibration_leaves_out_empty_bins(tmp_path):
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, size=500)
    curve = calibration_curve(np.stack([sure, 1 - sure], axis=1), (rng.random(500) > sure).astype(int))
    found = pixels(calibration_picture(*curve, tmp_path / "calibration.png"))
    assert min(found.shape[:2]) > 300
    blue = found[int(0.72 * len(found)) :, :, 2] - found[int(0.72 * len(found)) :, :, 0] > 60  # of the counts
    assert np.flatnonzero(blue.any(axis=0)).min() > found.shape[1] / 2  # nothing below a probability of a half


def test_classes_that_images_have_together(tmp_path):
    """The image whose classes were all missed is drawn; a class that is not there has no score."""
    targets = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0]])
    probabilities = np.array([[0.4, 0.1, 0.1], [0.1, 0.1, 0.1], [0.4, 0.1, 0.1]])
    names = ["cat", "dog", "cow"]
    images = np.stack([np.full((8, 8, 3), shade, "uint8") for shade in (255, 0, 255)])
    scores, hardest = multi_label_pictures(images, targets, probabilities, names, 0.3, tmp_path, worst=1)
    assert (scores.name, hardest.name) == ("scores.png", "top_losses.png")
    assert (pixels(hardest).sum(axis=2) == 0).mean() > 0.3  # the black one
    label, path = "F2 score, from 0.30 on", tmp_path / "expected.png"
    expected = bar_chart(["cat", "dog"], [5 / 7, 0.0], label, path)  # two of three, all right
    np.testing.assert_array_equal(pixels(scores), pixels(expected))


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_has_its_place_and_caption(tmp_path, channels):
    images = np.zeros((7, 8, 8, channels), "float32")
    captions = [loss_caption(2.5, "cat", "dog", 0.08)] * 7
    dark = pixels(top_losses_picture(images, captions, tmp_path / "dark.png", columns=3)).mean()
    light = pixels(top_losses_picture(images + 1, captions, tmp_path / "light.png", columns=3)).mean()
    assert dark < light - 30
    assert captions[0] == "dog for cat\nloss 2.50, probability 0.08"


@pytest.mark.parametrize(
    ("images", "captions", "named"),
    [
        (np.zeros((0, 8, 8, 1)), [], "`images` must be at least one"),
        (np.zeros((2, 8, 8, 1)), ["a"], "`captions` must be 2 strings, received 1"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, images, captions, named):
    with pytest.raises(ValueError, match=named):
        top_losses_picture(images, captions, tmp_path / "x.png")
