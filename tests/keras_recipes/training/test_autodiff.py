"""Gradients are those of a formula, in a plain Python loop and in `fit`, and misuse is the same error everywhere."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recipes.data import Batches
from keras_recipes.training import StepModel, apply, fit, gradient, value_and_grad

X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
W = np.array([[0.5], [-1.0], [2.0]], "float32")
OUTSIDE = "must be computed inside `loss_fn`; received a loss that does not depend on"


class Weights:
    """Variables to differentiate by, and one that counts."""

    def __init__(self):
        self.w = keras.Variable(W, name="w")
        self.other = keras.Variable(np.ones(2, "float32"), name="other")
        self.count = keras.Variable(0, dtype="int32", trainable=False, name="count")

    def loss(self):
        """Its gradient by `w` is X.T @ X @ w / 3."""
        return ops.mean(ops.square(ops.matmul(X, self.w)))


def close(value, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(value), expected, rtol=2e-6, atol=1e-6)


class Described(StepModel):
    """A model whose step a test gives, of a Dense of three weights."""

    logs = ("loss",)

    def __init__(self, step):
        super().__init__()
        self.net = keras.Sequential([keras.Input((3,)), layers.Dense(1, use_bias=False)])
        self.net.set_weights([W])
        self.described = step
        self.kept = None

    def step(self, data, training):
        return {"loss": self.described(self, data[0])}


def fitted(step, how):
    """A model after two steps, by Keras' fit or by ours, step by step or not."""
    model = Described(step)
    model.compile({"net": keras.optimizers.SGD(1e-3)}, run_eagerly=how == "eager")
    fit(model, Batches((X,), 6), 2) if how == "ours" else model.fit(X, epochs=2, verbose=0)
    return model


EVERYWHERE = pytest.mark.parametrize("how", ["loop", "eager", "keras", "ours"])


def minimized(make_loss, how):
    """Minimize the loss that `make_loss(net, x, model)` returns, in a plain loop or in a training."""
    if how != "loop":
        return fitted(lambda model, x: model.minimize(make_loss(model.net, x, model), "net"), how)
    model = Described(None)
    return value_and_grad(make_loss(model.net, X, model), model.net.trainable_variables)


def test_values_gradients_and_what_else_comes_out():
    at = Weights()

    def loss_fn():
        at.count.assign_add(1)
        return at.loss(), {"scores": ops.matmul(X, at.w), "nothing": None, "three": 3}

    (loss, extra), gradients = value_and_grad(loss_fn, [at.w, at.other])
    close(loss, np.mean((X @ W) ** 2))
    close(extra["scores"], X @ W)
    assert (extra["nothing"], extra["three"]) == (None, 3)
    close(gradients[0], X.T @ X @ W / 3)
    close(gradients[1], np.zeros(2))  # the loss does not depend on it
    assert int(at.count.value) == 1


def test_what_comes_out_is_cut_off():
    at = Weights()
    before = at.w * 2.0  # from outside: a constant

    def outer():
        (loss, extra), (slope,) = value_and_grad(lambda: (at.loss(), at.w * 3.0), [at.w])
        return (loss + ops.sum(extra) + ops.sum(slope)) * ops.sum(at.other) + ops.sum(at.w * before)

    _, (by_w, by_other) = value_and_grad(outer, [at.w, at.other])
    close(by_w, 2 * W)
    close(by_other, np.full(2, np.mean((X @ W) ** 2) + 3 * W.sum() + (X.T @ X @ W / 3).sum()))
    if keras.config.backend() == "torch":  # nothing keeps the computation alive
        (loss, extra), gradients = value_and_grad(lambda: (at.loss(), at.w * 3.0), [at.w])
        assert not any(tensor.requires_grad for tensor in (loss, extra, *gradients))


def test_state_written_inside():
    """Statistics of batch norm and a seed move by what one call makes of them."""
    norm, seed = layers.BatchNormalization(momentum=0.5), keras.random.SeedGenerator(1)
    norm.build((None, 3))
    states = [ops.convert_to_numpy(seed.state.value)]

    def loss_fn():
        noise = keras.random.normal((6, 3), seed=seed)
        return ops.sum(norm(X, training=True) * noise) + 0.0, noise

    (_, first), _ = value_and_grad(loss_fn, norm.trainable_variables)
    close(norm.moving_mean.value, X.mean(axis=0) / 2)
    states.append(ops.convert_to_numpy(seed.state.value))
    (_, second), _ = value_and_grad(loss_fn, norm.trainable_variables)
    close(norm.moving_mean.value, X.mean(axis=0) * 0.75)
    states.append(ops.convert_to_numpy(seed.state.value))
    assert len({str(state) for state in states}) == 3
    assert np.abs(ops.convert_to_numpy(first) - ops.convert_to_numpy(second)).max() > 0.1


def penalty(w):
    """Loss with a gradient in it: each row of d(x @ w)²/dx is 2 (x @ w) w."""
    slope = gradient(lambda x: ops.square(ops.matmul(x, w)), X)
    return ops.sum(ops.square(slope)), slope


