import dataclasses

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from recipes import image_classifier
from recipes.image_classifier import PRESETS, Config, classify, evaluate, load_data, predict
from tests.marks import on_one_backend
from tests.recipes.training import trained
from tests.weights import count


@on_one_backend
def test_tells_planted_textures_apart():
    config = dataclasses.replace(PRESETS["smoke"], epochs=6)
    data, model = trained(image_classifier, config)
    assert evaluate(model, data, config)["accuracy"] >= 0.97  # by chance 0.5
    assert model.history.history["accuracy"][-1] > 0.9  # of views
    image = data.test[0][0]
    found = classify(model, image, data.names["classes"], config)
    assert sum(probability for _, probability in found) == pytest.approx(1)
    assert found[0][0] == data.names["classes"][predict(model, image[None], config)[0].argmax()]


def test_a_perceptron_without_hidden_layers_power_is_a_logistic_regression(tmp_path):
    """Of a linear problem: what scikit-learn finds is an independent reference."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(600, 4, 4)).astype("uint8")
    labels = (images.reshape(600, 16) @ rng.normal(size=16) > images.mean() * 0.5).astype(int)
    np.savez(tmp_path / "linear.npz", images=images, labels=labels)
    config = Config(
        dataset=str(tmp_path / "linear.npz"), architecture="mlp", width=16, hidden_layers=1, dropout=0.0,
        augmentation="none", epochs=40, batch_size=32,
    )  # fmt: skip
    data, model = trained(image_classifier, config)
    flat = [part[0].reshape(-1, 16) / 255 for part in (data.train, data.test)]
    reference = LogisticRegression(C=100, max_iter=1000).fit(flat[0], data.train[1]).score(flat[1], data.test[1])
    assert evaluate(model, data, config)["accuracy"] >= reference - 0.03


@on_one_backend
@pytest.mark.parametrize(("architecture", "number"), [("resnet9", 6_573_120 - 5_120), ("resnet18", 11_173_962 - 5_130)])
def test_residual_networks_are_those_of_others(architecture, number):
    """Of 64 channels, and without a head for ten classes of 512 features: Page's, and that of torchvision's users."""
    smaller = {"dataset": "synthetic_small", "train_images": 16, "batch_size": 8, "epochs": 1}
    config = dataclasses.replace(PRESETS["cifar10"], architecture=architecture, width=64, **smaller)
    _, model = trained(image_classifier, config)
    assert count(model.trainable_weights) == number + 2 * 1_024 + 2  # maxima are pooled beside means
    assert np.isfinite(model.history.history["loss"]).all()


def test_averages_over_views_of_test_images():
    config = dataclasses.replace(PRESETS["smoke"], augmentation="mirrored", views=40, epochs=1, train_images=40)
    data, model = trained(image_classifier, config)
    images, at_one_look = data.test[0], dataclasses.replace(config, views=0)
    found = evaluate(model, data, config)
    assert found["accuracy_of_one_view"] == evaluate(model, data, at_one_look)["accuracy"]
    plain, mirrored = (predict(model, some, at_one_look) for some in (images, images[:, :, ::-1]))
    # About half of the views, which count three quarters, are mirrored.
    expected = (1 - 0.75 / 2) * plain + 0.75 / 2 * mirrored
    spread = np.abs(plain - mirrored).max()
    assert spread > 1e-3
    np.testing.assert_allclose(predict(model, images, config), expected, atol=0.3 * spread)


@on_one_backend
def test_capacity_shows_what_is_learned_by_heart():
    """Labels by chance: a wide model learns those that it sees, a narrow one can't, and neither can tell others."""
    config = dataclasses.replace(PRESETS["smoke-mlp"], hidden_layers=1, dropout=0.0, augmentation="none", epochs=60)
    data = load_data(config)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, size=(100, 16, 16, 3)).astype("uint8"), rng.integers(0, 2, size=100).astype("int32")
    errors = {
        width: image_classifier.errors(data._replace(train=noise), dataclasses.replace(config, width=width))
        for width in (1, 128)
    }
    assert errors[128][0] < 0.1 < errors[1][0]
    assert errors[128][1] > 0.25


def test_pictures_in_folders_are_chosen_and_held_back_from_all_classes(tmp_path):
    """They lie there one class after the other."""
    for part, number in (("train", 12), ("valid", 2)):
        for which in range(3):
            (tmp_path / part / f"class{which}").mkdir(parents=True)
            for name in range(number):
                image = np.full((16, 16, 3), 80 * which, "uint8")
                Image.fromarray(image).save(tmp_path / part / f"class{which}" / f"{name}.png")
    config = dataclasses.replace(PRESETS["smoke-mlp"], dataset=str(tmp_path), train_images=15, batch_size=4)
    data = load_data(config)
    assert set(data.train[1]) == {0, 1, 2}
    easy = dataclasses.replace(config, epochs=60, augmentation="none", dropout=0.0, width=64)
    assert image_classifier.errors(data, easy)[1] < 0.5  # a class that it had never seen would be wrong


def test_uses_only_so_many_images():
    config = dataclasses.replace(PRESETS["smoke"], train_images=50)
    data = load_data(config)
    assert len(data.train[0]) == len(data.train[1]) == 50
    assert len(data.test[0]) > 50


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"architecture": "rnn"}, "architecture"),
        ({"augmentation": "flip"}, "augmentation"),
        ({"optimizer": "adam"}, "optimizer"),
        ({"width": 0}, "width"),
        ({"dropout": 1.0}, "dropout"),
        ({"label_smoothing": -0.1}, "label_smoothing"),
        ({"widths": "4, 8"}, "widths"),
        ({"train_images": -1}, "train_images"),
        ({"views": -1}, "views"),
    ],
)
def test_refuses(options, named):
    with pytest.raises(ValueError, match=f"`{named}` must be"):
        Config(**options)
