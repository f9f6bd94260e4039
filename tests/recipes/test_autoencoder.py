import dataclasses

import numpy as np
import pytest
from PIL import Image

from keras_recipes import image_datasets
from recipes import autoencoder as recipe
from tests.marks import on_one_backend
from tests.recipes.training import trained

SMALL = recipe.Config(dataset="synthetic", latent_dim=3, filters=2, hidden_units=8)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A file of 1000 images that differ in five planted directions, and a little in all others."""
    rng = np.random.default_rng(3)
    patterns = np.linalg.qr(rng.normal(size=(64, 5)))[0].T  # (5, pixels)
    codes = rng.normal(size=(1000, 5)) * [0.5, 0.45, 0.4, 0.35, 0.3]
    pixels = 0.5 + codes @ patterns + 0.01 * rng.normal(size=(1000, 64))
    path = tmp_path_factory.mktemp("planted") / "images.npz"
    np.savez(path, images=pixels.clip(0, 1).reshape(-1, 8, 8))
    return str(path)


def test_linear_one_spans_the_principal_components(planted):
    from sklearn.decomposition import PCA

    config = recipe.Config(planted, latent_dim=5, linear=True, batch_size=20, epochs=30, learning_rate=3e-2)
    data, model = trained(recipe, config)
    found = recipe.evaluate(model, data, config)
    (vectors, held_out) = (part[0].reshape(-1, 64).astype("float64") for part in (data.train, data.test))
    reference = PCA(5).fit(vectors)
    assert found["pca_mse"] == pytest.approx(
        np.mean((reference.inverse_transform(reference.transform(held_out)) - held_out) ** 2), rel=1e-9
    )
    assert found["mse"] == pytest.approx(found["pca_mse"], rel=0.05)
    assert found["principal_angle"] < 1
    # The same angle by SciPy's way, and nearly the same images.
    from scipy.linalg import subspace_angles

    directions = model.get_layer("decoder").get_layer("decoder_pixels").get_weights()[0].astype("float64")
    by_scipy = np.degrees(subspace_angles(directions.T, reference.components_.T).max())
    assert found["principal_angle"] == pytest.approx(by_scipy, abs=1e-6)
    by_reference = reference.inverse_transform(reference.transform(held_out)).reshape(data.test[0].shape)
    assert np.std(recipe.reconstruct(model, data.test[0]) - by_reference) < 0.003


@on_one_backend
def test_convolutions_beat_as_many_components():
    """Dots in two places and of two sizes: three numbers tell all, but not linearly."""
    config = dataclasses.replace(recipe.PRESETS["smoke"], epochs=8)
    data, model = trained(recipe, config)
    found = recipe.evaluate(model, data, config)
    assert found["mse"] < 0.7 * found["pca_mse"]
    again = ((model.predict(data.test[0], verbose=0) - data.test[1]) ** 2).mean(dtype="float64")
    assert found["mse"] == pytest.approx(again, rel=1e-4)


@on_one_backend
@pytest.mark.parametrize("corruption", ["gaussian", "salt_and_pepper"])
def test_restores_what_was_spoilt(corruption):
    config = dataclasses.replace(recipe.PRESETS["smoke-denoising"], corruption=corruption, sparsity=0.0)
    data, model = trained(recipe, config)
    found = recipe.evaluate(model, data, config)
    pixels = data.test[1].astype("float64")
    expected = {"gaussian": 0.09, "salt_and_pepper": 0.15 * np.mean(pixels**2 + (1 - pixels) ** 2)}
    assert found["psnr_noisy"] == pytest.approx(-10 * np.log10(expected[corruption]), abs=0.2)
    assert found["psnr_denoised"] > found["psnr_noisy"] + 5


@on_one_backend
def test_learns_from_spoilt_images_to_restore_clean_ones():
    """While training, the loss is another one, since the image is spoilt; the target is not, nor a test image."""
    config = dataclasses.replace(SMALL, corruption="masking", corruption_level=0.5)
    data = recipe.load_data(config)
    assert data.train[0] is data.train[1]
    model = recipe.build_model(config, data)
    while_testing, while_training = model.evaluate(*data.test, verbose=0), model.train_on_batch(*data.test)
    assert abs(while_training - while_testing) > 1e-5 * while_testing
    plain = recipe.build_model(dataclasses.replace(config, corruption="none"), data)
    plain.set_weights(model.get_weights())
    np.testing.assert_array_equal(recipe.reconstruct(model, data.test[0]), recipe.reconstruct(plain, data.test[0]))


@on_one_backend
def test_price_of_activity_is_in_the_loss_and_makes_codes_sparse():
    config = dataclasses.replace(recipe.PRESETS["smoke"], latent_dim=16)
    shares = []
    for sparsity in (1e-6, 1e-2):
        data, model = trained(recipe, dataclasses.replace(config, sparsity=sparsity))
        found = recipe.evaluate(model, data, dataclasses.replace(config, sparsity=sparsity))
        code = recipe.encode(model, data.test[1])
        assert code.min() >= 0
        assert found["active_share"] == pytest.approx(np.mean(code > 0))
        shares.append(found["active_share"])
    assert shares[1] < shares[0] - 0.1
    price = 1e-2 * code.sum(axis=1, dtype="float64").mean()
    assert model.evaluate(*data.test, batch_size=len(code), verbose=0) == pytest.approx(found["mse"] + price, 1e-3)


@on_one_backend
def test_own_images_and_mnist(tmp_path, monkeypatch):
    for number in range(10):
        Image.new("RGB", (8, 12), (20 * number, 0, 0)).save(tmp_path / f"{number}.png")
    config = dataclasses.replace(SMALL, dataset=str(tmp_path), epochs=1, batch_size=4, latent_dim=2)
    data = recipe.load_data(config)
    assert data.train[1].shape == (8, 12, 8, 3)
    assert data.sizes == {"height": 12, "width": 8, "channels": 3}
    model = recipe.build_model(config, data)
    recipe.train(model, data, config)
    found = recipe.evaluate(model, data, config)
    assert np.isfinite(found["mse"])
    assert found["pca_mse"] == pytest.approx(0, abs=1e-12)  # the images differ in one direction only
    assert len(recipe.show(model, data, config, tmp_path / "shown")) == 2

    pixels = np.random.default_rng(0).uniform(size=(4, 28, 28, 1)).astype("float32")
    monkeypatch.setattr(image_datasets, "load_mnist", lambda: ((pixels, None), (pixels[:2], np.array([3, 1], "int32"))))
    centred = recipe.load_data(recipe.Config(linear=True))
    np.testing.assert_allclose(centred.train[0].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(centred.test[0] + centred.names["mean"], pixels[:2], atol=1e-6)
    np.testing.assert_array_equal(centred.names["test_labels"], [3, 1])
    plain = recipe.load_data(recipe.Config())
    np.testing.assert_array_equal(plain.train[0], pixels)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"corruption": "blur"}, "`corruption` must be one of 'none', 'gaussian', 'masking', 'salt_and_pepper'"),
        ({"corruption": "masking", "corruption_level": 1.0}, r"`corruption_level` must be in \[0, 1\)"),
        ({"corruption": "gaussian", "corruption_level": -0.1}, "`corruption_level` must be a number of at least 0"),
        ({"sparsity": -1.0}, "`sparsity` must be a number of at least 0"),
        ({"latent_dim": 0}, "`latent_dim` must be a number of at least 1"),
        ({"linear": True, "corruption": "masking"}, "`linear` must be false with `corruption` or `sparsity`"),
        ({"linear": True, "sparsity": 0.1}, "`linear` must be false with `corruption` or `sparsity`"),
    ],
)
def test_what_makes_no_sense_is_a_value_error(values, named):
    with pytest.raises(ValueError, match=named):
        recipe.Config(**values)


def test_images_that_do_not_fit_are_value_errors(tmp_path):
    np.savez(tmp_path / "odd.npz", images=np.zeros((10, 8, 9)))
    with pytest.raises(ValueError, match=r"images whose sides are multiples of 4, received \(8, 9\)"):
        recipe.load_data(recipe.Config(dataset=str(tmp_path / "odd.npz")))


def test_a_perfect_image_has_a_finite_ratio():
    assert recipe.decibels(0.0) == pytest.approx(120)
    assert recipe.decibels(0.01) == pytest.approx(20)
