"""What is wrong with a `StepModel` is the same error on every backend, before it does harm."""

import keras
import pytest
from keras import layers, ops

from keras_recipes.training import Optimizers, StepModel
from tests.keras_recipes.training.step_models import POINTS, dense, gan, regression, same_bits, train


class Wrong(StepModel):
    """A model with a step that a test gives."""

    logs = ("loss",)

    def __init__(self, step=None):
        super().__init__()
        self.net, self.other, self.kept, self.wrong_step = dense(1, 1, "net"), dense(1, 2, "other"), None, step

    def step(self, data, training):
        return self.wrong_step(self, data[0])

    def squared(self, x):
        return ops.mean(ops.square(self.net(x)))


PARTS = {"net": "sgd", "other": "sgd"}


@pytest.mark.parametrize("eager", [False, True])
def test_a_step_is_defined(eager):
    class Undefined(StepModel):
        def __init__(self):
            super().__init__()
            self.net = dense(1, 1, "net")

    model = Undefined()
    model.compile("sgd", run_eagerly=eager)
    with pytest.raises(NotImplementedError, match=r"Undefined must define `step\(self, data, training\)`"):
        model.fit(POINTS, verbose=0)


def test_parts_are_built():
    model = Wrong()
    model.net = keras.Sequential([layers.Dense(1)], name="late")
    with pytest.raises(ValueError, match="must be built before `compile`, received 'late', which is not"):
        model.compile("sgd")
    model.net(POINTS)
    model.compile("sgd")


@pytest.mark.parametrize("part", ["nets", "kept", "logs", "squared"])
def test_parts_exist(part):
    message = f"`optimizer` must name parts of Wrong, .*, received '{part}', of \\['net', '{part}'\\]"
    with pytest.raises(ValueError, match=message):
        Wrong().compile({"net": "sgd", part: "sgd"})


def test_parts_have_optimizers_of_their_own():
    shared = keras.optimizers.SGD(0.1)
    with pytest.raises(ValueError, match="`parts` must hold an optimizer of its own for each part"):
        Wrong().compile({"net": shared, "other": shared})
    with pytest.raises(ValueError, match="`parts` must hold an optimizer of its own for each part"):
        Optimizers({})


@pytest.mark.parametrize("option", ["loss", "metrics", "loss_weights", "weighted_metrics"])
def test_what_step_does_is_no_option(option):
    with pytest.raises(ValueError, match=f"`{option}` must be left out: name in `logs` what `step` returns instead"):
        Wrong().compile("sgd", **{option: ["mse"]})


def minimizing(part):
    return lambda model, x: {"loss": model.minimize(lambda: model.squared(x), part)}


def from_outside(model, x):
    loss = model.squared(x)
    return {"loss": model.minimize(lambda: loss, "net")}


def for_the_wrong_part(model, x):
    return {"loss": model.minimize(lambda: model.squared(x), "other")}


def leaking(model, x):
    scores = []

    def loss_fn():
        scores.append(model.net(x))
        return ops.mean(scores[-1])

    return {"loss": model.minimize(loss_fn, "net")}


def leaking_by_an_attribute(model, x):
    def loss_fn():
        model.kept = model.net(x)
        return ops.mean(model.kept)

    return {"loss": model.minimize(loss_fn, "net")}


WRONG_STEPS = {
    "unknown part": (minimizing("nets"), r"`part` must be one of .*, \['net', 'other'\], received 'nets'"),
    "no part": (minimizing(None), r"`part` must be one of .*, \['net', 'other'\], received None"),
    "too few logs": (lambda model, x: {}, r"`step` must return a dict of what `logs` names, \['loss'\], received \[\]"),
    "too many logs": (lambda model, x: {"loss": 0.0, "a": 0.0}, r"\['loss'\], received \['a', 'loss'\]"),
    "no dict": (lambda model, x: ops.mean(x), r"`step` must return a dict of what `logs` names, \['loss'\], received"),
    "outside": (from_outside, "received a loss that does not depend on net/hidden/kernel, net/hidden/bias"),
    "wrong part": (for_the_wrong_part, "received a loss that does not depend on other/hidden/kernel"),
    "list": (leaking, r"received a function that leaves a tensor in `scores\[0\]`"),
    "attribute": (leaking_by_an_attribute, r"received a function that leaves a tensor in `(self|model)\.kept`"),
}


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("what", WRONG_STEPS)
def test_a_wrong_step(what, eager):
    step, message = WRONG_STEPS[what]
    model = Wrong(step)
    model.compile(dict(PARTS), run_eagerly=eager)
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(POINTS, verbose=0)
    assert same_bits(before, model.get_weights())


def test_a_part_where_there_is_one_optimizer():
    model = Wrong(minimizing("net"))
    model.compile("sgd")
    with pytest.raises(ValueError, match="`part` must be None, as for one optimizer, received 'net'"):
        model.fit(POINTS, verbose=0)


@pytest.mark.parametrize("eager", [False, True])
def test_frozen_parts(eager):
    """Before `compile` a part may be frozen in part, afterwards nothing may change."""
    model = gan(run_eagerly=eager)
    model.critic.trainable = False
    model.compile({"critic": "sgd", "generator": "sgd"}, run_eagerly=eager)
    with pytest.raises(ValueError, match="'critic' must have trainable variables to minimize a loss, received none"):
        train(model, epochs=1)
    model.critic.trainable = True
    message = "'critic' must be frozen or unfrozen before `compile`, received 4 .* for an optimizer of 0: compile again"
    with pytest.raises(ValueError, match=message):
        train(model, epochs=1)
    model.compile({"critic": "sgd", "generator": "sgd"}, run_eagerly=eager)
    model.critic.layers[0].trainable = False
    with pytest.raises(ValueError, match="received 2 trainable variables for an optimizer of 4: compile again"):
        train(model, epochs=1)
    single = regression(run_eagerly=eager)
    single.net.trainable = False
    with pytest.raises(ValueError, match="'regression' must have trainable variables"):
        train(single, epochs=1)