def test_second_order():
    at, squared = Weights(), np.sum(W**2)
    scores = X @ W
    close(penalty(at.w)[1], 2 * scores * W.T)
    (loss, slope), (by_w,) = value_and_grad(lambda: penalty(at.w), [at.w])
    close(slope, 2 * scores * W.T)
    close(loss, 4 * np.sum(scores**2) * squared)
    close(by_w, 8 * (X.T @ scores * squared + np.sum(scores**2) * W))
    # Through what depends on a weight already: d/dw of d(y³)/dy, where y is 2 w.
    _, (by_w,) = value_and_grad(lambda: ops.sum(gradient(lambda y: y**3, at.w * 2.0)), [at.w])
    close(by_w, 24 * W)


def test_gradient_is_zero_where_nothing_depends_and_keeps_what_is_written():
    at = Weights()

    def function(x):
        at.count.assign_add(1)
        return at.loss()

    close(gradient(function, X), np.zeros_like(X))
    close(gradient(ops.sign, X), np.zeros_like(X))
    _, (by_w,) = value_and_grad(lambda: at.loss() + ops.sum(gradient(function, X)), [at.w])
    close(by_w, X.T @ X @ W / 3)
    assert int(at.count.value) == 2


@EVERYWHERE
def test_steps_against_a_formula(how):
    """Two steps of gradient descent with a penalty, by `apply` in a loop and by `minimize` in a training."""

    def loss_fn(net, x, model):
        return lambda: ops.sum(ops.square(gradient(lambda z: ops.square(net(z)), x)))

    rate, expected = 1e-3, W.astype("float64")
    for _ in range(2):
        scores = X @ expected
        expected = expected - rate * 8 * (X.T @ scores * np.sum(expected**2) + np.sum(scores**2) * expected)
    if how == "loop":
        model, optimizer = Described(None), keras.optimizers.SGD(rate)
        optimizer.build(model.net.trainable_variables)
        for _ in range(2):
            _, gradients = value_and_grad(loss_fn(model.net, X, model), model.net.trainable_variables)
            apply(optimizer, gradients, model.net.trainable_variables)
        assert int(optimizer.iterations) == 2
    else:
        model = minimized(loss_fn, how)
    close(model.net.get_weights()[0], expected)


def scalar(net, x):
    return ops.mean(ops.square(net(x)))


def from_outside(net, x, model):
    loss = scalar(net, x)
    return lambda: loss * 2.0


def leaves_in(put):
    """A loss that leaves what it computes by `put(model, box, tensor)`, told by a function within it."""

    def make(net, x, model):
        box = {"entries": []}

        def loss_fn():
            loss = scalar(net, x)
            put(model, box, loss * 2.0)
            return loss

        return lambda: loss_fn()

    return make


def leaves_nonlocal(net, x, model):
    left = None

    def loss_fn():
        nonlocal left
        left = scalar(net, x)
        return left * 1.0

    return loss_fn


def assigns(net, x, model):
    def loss_fn():
        net.trainable_variables[0].assign_add(ops.ones((3, 1)))
        return scalar(net, x)

    return loss_fn


MISUSE = {
    "a loss from outside": (from_outside, OUTSIDE),
    "vector": (
        lambda net, x, model: lambda: net(x)[:, 0],
        r"scalar float loss, .* received float32 of shape \((6|None),\)",
    ),
    "number": (
        lambda net, x, model: lambda: 1.0,
        "scalar float loss, or a tuple that begins with it, received float",
    ),
    "nothing": (
        lambda net, x, model: lambda: (),
        "scalar float loss, or a tuple that begins with it, received tuple",
    ),
    "nonlocal": (leaves_nonlocal, "leaves a tensor in `left`"),
    "list": (leaves_in(lambda model, box, left: box["entries"].append(left)), r"in `box\['entries'\]\[0\]`"),
    "dict": (leaves_in(lambda model, box, left: box.update(left=left)), r"leaves a tensor in `box\['left'\]`"),
    "attribute": (leaves_in(lambda model, box, left: setattr(model, "kept", left)), r"in `(model|self).kept`"),
    "assigns": (assigns, "`loss_fn` must not assign to a variable that it is differentiated by"),
}


@EVERYWHERE
@pytest.mark.parametrize("what", MISUSE)
def test_misuse_is_the_same_error_everywhere(what, how):
    make_loss, message = MISUSE[what]
    with pytest.raises(ValueError, match=message):
        minimized(make_loss, how)


def test_after_an_error_and_without_variables():
    at = Weights()
    with pytest.raises(ZeroDivisionError):
        value_and_grad(lambda: 1 / 0, [at.w])
    at.w.assign(W + 1)  # is not forbidden any longer
    close(value_and_grad(at.loss, [at.w])[1][0], X.T @ X @ (W + 1) / 3)
    with pytest.raises(ValueError, match="`variables` must hold at least one trainable variable"):
        value_and_grad(at.loss, [])
