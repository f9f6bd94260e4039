"""What draws: initialisers and `keras.random`, equal to the bit; dropout and noise, under the same bits."""

import keras
import numpy as np
from keras import initializers, layers

from backends_matrix.layers_and_ops.case import Case, Subject, layer

TRAINING = {"training": True}


def cases():
    """List of `Case`."""
    return [*drawn(), *noise()]


def draw(name, function, exact=True):
    """A `Case` whose numbers must be equal to the bit, unless a logarithm is in them."""
    precisions = ("float64", "float32") if exact else ("float32",)  # it is drawn in float32
    options = {"precisions": precisions, "gradient": False, "compiled": False, "exact": exact}
    return Case(name, "random", lambda rng: Subject(lambda tensors: function(), {}, {}), **options)


def drawn():
    """Every initialiser, with a seed and without, and the functions of `keras.random`."""
    names = ("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Orthogonal",
             "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling")  # fmt: skip
    found = [draw(f"{name} of {shape}", seeded(name, shape)) for name in names for shape in ((7, 4), (3, 3, 2, 5))]
    found += [draw(f"{name} without seed", unseeded(name)) for name in names]
    found += [
        draw(
            "VarianceScaling fan_avg", lambda: initializers.VarianceScaling(2.0, "fan_avg", "uniform", seed=1)((4, 5))
        ),
        draw("Identity", lambda: initializers.Identity(2.0)((3, 3))),
        draw("Constant", lambda: initializers.Constant(0.1)((3,))),
        draw("random normal", lambda: keras.random.normal((50,), 1.0, 2.0, seed=1)),
        draw("random uniform", lambda: keras.random.uniform((50,), -1.0, 2.0, seed=1)),
        draw("random truncated_normal", lambda: keras.random.truncated_normal((50,), seed=1)),
        draw("random randint", lambda: keras.random.randint((50,), -3, 99, seed=1)),
        draw("random categorical", lambda: keras.random.categorical(np.zeros((2, 5), "float32"), 20, seed=1)),
        draw("random shuffle", lambda: keras.random.shuffle(keras.ops.reshape(keras.ops.arange(24), (8, 3)), seed=1)),
        draw("random dropout", lambda: keras.random.dropout(keras.ops.ones((50,)), 0.3, seed=1)),
        draw("random gamma", lambda: keras.random.gamma((50,), 0.7, seed=1), exact=False),
        draw("random binomial", lambda: keras.random.binomial((50,), 9.0, 0.3, seed=1)),
        draw("random draws of one generator", draws_of_one_generator),
    ]
    return found


def seeded(name, shape):
    """Function that draws from an initialiser with a seed."""
    return lambda: getattr(initializers, name)(seed=3)(shape)


def unseeded(name):
    """Function that draws twice from an initialiser without one, which takes the global seed."""
    return lambda: [getattr(initializers, name)()((7, 4)) for _ in range(2)]


def draws_of_one_generator():
    """Three draws that share a generator."""
    generator = keras.random.SeedGenerator(5)
    return [keras.random.uniform((9,), seed=generator) for _ in range(3)]


def noise():
    """Layers that drop or add noise."""
    rows = [
        ("Dropout", lambda: layers.Dropout(0.3, seed=1), (4, 9)),
        ("Dropout without seed", lambda: layers.Dropout(0.3), (4, 9)),
        ("Dropout noise shape", lambda: layers.Dropout(0.3, noise_shape=(4, 1, 3), seed=1), (4, 5, 3)),
        ("SpatialDropout1D", lambda: layers.SpatialDropout1D(0.4, seed=1), (4, 5, 6)),
        ("SpatialDropout2D", lambda: layers.SpatialDropout2D(0.4, seed=1), (2, 4, 5, 6)),
        ("SpatialDropout3D", lambda: layers.SpatialDropout3D(0.4, seed=1), (2, 3, 4, 5, 6)),
        ("GaussianNoise", lambda: layers.GaussianNoise(0.5, seed=1), (4, 9)),
        ("GaussianDropout", lambda: layers.GaussianDropout(0.3, seed=1), (4, 9)),
        ("AlphaDropout", lambda: layers.AlphaDropout(0.3, seed=1), (4, 9)),
        ("Dropout in use", lambda: layers.Dropout(0.3, seed=1), (4, 9)),
    ]
    return [
        layer(name, build, shape, group="random", call={"training": "use" not in name}) for name, build, shape in rows
    ]
