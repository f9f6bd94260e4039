"""Schedules are their formulas, at each step of a whole run, on each backend."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_recipes.optimizers import SGD, AdamW
from keras_recipes.schedules import (
    ConstantThenLinear,
    CosineRestarts,
    FlatThenCosine,
    OneCycle,
    Triangular,
    WarmupThenInverseSquareRoot,
    one_cycle,
)
from keras_recipes.training import load_training, save_training

STEPS = np.arange(130)
SHARE = np.minimum(STEPS / 100, 1)


def cosine(start, end, share):
    return start + (end - start) * (1 - np.cos(np.pi * share)) / 2


def up_and_down(start, peak, end, warmup):
    rising = cosine(start, peak, SHARE / max(warmup, 1e-9))
    return np.where(warmup > SHARE, rising, cosine(peak, end, (SHARE - warmup) / (1 - warmup)))


def triangle(lowest, highest, half, scale):
    position = np.abs((STEPS / half + 1) % 2 - 1)  # 0 at the ends of a cycle, 1 in its middle
    return lowest + (highest - lowest) * position * scale


def restarts(rate, first, multiplier):
    begin, length, found = 0, first, []
    for step in STEPS:
        if step >= begin + length:
            begin, length = begin + length, length * multiplier
        found.append(cosine(rate, 0, (step - begin) / length))
    return np.array(found)


CYCLES = STEPS // 20
CASES = {
    "one_cycle": (OneCycle(0.01, 0.2, 1e-6, 100, 0.3), up_and_down(0.01, 0.2, 1e-6, 0.3)),
    "one_cycle_without_warmup": (OneCycle(0.01, 0.2, 0.0, 100, 0.0), up_and_down(0.01, 0.2, 0.0, 0.0)),
    "momentum": (OneCycle(0.95, 0.85, 0.95, 100), up_and_down(0.95, 0.85, 0.95, 0.25)),
    "flat_then_cosine": (FlatThenCosine(0.2, 100, 0.6), cosine(0.2, 0, np.clip((SHARE - 0.6) / 0.4, 0, 1))),
    "constant_then_linear": (ConstantThenLinear(0.2, 50, 100), 0.2 * np.clip((100 - STEPS) / 50, 0, 1)),
    "triangular": (Triangular(0.01, 0.2, 10), triangle(0.01, 0.2, 10, 1)),
    "triangular2": (Triangular(0.01, 0.2, 10, "triangular2"), triangle(0.01, 0.2, 10, 0.5**CYCLES)),
    "exp_range": (Triangular(0.01, 0.2, 10, "exp_range", 0.99), triangle(0.01, 0.2, 10, 0.99**STEPS)),
    "transformer": (
        WarmupThenInverseSquareRoot((512 * 40) ** -0.5, 40),
        512**-0.5 * np.minimum((STEPS + 1) ** -0.5, (STEPS + 1) * 40**-1.5),
    ),
    "warm_restarts": (CosineRestarts(0.2, 10), restarts(0.2, 10, 1)),
    "longer_warm_restarts": (CosineRestarts(0.2, 10, 2), restarts(0.2, 10, 2)),
    "much_longer_warm_restarts": (CosineRestarts(0.2, 7, 3), restarts(0.2, 7, 3)),
}


class Rates(keras.callbacks.Callback):
    """Notes the rate and the momentum of each step before it is made."""

    def __init__(self, momentum):
        super().__init__()
        self.momentum, self.found = momentum, []

    def on_train_batch_begin(self, batch, logs=None):
        optimizer = self.model.optimizer
        momentum = getattr(optimizer, self.momentum)
        momentum = momentum(optimizer.iterations) if callable(momentum) else momentum
        self.found.append([float(ops.convert_to_numpy(value)) for value in (optimizer.learning_rate, momentum)])


def mean_prediction(y, prediction):
    return ops.mean(prediction)


def falling(optimizer, **options):
    """A model of one weight whose gradient is 1 in each step."""
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="dense")
    model = keras.Sequential([keras.Input((1,)), dense], name="falling")
    model.compile(optimizer, loss=mean_prediction, **options)
    return model


def weight(model):
    return float(model.get_weights()[0].squeeze())


def train(model, steps, callbacks=()):
    ones = np.ones((steps, 1), "float32")
    model.fit(ones, ones, batch_size=1, shuffle=False, verbose=0, callbacks=list(callbacks))


@pytest.mark.parametrize("case", CASES)
def test_equals_its_formula_over_a_whole_run(case):
    schedule, expected = CASES[case]
    rates = Rates("momentum")
    model = falling(SGD(schedule, momentum=OneCycle(0.9, 0.8, 0.9, 100)))
    train(model, len(STEPS), [rates])
    np.testing.assert_allclose([rate for rate, _ in rates.found], expected, rtol=0, atol=1e-7)
    np.testing.assert_allclose(
        [momentum for _, momentum in rates.found], up_and_down(0.9, 0.8, 0.9, 0.25), rtol=0, atol=1e-7
    )


@pytest.mark.parametrize("case", CASES)
def test_comes_back_from_its_configuration(case):
    schedule, expected = CASES[case]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    found = [float(ops.convert_to_numpy(again(step))) for step in (0, 17, 129)]
    np.testing.assert_allclose(found, expected[[0, 17, 129]], rtol=0, atol=1e-7)


@pytest.mark.parametrize("steps_per_execution", [1] if keras.config.backend() == "torch" else [1, 8])
def test_steps_are_of_the_scheduled_size(steps_per_execution):
    """Gradient descent without momentum goes down by the sum of the rates."""
    schedule, expected = CASES["one_cycle"]
    model = falling(SGD(schedule, momentum=0.0), steps_per_execution=steps_per_execution)
    train(model, 64)
    assert weight(model) == pytest.approx(-expected[:64].sum(), rel=1e-6)


@pytest.mark.parametrize(("begin", "gamma"), [(9_800, 0.9999), (999_600, 0.999999)])
@pytest.mark.parametrize("mode", ["triangular", "exp_range"])
def test_cycles_lose_no_digits_in_long_trainings(mode, begin, gamma):
    steps = begin + np.arange(800)
    expected = 1 - np.abs(steps % 700 / 350 - 1)
    expected = expected * gamma ** steps.astype(float) if mode == "exp_range" else expected
    schedule = Triangular(0.0, 1.0, 350, mode, gamma)
    found = [float(ops.convert_to_numpy(schedule(int(step)))) for step in steps[::7]]
    np.testing.assert_allclose(found, expected[::7], rtol=0, atol=2e-7)
    model = falling(SGD(schedule, momentum=0.0))  # within a compiled step
    model.optimizer.iterations.assign(begin)
    train(model, 50)
    assert weight(model) == pytest.approx(-expected[:50].sum(), rel=1e-6)


@pytest.mark.parametrize("optimizer", [AdamW, SGD])
def test_a_resumed_training_is_where_it_would_have_been(optimizer, tmp_path):
    momentum = {AdamW: "beta_1", SGD: "momentum"}[optimizer]

    def new():
        rate, other = one_cycle(0.1, 60)
        return falling(optimizer(rate, **{momentum: other}))

    whole, model, resumed = new(), new(), new()
    train(whole, 60)
    train(model, 25)
    save_training(tmp_path / "half.safetensors", model)
    load_training(tmp_path / "half.safetensors", resumed)
    train(resumed, 35)
    assert weight(resumed) == weight(whole)
    model.save(tmp_path / "half.keras")
    loaded = keras.saving.load_model(tmp_path / "half.keras", compile=False)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model.optimizer))
    assert weight(loaded) == weight(model)
    assert again.get_config() == model.optimizer.get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OneCycle(0.1, 1, 0, 0), "`steps` must be an integer of at least 1, received 0"),
        (lambda: OneCycle(0.1, 1, 0, 10, warmup=1.0), r"`warmup` must be in \[0, 1\)"),
        (lambda: FlatThenCosine(0.1, 0), "`steps` must be an integer of at least 1"),
        (lambda: FlatThenCosine(0.1, 10, flat=-0.1), r"`flat` must be in \[0, 1\)"),
        (lambda: CosineRestarts(0.1, 0), "`cycle_steps` must be an integer of at least 1, received 0"),
        (lambda: CosineRestarts(0.1, 5, 1.5), "`multiplier` must be an integer of at least 1, received 1.5"),
        (lambda: Triangular(0.1, 1, 0), "`half_cycle_steps` must be"),
        (lambda: Triangular(0.1, 1, 2.5), "`half_cycle_steps` must be an integer of at least 1, received 2.5"),
        (lambda: Triangular(0.1, 1, 5, "square"), "`mode` must be one of 'triangular', 'triangular2', 'exp_range'"),
        (lambda: Triangular(0.1, 1, 5, gamma=1.5), r"`gamma` must be in \(0, 1\]"),
        (lambda: WarmupThenInverseSquareRoot(0.1, 0), "`warmup_steps` must be an integer of at least 1"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
