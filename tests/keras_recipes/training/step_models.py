"""The smallest models that train by a step of their own, for several tests."""

import keras
import numpy as np
from keras import layers, ops

from keras_recipes.training import StepModel

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(32, 2)).astype("float32") + 1
NOISE = RNG.normal(size=(32, 2)).astype("float32")
TARGETS = POINTS[:, :1] * POINTS[:, 1:]


def dense(units, seed, name, **options):
    """Two inputs, four hidden units, and weights of their own from NumPy, the same on each backend."""
    hidden = layers.Dense(4, "tanh", name="hidden", **options)
    net = keras.Sequential([keras.Input((2,)), hidden, layers.Dense(units, dtype="float32", name="last")], name=name)
    rng = np.random.default_rng(seed)
    net.set_weights([rng.normal(0, 0.5, weight.shape) for weight in net.weights])
    return net


def cross_entropy(scores, target):
    """Binary cross-entropy of each example."""
    return ops.binary_crossentropy(ops.full_like(scores, target), scores, from_logits=True)[:, 0]


@keras.saving.register_keras_serializable(package="tests")
class TinyGAN(StepModel):
    """Two parts that learn from each other; noise comes with the data, or from a seed."""

    logs = ("critic_loss", "generator_loss")

    def __init__(self, generator, critic, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.generator, self.critic, self.scale = generator, critic, scale
        self.seed_generator = keras.random.SeedGenerator(1)

    def call(self, noise):
        return self.generator(noise)

    def step(self, data, training):
        x, _, weight = data
        if isinstance(x, (tuple, list)):
            real, noise = x
        else:
            real, noise = x, keras.random.normal(ops.shape(x), seed=self.seed_generator)
        weight = 1.0 if weight is None else weight

        def critic_loss():
            fake = ops.stop_gradient(self.generator(noise))
            losses = cross_entropy(self.critic(real), 1.0) + cross_entropy(self.critic(fake), 0.0)
            return self.scale * ops.mean(weight * losses)

        def generator_loss():
            return ops.mean(cross_entropy(self.critic(self.generator(noise)), 1.0))

        critic_loss = self.minimize(critic_loss, "critic")
        return {"critic_loss": critic_loss, "generator_loss": self.minimize(generator_loss, "generator")}


def gan(make=None, scale=1.0, critic_options=None, **compiled):
    """A compiled `TinyGAN`; `make` returns a new optimizer."""
    model = TinyGAN(dense(2, 1, "generator"), dense(1, 2, "critic", **(critic_options or {})), scale, name="gan")
    critic, generator = (make() if make else keras.optimizers.Adam(0.01) for _ in range(2))
    model.compile({"critic": critic, "generator": generator}, **compiled)
    return model


@keras.saving.register_keras_serializable(package="tests")
class Regression(StepModel):
    """One optimizer for all, and two losses that layers add."""

    logs = ("loss", "error")

    def __init__(self, net, **kwargs):
        super().__init__(**kwargs)
        self.net = net

    def call(self, x):
        return self.net(x)

    def step(self, data, training):
        x, y, weight = data

        def loss_fn():
            error = ops.mean(ops.square(self.net(x) - y) * (1.0 if weight is None else weight[:, None]))
            return error + sum(self.losses), error

        loss, error = self.minimize(loss_fn)
        return {"loss": loss, "error": error}


def regression(optimizer=None, **compiled):
    """A compiled `Regression`."""
    options = {"kernel_regularizer": keras.regularizers.L2(0.1), "activity_regularizer": keras.regularizers.L1(0.01)}
    model = Regression(dense(1, 1, "net", **options), name="regression")
    model.compile(optimizer or keras.optimizers.SGD(0.05), **compiled)
    return model


def train(model, epochs=2, batch_size=8, **options):
    """The history of a training on points and noise, in their order."""
    data = (POINTS, TARGETS) if isinstance(model, Regression) else ((POINTS, NOISE),)
    options = {"epochs": epochs, "batch_size": batch_size, "shuffle": False, "verbose": 0, **options}
    return model.fit(*data, **options).history


def everything(model):
    """All that a training may change, seeds among it, as arrays."""
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


def same_bits(one, other):
    """Whether two models, or lists of arrays, are the same to the bit."""
    one, other = (thing if isinstance(thing, list) else everything(thing) for thing in (one, other))
    return len(one) == len(other) and all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


def close(one, other, tolerance=1e-6):
    """Assert that two models are the same but for rounding."""
    for value, expected in zip(everything(one), everything(other), strict=True):
        np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance)
