import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from keras_recipes import image_datasets
from recipes import vae as recipe
from tests.marks import on_one_backend
from tests.recipes.training import trained

SMALL = recipe.Config(dataset="synthetic", latent_dim=2, filters=2, hidden_units=8)


@pytest.fixture
def flat_model():
    """A model whose codes say nothing: a decoder with the same pixels for any code, known posteriors."""
    config = dataclasses.replace(SMALL, importance_samples=1)
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    for layer, bias in (("mean", [0.0, 0.0]), ("log_var", [0.0, 0.0])):
        dense = model.get_layer("encoder").get_layer(layer)
        dense.set_weights([np.zeros_like(dense.get_weights()[0]), np.array(bias)])
    pixels = model.get_layer("decoder").get_layer("decoder_conv2")
    pixels.set_weights([np.zeros_like(pixels.get_weights()[0]), np.array([-2.0])])
    return config, data, model


def constant_pixel_nats(images, logit=-2.0):
    """Negative log-likelihood of images whose pixels all have the same chance; (n,)."""
    chance = 1 / (1 + np.exp(-logit))
    images = images.astype("float64")
    return -(images * np.log(chance) + (1 - images) * np.log(1 - chance)).sum(axis=(1, 2, 3))


def test_bounds_are_the_evidence_where_codes_say_nothing(flat_model):
    """The posterior is the prior then, so every bound is tight."""
    config, data, model = flat_model
    evidence = constant_pixel_nats(data.test[1]).mean()
    found = recipe.evaluate(model, data, config)
    assert found["kl"] == pytest.approx(0, abs=1e-12)
    for name in ("negative_elbo", "reconstruction", "importance_weighted_bound"):
        assert found[name] == pytest.approx(evidence, rel=1e-6)


@on_one_backend
def test_bounds_where_the_posterior_is_off_by_a_known_amount(flat_model):
    """The lower bound is off by the divergence of the posterior; many samples make up for it."""
    config, data, model = flat_model
    model.get_layer("encoder").get_layer("mean").set_weights([np.zeros((8, 2)), np.array([0.5, -1.0])])
    model.get_layer("encoder").get_layer("log_var").set_weights([np.zeros((8, 2)), np.array([-0.5, 0.3])])
    evidence = constant_pixel_nats(data.test[1]).mean()
    kl = 0.5 * sum(m**2 + np.exp(v) - 1 - v for m, v in ((0.5, -0.5), (-1.0, 0.3)))
    found = recipe.evaluate(model, data, dataclasses.replace(config, importance_samples=200))
    assert found["kl"] == pytest.approx(kl, rel=1e-6)
    assert found["negative_elbo"] == pytest.approx(evidence + kl, rel=1e-6)
    assert evidence - 0.01 < found["importance_weighted_bound"] < evidence + 0.1 * kl


def test_loss_of_training_is_the_bound(flat_model):
    _, data, model = flat_model
    loss = model.evaluate(*data.test, verbose=0)
    assert loss == pytest.approx(constant_pixel_nats(data.test[1]).mean(), rel=1e-5)
    model.get_layer("encoder").get_layer("mean").set_weights([np.zeros((8, 2)), np.array([3.0, 4.0])])
    assert model.evaluate(*data.test, verbose=0) == pytest.approx(loss + 12.5, rel=1e-5)


@pytest.mark.parametrize("values", [{"beta": 3.0}, {"free_bits": 20.0}])
def test_beta_and_free_bits_reach_the_loss(values, flat_model):
    _, data, model = flat_model
    model.get_layer("encoder").get_layer("mean").set_weights([np.zeros((8, 2)), np.array([3.0, 4.0])])
    plain = constant_pixel_nats(data.test[1]).mean()
    other = recipe.build_model(dataclasses.replace(SMALL, **values), data)
    other.set_weights(model.get_weights())
    added = 3.0 * 12.5 if "beta" in values else 40.0
    assert other.evaluate(*data.test, verbose=0) == pytest.approx(plain + added, rel=1e-5)


