"""Muon on kernels of convolutions; on those of dense layers, and in groups, see test_groups.py."""

import keras
import numpy as np
import pytest

from keras_recipes.optimizers import Muon
from tests.keras_recipes.optimizers.test_groups import orthogonalized

RNG = np.random.default_rng(0)


def step_of(shape, name="conv", **options):
    """How a weight of zeros changes in one step of a gradient; and the gradient."""
    weight, gradient = keras.Variable(np.zeros(shape, "float32"), name=name), RNG.normal(size=shape).astype("float32")
    optimizer = Muon(0.5, momentum=0.9, **options)
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
    return np.array(weight.numpy(), "float64"), gradient.astype("float64")


@pytest.mark.parametrize("shape", [(3, 3, 2, 5), (1, 1, 3, 8), (6, 4), (4, 6)])
def test_steps_are_nearly_orthogonal(shape):
    """Against the definition: the nearest matrix with orthogonal rows or columns, by singular values."""
    step, gradient = step_of(shape)
    step, gradient = (array.reshape(-1, shape[-1]) for array in (step, gradient))
    length = 0.5 * 0.2 * np.sqrt(max(step.shape))
    np.testing.assert_allclose(step, -length * orthogonalized(gradient), atol=1e-5)
    left, _, right = np.linalg.svd(gradient, full_matrices=False)
    values = np.diag(left.T @ step @ right.T) / -length
    assert (abs(values - 1) < 0.4).all()  # what five iterations leave
    assert abs(left.T @ step @ right.T - np.diag(-length * values)).max() < 1e-5


@pytest.mark.parametrize("shape", [(7,), (3, 3, 5, 1), (2, 3, 4)])
def test_others_follow_adamw(shape):
    """Of whose first step all entries are as long as the rate."""
    step, gradient = step_of(shape)
    np.testing.assert_allclose(step, -0.5 * np.sign(gradient), rtol=1e-3)


def test_so_do_those_that_are_excluded():
    step, gradient = step_of((3, 4), name="head", exclude_layers=["^head"])
    np.testing.assert_allclose(step, -0.5 * np.sign(gradient), rtol=1e-3)
    step, gradient = step_of((3, 4), name="token_embedding")
    np.testing.assert_allclose(step, -0.5 * np.sign(gradient), rtol=1e-3)


def test_steps_of_another_length():
    step, gradient = step_of((3, 3, 2, 5), rms_rate=None)
    np.testing.assert_allclose(step.reshape(-1, 5), -0.5 * orthogonalized(gradient.reshape(-1, 5)), atol=1e-5)


@pytest.mark.parametrize("momentum", [-0.1, 1.0, keras.optimizers.schedules.CosineDecay(0.9, 10)])
def test_momentum_is_a_number_in_range(momentum):
    with pytest.raises(ValueError, match=r"`momentum` must be a float in \[0, 1\), received"):
        Muon(0.1, momentum=momentum)
