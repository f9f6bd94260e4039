"""Numbers of each layer against NumPy, and against what Keras' own does wrong."""

import keras
import numpy as np
import pytest

from keras_recipes.layers import (
    CORRUPTIONS,
    ActivityPenalty,
    Bias,
    Corruption,
    Embedding,
    GaussianSampling,
    UnknownIds,
    corrupted,
)


def numpy_adam(gradient_of, weights, steps, learning_rate=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Kingma and Ba, 2015, algorithm 1, with the epsilon where Keras has it.

    The powers of the betas are those of float32 numbers: 1 - 0.999 is off by 5e-5 there.
    """
    m = v = np.zeros_like(weights)
    for step in range(1, steps + 1):
        gradient = gradient_of(weights)
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        rate = learning_rate * np.sqrt(1 - np.float32(beta_2) ** step) / (1 - np.float32(beta_1) ** step)
        weights = weights - rate * m / (np.sqrt(v) + epsilon)
    return weights


def test_embedding_trains_right_where_an_id_repeats_in_a_batch():
    """Keras' own on TensorFlow squares the parts of a gradient before it adds them up."""
    ids, targets = np.array([[1], [1], [1], [2]]), np.array([[1.0], [2.0], [3.0], [4.0]], "float32")
    inputs = keras.Input((1,), dtype="int32")
    layer = Embedding(4, 1, "zeros")
    model = keras.Model(inputs, layer(inputs)[:, 0])
    model.compile(keras.optimizers.Adam(0.1), loss="mse")
    for _ in range(5):
        model.train_on_batch(ids, targets)

    def gradient_of(table):
        error = table[ids[:, 0]] - targets
        return np.stack([2 * error[ids[:, 0] == row].sum(axis=0) / len(ids) for row in range(4)])

    np.testing.assert_allclose(layer.get_weights()[0], numpy_adam(gradient_of, np.zeros((4, 1)), 5), atol=2e-6)


def test_embedding_clips_the_gradient_of_the_whole_table():
    layer = Embedding(3, 1, "zeros")
    inputs = keras.Input((1,), dtype="int32")
    model = keras.Model(inputs, layer(inputs)[:, 0])
    model.compile(keras.optimizers.SGD(1.0, clipnorm=0.1), loss=lambda true, predicted: keras.ops.sum(predicted, -1))
    model.train_on_batch(np.array([[1], [1], [2]]), np.zeros((3, 1)))
    np.testing.assert_allclose(layer.get_weights()[0][:, 0], [0, -0.2 / 5**0.5, -0.1 / 5**0.5], atol=1e-7)


def test_embedding_looks_up_rows():
    layer = Embedding(5, 2)
    found = keras.ops.convert_to_numpy(layer(np.array([[4, 0, 4]])))
    np.testing.assert_array_equal(found, layer.get_weights()[0][[[4, 0, 4]]])


def test_bias_starts_where_told_and_is_trained():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, Bias(2.5)(inputs))
    np.testing.assert_allclose(model.predict(np.array([[1.0]]), verbose=0), [[3.5]])
    model.compile(keras.optimizers.SGD(0.5), loss="mse")
    model.train_on_batch(np.array([[1.0]]), np.array([[4.0]]))
    np.testing.assert_allclose(model.predict(np.array([[1.0]]), verbose=0), [[4.0]])


def test_unknown_ids_replaces_its_share_while_training_only():
    layer, ids = UnknownIds(0.3, seed=1), np.arange(1, 20001).reshape(100, 200)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(ids)), ids)
    replaced = keras.ops.convert_to_numpy(layer(ids, training=True))
    assert abs(np.mean(replaced == 0) - 0.3) < 5 * np.sqrt(0.3 * 0.7 / ids.size)
    np.testing.assert_array_equal(replaced[replaced != 0], ids[replaced != 0])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(UnknownIds(0.0)(ids, training=True)), ids)


def in_the_layer(inputs, kind, level):
    return keras.ops.convert_to_numpy(Corruption(kind, level, seed=5)(inputs, training=True))


def in_numpy(inputs, kind, level):
    return corrupted(inputs, kind, level, seed=5)


