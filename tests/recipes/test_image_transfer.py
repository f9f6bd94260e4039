import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from keras_recipes.backbones import backbone
from keras_recipes.frozen_features import accuracy_of_frozen_features
from keras_recipes.image_textures import synthetic_textures
from recipes import image_transfer
from recipes.image_transfer import PRESETS, Config, build_model, classify, evaluate, load_data, predict, see, train
from tests.marks import on_one_backend
from tests.recipes.training import trained

WIDER = dataclasses.replace(
    PRESETS["smoke"], backbone_width=0.125, epochs=12, head_epochs=4, head_learning_rate=1e-2, learning_rate=1e-2
)


@on_one_backend
def test_tells_planted_textures_apart():
    data, model = trained(image_transfer, WIDER)
    assert evaluate(model, data, WIDER)["accuracy"] >= 0.85  # by chance 0.33
    picture, classes = data.test[0][0], data.names["classes"]
    found = classify(model, picture, classes, WIDER)
    assert sum(probability for _, probability in found) == pytest.approx(1)
    assert found[0][0] == classes[predict(model, picture[None], WIDER)[0].argmax()]


def test_a_linear_head_has_no_opinion_before_it_has_seen_pictures():
    """Random weights in directions that few pictures show would stay: the head would be worse than a regression."""
    config = dataclasses.replace(PRESETS["smoke"], head_units=0)
    data = load_data(config)
    probabilities = predict(build_model(config, data), data.test[0][:2], config)
    np.testing.assert_allclose(probabilities, 1 / 3, atol=1e-6)


@on_one_backend
def test_tells_several_textures_of_a_picture():
    config = dataclasses.replace(WIDER, task="multi_label", learning_rate=1e-2)
    data, model = trained(image_transfer, config)
    metrics = evaluate(model, data, config)
    assert metrics["f2"] >= 0.75
    targets = data.test[1]
    shares = np.clip(data.train[1].mean(axis=0), 1e-6, 1 - 1e-6)  # what knows no picture
    unknowing = -(targets * np.log(shares) + (1 - targets) * np.log(1 - shares)).mean()
    assert metrics["log_loss"] < 0.85 * unknowing


@on_one_backend
def test_smoothed_targets_leave_the_head_of_a_network_of_keras_less_sure():
    network = {"backbone": "MobileNet", "backbone_width": 0.25}
    config = dataclasses.replace(PRESETS["smoke"], **network, head_units=0, head_epochs=20, head_learning_rate=0.1)
    data, sure = load_data(config), []
    for smoothing in (0.0, 0.9):
        smoothed = dataclasses.replace(config, label_smoothing=smoothing)
        model = build_model(smoothed, data)
        image_transfer.train_head(model, data, smoothed)
        sure.append(predict(model, data.train[0][:50], config).max(axis=1).mean())
    assert sure[1] < sure[0] - 0.01


@on_one_backend
def test_smaller_pictures_at_first():
    config = dataclasses.replace(PRESETS["smoke"], first_size=16, epochs=2)
    data = load_data(config)

    def history_of(settings):
        keras.utils.set_random_seed(config.seed)
        return train(build_model(config, data), data, settings)

    history = history_of(config)
    assert np.isfinite(history["loss"]).all()
    assert len(history["loss"]) == config.epochs
    assert history_of(PRESETS["smoke"])["loss"][0] != history["loss"][0]


@on_one_backend
@pytest.mark.parametrize("batch_norm", ["frozen", "trained"])
def test_batch_normalization_is_left_as_it_is_or_trained(batch_norm):
    config = dataclasses.replace(PRESETS["smoke"], batch_norm=batch_norm, epochs=1)
    keras.utils.set_random_seed(config.seed)
    data = load_data(config)
    model = build_model(config, data)
    norms = [layer for layer in model.layers[2].layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [np.array(weight.numpy()) for layer in norms for weight in layer.weights]
    train(model, data, config)
    after = [np.array(weight.numpy()) for layer in norms for weight in layer.weights]
    same = [bool((one == other).all()) for one, other in zip(before, after, strict=True)]
    assert all(same) if batch_norm == "frozen" else not any(same)


@on_one_backend
def test_the_head_learns_before_the_network_does():
    config = dataclasses.replace(PRESETS["smoke"], learning_rate=1e-12, batch_norm="frozen")
    keras.utils.set_random_seed(config.seed)
    data = load_data(config)
    model = build_model(config, data)
    seen, before = see(model, data.test[0]), model.layers[-1].get_weights()
    train(model, data, dataclasses.replace(config, head_learning_rate=1e-2))
    np.testing.assert_allclose(see(model, data.test[0]), seen, rtol=1e-4, atol=1e-5)
    assert abs(model.layers[-1].get_weights()[0] - before[0]).max() > 1e-3


def write_pictures(folder, images, targets):
    for number, (image, target) in enumerate(zip(images, targets, strict=True)):
        place = folder / f"class{target}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:03}.png")


@on_one_backend
def test_a_folder_of_pictures_and_weights_of_another_run(tmp_path):
    """Weights that are given are those that it begins with, and what frozen features are worth is told beside."""
    write_pictures(tmp_path / "pictures", *synthetic_textures(90, 32, 2, seed=0))
    keras.utils.set_random_seed(3)
    scaling, network = backbone("resnet10", "", 0.0625)
    weights = {weight.path: np.array(weight.numpy()) for weight in network.weights}
    save_file(weights, tmp_path / "weights.safetensors")
    options = {"dataset": str(tmp_path / "pictures"), "weights": str(tmp_path / "weights.safetensors")}
    config = dataclasses.replace(PRESETS["smoke"], **options, epochs=1, head_epochs=0)
    data = load_data(config)
    model = build_model(config, data)
    assert data.names["classes"] == ["class0", "class1"]
    for weight in model.layers[2].weights:
        np.testing.assert_array_equal(np.asarray(weight.numpy()), weights[weight.path])
    train(model, data, config)
    metrics = evaluate(model, data, config)
    frozen = accuracy_of_frozen_features(scaling, network, data.train, data.test)  # of a network that was not trained
    assert metrics["accuracy_of_frozen_features"] == frozen


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"task": "regression"}, "task"),
        ({"augmentation": "flip"}, "augmentation"),
        ({"batch_norm": "off"}, "batch_norm"),
        ({"rate_spread": 0.5}, "rate_spread"),
        ({"image_size": 0}, "image_size"),
        ({"first_size": 32}, "first_size"),
        ({"first_size": 16, "epochs": 1}, "epochs"),
        ({"views": -1}, "views"),
    ],
)
def test_refuses(options, named):
    with pytest.raises(ValueError, match=f"`{named}` must be"):
        Config(**{"image_size": 32} | options)
