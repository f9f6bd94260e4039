"""Each part's optimizer does to its part what Keras says it does."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_recipes.constraints import Clip
from keras_recipes.data import Batches
from keras_recipes.training import Optimizers, fit
from tests.keras_recipes.training.step_models import NOISE, POINTS, everything, gan, same_bits, train

SGD = keras.optimizers.SGD


@pytest.fixture
def mixed_float16():
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


def scales(model):
    return {part: float(ops.convert_to_numpy(one.dynamic_scale)) for part, one in model.optimizer.parts.items()}


def full_batches(model, steps, ours=False):
    """Train with the same batch again and again, in an epoch each."""
    if ours:
        fit(model, Batches(((POINTS, NOISE),), 32), steps)
    else:
        train(model, epochs=steps, batch_size=32)
    return model


def kernels(model):
    return {part: getattr(model, part).get_weights()[0] for part in model.optimizer.parts}


def test_an_overflow_skips_the_step_of_its_part(mixed_float16):
    """The critic's loss is so large that its gradients are infinite, the generator's is not."""
    model = gan(lambda: SGD(0.01), scale=1e9)
    before = kernels(model)
    full_batches(model, 2)
    assert isinstance(model.optimizer.parts["critic"], keras.optimizers.LossScaleOptimizer)
    assert {part: int(one.inner_optimizer.iterations) for part, one in model.optimizer.parts.items()} == {
        "critic": 0,
        "generator": 2,
    }
    assert scales(model) == {"critic": 2.0**13, "generator": 2.0**15}
    after = kernels(model)
    assert same_bits([before["critic"]], [after["critic"]])
    assert not same_bits([before["generator"]], [after["generator"]])


def test_mixed_float16_is_near_float32_and_saved(mixed_float16, tmp_path):
    model = full_batches(gan(lambda: SGD(0.1)), 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert scales(loaded) == scales(model) == {"critic": 2.0**15, "generator": 2.0**15}
    for one in (model, loaded):
        full_batches(one, 1)
    assert same_bits(model, loaded)
    keras.config.set_dtype_policy("float32")
    exact = full_batches(gan(lambda: SGD(0.1)), 3)
    for one, other in zip(model.get_weights(), exact.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=5e-3)


@pytest.mark.parametrize("ours", [False, True])
def test_clipped(ours):
    """A step is as long as the limit, for each part by itself."""
    limits = iter([1e-3, 2e-3])
    model = gan(lambda: SGD(1.0, global_clipnorm=next(limits)))
    before = {part: getattr(model, part).get_weights() for part in model.optimizer.parts}
    full_batches(model, 1, ours)
    for part, limit in [("critic", 1e-3), ("generator", 2e-3)]:
        steps = [one - two for one, two in zip(getattr(model, part).get_weights(), before[part], strict=True)]
        assert np.sqrt(sum(np.sum(step**2) for step in steps)) == pytest.approx(limit, rel=1e-3)


@pytest.mark.parametrize("ours", [False, True])
def test_schedules_and_accumulation(ours):
    """The critic has a schedule that ends after two steps, the generator updates once in four."""
    optimizers = iter(
        [
            SGD(keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.1, 0.0])),
            SGD(0.1, gradient_accumulation_steps=4),
        ]
    )
    model, seen = gan(lambda: next(optimizers)), []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(kernels(model)))
    seen.append(kernels(model))
    if ours:
        fit(model, Batches(((POINTS, NOISE),), 32), 8, [note])
    else:
        train(model, epochs=8, batch_size=32, callbacks=[note])
    steps = list(itertools.pairwise(seen))
    changed = {part: [not same_bits([one[part]], [two[part]]) for one, two in steps] for part in seen[0]}
    assert changed == {"critic": [True] * 2 + [False] * 6, "generator": ([False] * 3 + [True]) * 2}


@pytest.mark.parametrize("ours", [False, True])
def test_averages_are_put_in_place(ours):
    """The critic's at the end of the training, the generator's every second step, too; training can go on."""
    frequencies = iter([None, 2])
    make = lambda: SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=next(frequencies))  # noqa: E731
    model, seen = gan(make), []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(kernels(model)))
    if ours:
        fit(model, Batches(((POINTS, NOISE),), 32), 4, [note])
    else:
        train(model, epochs=4, batch_size=32, callbacks=[note])
    average = seen[0]["critic"]  # begins with what the first step comes to
    for step in seen[1:]:
        average = 0.5 * average + 0.5 * step["critic"]
    np.testing.assert_allclose(kernels(model)["critic"], average, rtol=1e-5, atol=1e-6)
    assert np.abs(average - seen[-1]["critic"]).max() > 1e-3
    assert same_bits([kernels(model)["generator"]], [seen[-1]["generator"]])  # was overwritten in the last step
    before = everything(model)
    full_batches(model, 2, ours)
    assert not same_bits(before, everything(model))


def test_averages_are_swapped_in_between_epochs():
    """Keras' callback finds the optimizers of the parts; what comes behind it sees averages."""
    model, raw, averaged = gan(lambda: SGD(0.1, use_ema=True, ema_momentum=0.5)), [], []
    notes = [
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs, seen=seen: seen.append(kernels(model)))
        for seen in (raw, averaged)
    ]
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    train(model, epochs=2, batch_size=32, callbacks=[notes[0], swap, notes[1]])
    for part, value in kernels(model).items():
        expected = 0.5 * raw[0][part] + 0.5 * raw[1][part]
        assert np.abs(expected - raw[1][part]).max() > 1e-4
        np.testing.assert_allclose(averaged[1][part], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_constraints():
    model = gan(lambda: SGD(1.0), critic_options={"kernel_constraint": Clip(0.125)})
    full_batches(model, 2)
    assert np.abs(kernels(model)["critic"]).max() == 0.125
    assert np.abs(kernels(model)["generator"]).max() > 0.125


def test_optimizers_can_be_written_down():
    optimizers = Optimizers({"a": SGD(0.1), "b": keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.2))})
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizers))
    assert again.get_config() == optimizers.get_config()
    assert [type(one).__name__ for one in again.optimizers] == ["SGD", "LossScaleOptimizer"]