@pytest.mark.parametrize("spoil", [in_the_layer, in_numpy])
def test_corruption_spoils_as_much_as_told(spoil):
    inputs = np.random.default_rng(0).uniform(0.2, 0.8, size=(200, 10, 10, 1)).astype("float32")
    deviation = 5 / np.sqrt(inputs.size)  # five standard errors of the mean of numbers that differ by 1
    noise = spoil(inputs, "gaussian", 0.4) - inputs
    assert abs(noise.mean()) < 0.4 * deviation
    assert noise.std() == pytest.approx(0.4, rel=deviation)
    assert abs(np.corrcoef(noise.ravel(), inputs.ravel())[0, 1]) < deviation
    for kind, ones in (("masking", 0.0), ("salt_and_pepper", 0.15)):
        spoilt = spoil(inputs, kind, 0.3)
        assert spoilt.dtype == np.float32
        assert abs(np.mean(spoilt == 1) - ones) <= deviation * np.sqrt(ones)
        assert abs(np.mean(spoilt == 0) - (0.3 - ones)) < deviation * np.sqrt(0.3)
        kept = (spoilt != 0) & (spoilt != 1)
        np.testing.assert_array_equal(spoilt[kept], inputs[kept])


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_corruption_is_for_training_only_and_anew_each_time(kind):
    inputs, layer = np.full((4, 50), 0.5, "float32"), Corruption(kind, 0.5, seed=1)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(inputs)), inputs)
    one, other = (keras.ops.convert_to_numpy(layer(inputs, training=True)) for _ in range(2))
    assert np.any(one != other)
    again = keras.ops.convert_to_numpy(Corruption(kind, 0.5, seed=1)(inputs, training=True))
    np.testing.assert_array_equal(again, one)
    np.testing.assert_array_equal(in_the_layer(inputs, kind, 0.0), inputs)


def test_unknown_corruption_is_a_value_error():
    with pytest.raises(ValueError, match="`kind` must be one of 'gaussian', 'masking', 'salt_and_pepper'"):
        Corruption("blur", 0.5)


def test_activity_penalty_adds_the_mean_over_the_batch():
    inputs = np.array([[[1.0, -2.0]], [[0.0, 5.0]]], "float32")
    layer = ActivityPenalty(0.25)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(inputs)), inputs)
    assert float(layer.losses[0]) == pytest.approx(0.25 * (3 + 5) / 2)


@pytest.fixture
def code():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 3)).astype("float32"), rng.normal(size=(6, 3)).astype("float32")


def kl_terms(mean, log_var):
    """Per example and dimension, in float64."""
    mean, log_var = mean.astype("float64"), log_var.astype("float64")
    return 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_gaussian_sampling_adds_the_kl_divergence(code, beta):
    layer = GaussianSampling(beta=beta)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(*code)), code[0])
    np.testing.assert_allclose(float(layer.losses[0]), beta * kl_terms(*code).sum(axis=1).mean(), rtol=1e-6)


def test_free_bits_are_free_per_dimension(code):
    layer = GaussianSampling(free_bits=0.9)
    layer(*code)
    means = kl_terms(*code).mean(axis=0)
    assert means.min() < 0.9 < means.max()
    np.testing.assert_allclose(float(layer.losses[0]), np.maximum(means, 0.9).sum(), rtol=1e-6)


def test_gaussian_sampling_draws_from_its_gaussian():
    mean, log_var = np.full((40000, 2), [1.0, -2.0], "float32"), np.full((40000, 2), [0.0, 1.5], "float32")
    drawn = keras.ops.convert_to_numpy(GaussianSampling(seed=3)(mean, log_var, training=True))
    deviation = np.exp(0.75)
    np.testing.assert_allclose(drawn.mean(axis=0), [1, -2], atol=5 * deviation / 200)
    np.testing.assert_allclose(drawn.std(axis=0), [1, deviation], rtol=5 / 280)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 5 / 200


def test_elbo_of_a_linear_gaussian_model_is_its_evidence():
    """With the exact posterior, the bound of `z ~ N(0, I), x ~ N(Wz, s² I)` is tight."""
    rng = np.random.default_rng(1)
    directions = np.linalg.qr(rng.normal(size=(5, 2)))[0] * [2.0, 0.7]  # (5, 2), orthogonal columns
    noise, x = 0.5, rng.normal(size=5)
    covariance = directions @ directions.T + noise**2 * np.eye(5)
    evidence = -0.5 * (x @ np.linalg.solve(covariance, x) + np.linalg.slogdet(2 * np.pi * covariance)[1])

    precision = 1 + (directions**2).sum(axis=0) / noise**2  # of the posterior, (2,)
    mean = directions.T @ x / noise**2 / precision
    draws = 100_000
    layer = GaussianSampling(seed=5)
    codes = layer(
        np.tile(mean, (draws, 1)).astype("float32"),
        np.tile(-np.log(precision), (draws, 1)).astype("float32"),
        training=True,
    )
    residual = x - keras.ops.convert_to_numpy(codes).astype("float64") @ directions.T
    log_likelihood = -0.5 * (residual**2).sum(axis=1) / noise**2 - 2.5 * np.log(2 * np.pi * noise**2)
    elbo = log_likelihood.mean() - float(layer.losses[0])
    assert abs(elbo - evidence) < 5 * log_likelihood.std() / np.sqrt(draws)


@pytest.mark.parametrize(
    "layer",
    [
        ActivityPenalty(0.5),
        Bias(1.5),
        Corruption("masking", 0.25, seed=7),
        Embedding(4, 2),
        UnknownIds(0.25, seed=7),
        GaussianSampling(0.5, 0.1, seed=7),
    ],
    ids=lambda x: x.name,
)
def test_config_makes_the_same_layer(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert keras.saving.serialize_keras_object(again) == config