@on_one_backend
def test_learns_the_planted_places():
    """Two numbers place a dot; a code of two numbers beats the best image without a code by far."""
    config = dataclasses.replace(recipe.PRESETS["smoke"], epochs=12)
    data, model = trained(recipe, config)
    mean_image = data.train[1].mean(axis=0).clip(1e-6, 1 - 1e-6)
    without = recipe.bernoulli_nats(data.test[1], np.log(mean_image / (1 - mean_image))).mean()
    pixels = data.test[1].clip(1e-6, 1 - 1e-6)
    ideal = recipe.bernoulli_nats(data.test[1], np.log(pixels / (1 - pixels))).mean()  # each image known, no code paid
    found = recipe.evaluate(model, data, config)
    assert ideal < found["negative_elbo"] < without - 0.4 * (without - ideal)
    assert found["importance_weighted_bound"] < found["negative_elbo"]
    assert found["negative_elbo"] == pytest.approx(found["reconstruction"] + found["kl"], rel=1e-9)


def test_bernoulli_nats_against_the_definition():
    rng = np.random.default_rng(0)
    images, logits = rng.uniform(size=(4, 3, 5, 2)), rng.normal(size=(4, 3, 5, 2)) * 3
    chance = 1 / (1 + np.exp(-logits))
    by_definition = -(images * np.log(chance) + (1 - images) * np.log(1 - chance)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(recipe.bernoulli_nats(images, logits), by_definition, rtol=1e-12)
    in_model = recipe.reconstruction_nats(images.astype("float32"), logits.astype("float32"))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(in_model), by_definition, rtol=1e-5)


@on_one_backend
def test_conditional_decoder_follows_the_class():
    config = dataclasses.replace(recipe.PRESETS["smoke-conditional"], epochs=8)
    _, model = trained(recipe, config)
    code = np.random.default_rng(0).standard_normal((50, config.latent_dim))
    weight = []
    for label in (0, 1):
        told = (None, np.eye(2, dtype="float32")[np.full(50, label)])
        weight.append((1 / (1 + np.exp(-recipe.decode(model, code, told)))).sum(axis=(1, 2, 3)))
    assert weight[1].mean() > 2 * weight[0].mean()  # large dots have four times the weight of small ones


@on_one_backend
def test_own_images_and_mnist(tmp_path, monkeypatch):
    for number in range(10):
        Image.new("RGB", (8, 12), (20 * number, 0, 0)).save(tmp_path / f"{number}.png")
    config = dataclasses.replace(SMALL, dataset=str(tmp_path), epochs=1, batch_size=4)
    data = recipe.load_data(config)
    assert data.train[1].shape == (8, 12, 8, 3)
    assert data.sizes == {"height": 12, "width": 8, "channels": 3, "num_classes": 1}
    model = recipe.build_model(config, data)
    recipe.train(model, data, config)
    assert np.isfinite(recipe.evaluate(model, data, config)["negative_elbo"])
    few = data._replace(test=keras.tree.map_structure(lambda array: array[:1], data.test))
    assert len(recipe.show(model, few, config, tmp_path / "shown")) == 4

    part = np.zeros((4, 28, 28, 1), "float32"), np.arange(4, dtype="int32")
    monkeypatch.setattr(image_datasets, "load_mnist", lambda: (part, part))
    told = recipe.load_data(recipe.Config(conditional=True))
    np.testing.assert_array_equal(told.train[0][1], np.eye(4))


def test_images_that_do_not_fit_are_value_errors(tmp_path):
    np.savez(tmp_path / "odd.npz", images=np.zeros((10, 8, 9)))
    with pytest.raises(ValueError, match=r"images whose sides are multiples of 4, received \(8, 9\)"):
        recipe.load_data(recipe.Config(dataset=str(tmp_path / "odd.npz")))
    np.savez(tmp_path / "five.npz", images=np.zeros((10, 8, 8, 5)))
    with pytest.raises(ValueError, match="images of 1 or 3 channels, received 5"):
        recipe.load_data(recipe.Config(dataset=str(tmp_path / "five.npz")))
    np.savez(tmp_path / "one.npz", images=np.zeros((1, 8, 8)))
    with pytest.raises(ValueError, match="both parts of 1 rows hold at least one"):
        recipe.load_data(recipe.Config(dataset=str(tmp_path / "one.npz")))
    np.savez(tmp_path / "plain.npz", images=np.zeros((10, 8, 8)))
    with pytest.raises(ValueError, match="`conditional` must be false for examples without classes"):
        recipe.load_data(recipe.Config(dataset=str(tmp_path / "plain.npz"), conditional=True))
