"""PyTorch: the fused update of Adam has the numbers of Keras' own, and is left out where it would not."""

import keras
import numpy as np
import pytest

if keras.config.backend() != "torch":
    pytest.skip("its update is fused on PyTorch only", allow_module_level=True)

import torch

from keras_recipes.optimizers import AdamW
from keras_recipes.schedules import one_cycle
from keras_recipes.training.torch_adam import fused_adam

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-2),
    "schedule": lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-1, 9), beta_1=0.5, beta_2=0.9),
    "adamw": lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1, clipnorm=0.5, epsilon=1e-3),
    "groups": lambda: AdamW(1e-2, groups={"one": 0, "other": 1}, multipliers=[0.1, 1.0], weight_decay=[0.1, 0.2]),
    "one cycle": lambda: AdamW(*one_cycle(1e-1, 9), decay_vectors=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fused_adam_is_keras_adam_in_float64(name):
    weights = []
    for fused in (True, False):
        optimizer, rng = OPTIMIZERS[name](), np.random.default_rng(7)
        shapes = {"one": (3, 2), "other": (5,)}
        variables = [keras.Variable(rng.standard_normal(shapes[n]), dtype="float64", name=n) for n in shapes]
        optimizer.build(variables)
        for _ in range(9):
            gradients = [torch.from_numpy(rng.standard_normal(tuple(variable.shape))) for variable in variables]
            gradients[0] = gradients[0].T.contiguous().T  # another order in memory, as of convolutions
            with fused_adam(optimizer) if fused else torch.no_grad(), torch.no_grad():
                optimizer.apply(gradients, variables)
        weights.append(np.concatenate([variable.numpy().ravel() for variable in variables]))
    # Keras' own constants, such as 1 - beta_2, pass through float32 there: hence not 1e-16.
    np.testing.assert_allclose(*weights, rtol=1e-7)


@pytest.mark.parametrize("dtypes", [("bfloat16",), ("float32", "float64")])
def test_weights_of_other_kinds_are_left_to_keras(dtypes):
    weights = []
    for fused in (True, False):
        optimizer = keras.optimizers.Adam(1e-2)
        variables = [keras.Variable(np.ones(3), dtype=dtype) for dtype in dtypes]
        optimizer.build(variables)
        with fused_adam(optimizer) if fused else torch.no_grad(), torch.no_grad():
            optimizer.apply([torch.ones_like(variable.value) for variable in variables], variables)
        weights.append([variable.value.clone() for variable in variables])
    assert all(map(torch.equal, *weights))


def test_other_optimizers_stay_as_they_are():
    for optimizer in (keras.optimizers.SGD(), keras.optimizers.Adam(amsgrad=True), keras.optimizers.RMSprop()):
        before = dict(vars(optimizer))
        with fused_adam(optimizer):
            assert vars(optimizer) == before


def test_adam_is_itself_again_afterwards():
    optimizer = keras.optimizers.Adam()
    context = fused_adam(optimizer)
    context.__enter__()
    assert "_parallel_update_step" in vars(optimizer)
    error = ArithmeticError()
    assert not context.__exit__(ArithmeticError, error, None)
    assert "_parallel_update_step" not in vars(optimizer)
