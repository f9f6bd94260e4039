import importlib
import re

import keras
import numpy as np
import pytest
from keras import layers, ops

from backends_matrix import portable_random
from backends_matrix.keras_internals import find

# Each test runs in a process of one backend: numbers written down here are what makes all of them equal.
# Few different sizes, because JAX compiles each operation anew for each size.
EXACT = {
    "uniform": (lambda: keras.random.uniform((4,), seed=1), [0.13620758, 0.68262076, 0.8059528, 0.2385521]),
    "uniform with bounds": (
        lambda: keras.random.uniform((4,), 0.1, 0.73, seed=1),
        [0.18581077, 0.5300511, 0.6077503, 0.25028783],
    ),
    "normal": (lambda: keras.random.normal((4,), seed=1), [-0.7726217, -0.17508107, 1.6496716, -0.008737117]),
    "normal with mean": (
        lambda: keras.random.normal((4,), 0.3, 0.7, seed=1),
        [-0.24083519, 0.17744327, 1.4547701, 0.29388404],
    ),
    "truncated_normal": (
        lambda: keras.random.truncated_normal((4,), seed=1),
        [-1.0246668, 0.45186073, 0.8134701, -0.67309195],
    ),
    "randint": (lambda: keras.random.randint((4,), -7, 1000, seed=1), [318, 857, 492, 887]),
    "dropout": (
        lambda: ops.sign(keras.random.dropout(np.ones(12, "float32"), 0.25, seed=1)),
        [1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1],
    ),
    "shuffle": (lambda: keras.random.shuffle(np.arange(12), seed=1), [10, 6, 9, 4, 8, 1, 2, 7, 11, 0, 5, 3]),
    "categorical": (
        lambda: keras.random.categorical(np.log([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]]), 2, seed=1),
        [[2, 1], [1, 0]],
    ),
    "binomial": (lambda: keras.random.binomial((3,), [3, 4, 2], 0.3, seed=1), [1, 1, 0]),
    "GlorotUniform": (
        lambda: keras.initializers.GlorotUniform(seed=1)((2, 2)),
        [[-0.89110583, 0.44732773], [0.7494283, -0.640414]],
    ),
}
ROUNDED = {
    "gamma": (lambda: keras.random.gamma((4,), 0.4, seed=1), [0.003552994, 1.1082767, 0.22149245, 0.0459728]),
    "beta": (lambda: keras.random.beta((4,), 0.4, 0.3, seed=1), [0.9999981, 0.7403093, 0.88685614, 0.026339915]),
    "Orthogonal": (
        lambda: keras.initializers.Orthogonal(seed=2)((3, 2)),
        [[-0.97555745, -0.19063726], [0.025776854, 0.39465445], [0.2182274, -0.89883554]],
    ),
}


def array(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.fixture
def portable():
    with portable_random.portable_random():
        yield


@pytest.mark.usefixtures("portable")
@pytest.mark.parametrize("name", EXACT)
def test_numbers_are_the_same_bits_on_every_backend(name):
    draw, expected = EXACT[name]
    drawn = array(draw())
    np.testing.assert_array_equal(drawn, np.array(expected, drawn.dtype))


@pytest.mark.usefixtures("portable")
@pytest.mark.parametrize("name", ROUNDED)
def test_numbers_that_are_rounded_are_equal_to_1e_6(name):
    draw, expected = ROUNDED[name]
    np.testing.assert_allclose(array(draw()), expected, rtol=0.0, atol=1e-6)


@pytest.mark.usefixtures("portable")
def test_unseeded_draws_and_layers_follow_set_random_seed_on_every_backend():
    keras.utils.set_random_seed(5)
    first, second = array(keras.random.normal((4,))), array(keras.random.normal((4,)))
    np.testing.assert_array_equal(first, np.float32([1.0863444, 1.0656272, -0.16911866, 1.3501043]))
    np.testing.assert_array_equal(second, np.float32([2.1461854, 0.034861624, 0.978858, -0.20862585]))
    dropped = layers.Dropout(0.5)(np.ones(12, "float32"), training=True)
    np.testing.assert_array_equal(array(dropped), [0, 2, 0, 2, 2, 0, 2, 0, 0, 2, 2, 0])


@pytest.mark.usefixtures("portable")
@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (2, 3, 3, 5)])
def test_orthogonal_kernels_are_orthogonal_and_of_the_asked_gain(shape):
    kernel = array(keras.initializers.Orthogonal(gain=2.0, seed=3)(shape)).reshape(-1, shape[-1])
    short = kernel if kernel.shape[0] < kernel.shape[1] else kernel.T
    np.testing.assert_allclose(short @ short.T, 4.0 * np.eye(len(short)), atol=1e-5)


@pytest.mark.usefixtures("portable")
def test_orthogonal_accepts_a_generator_and_refuses_vectors():
    generator = keras.random.SeedGenerator(2)
    initializer = keras.initializers.Orthogonal(seed=generator)
    first, second = array(initializer((3, 2))), array(initializer((3, 2)))
    np.testing.assert_allclose(first, ROUNDED["Orthogonal"][1], atol=1e-6)
    assert not np.allclose(first, second)
    with pytest.raises(ValueError, match="at least two-dimensional"):
        initializer((3,))


class Recorder(layers.Layer):
    """Passes its input on and keeps the last `count` rows, in the order in which they came."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    def build(self, input_shape):
        self.seen = self.add_weight(shape=(self.count, *input_shape[1:]), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.seen.assign(ops.concatenate([self.seen, inputs])[-self.count :])
        return inputs


def noise_layers():
    return [layers.Dropout(0.4, seed=11), layers.GaussianNoise(0.3, seed=12), layers.GaussianDropout(0.2, seed=13)]


@pytest.mark.usefixtures("portable")
@pytest.mark.parametrize("head", [[keras.Input((6,))], []], ids=["built", "unbuilt"])
def test_noise_inside_fit_equals_eager_noise(head):
    inputs = np.random.RandomState(0).standard_normal((8, 6)).astype("float32")
    recorder = Recorder(8)
    model = keras.Sequential([*head, *noise_layers(), recorder, layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    model.fit(inputs, inputs[:, :1], batch_size=4, shuffle=False, verbose=0)
    eager = noise_layers()
    expected = []
    for batch in (inputs[:4], inputs[4:]):
        for layer in eager:
            batch = layer(batch, training=True)
        expected.append(array(batch))
    np.testing.assert_array_equal(array(recorder.seen), np.concatenate(expected))


@pytest.mark.usefixtures("portable")
def test_recurrent_layers_can_be_built_while_a_backend_is_tracing():
    model = keras.Sequential([layers.LSTM(2, dropout=0.2, recurrent_dropout=0.2, seed=1), layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    model.fit(np.ones((4, 3, 1), "float32"), np.ones((4, 1)), verbose=0)
    kernel = array(model.layers[0].cell.recurrent_kernel)
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(2), atol=1e-6)


def replaced_parts_of_keras():
    """What the modules and classes hold in which `portable_random` replaces functions."""
    owners = [
        importlib.import_module(f"keras.src.backend.{keras.backend.backend()}.random"),
        keras.random.SeedGenerator,
        keras.initializers.Orthogonal,
        find(portable_random.ARRAY_ADAPTER),
        find(portable_random.EPOCH_ITERATOR),
    ]
    if keras.backend.backend() == "tensorflow":
        owners.append(find(portable_random.TENSORFLOW_EPOCH_ITERATOR))
    return [dict(vars(owner)) for owner in owners]


def test_keras_is_as_before_after_the_context():
    before = replaced_parts_of_keras()
    with portable_random.portable_random():
        pairs = zip(before, replaced_parts_of_keras(), strict=True)
        assert all(old != new for old, new in pairs)
    assert replaced_parts_of_keras() == before


def test_keras_is_as_before_after_an_exception():
    before = replaced_parts_of_keras()
    with pytest.raises(ZeroDivisionError), portable_random.portable_random():
        raise ZeroDivisionError
    assert replaced_parts_of_keras() == before


def test_contexts_can_be_nested():
    draw, expected = EXACT["normal"]
    with portable_random.portable_random():
        with portable_random.portable_random():
            np.testing.assert_array_equal(array(draw()), np.float32(expected))
        np.testing.assert_array_equal(array(draw()), np.float32(expected))


def test_this_keras_has_all_that_is_needed():
    assert portable_random.missing_attributes() == []


@pytest.mark.parametrize(
    ("owner", "attribute"),
    [
        ("keras.random:SeedGenerator", "next"),
        ("keras.src.random:seed_generator", "draw_seed"),
        (portable_random.EPOCH_ITERATOR, "reset"),
        ("keras.src.utils:rng_utils", "get_random_seed"),
        ("keras.src.trainers.data_adapters:array_slicing", "convert_to_sliceable"),
        (f"keras.src.backend.{keras.backend.backend()}:random", "gamma"),
    ],
)
def test_a_part_of_keras_that_is_gone_is_named_with_the_version(monkeypatch, owner, attribute):
    monkeypatch.delattr(find(owner), attribute)
    message = rf"Keras {re.escape(keras.__version__)} .* does not have: \S*[.:]{attribute}\."
    with pytest.raises(RuntimeError, match=message), portable_random.portable_random():
        pass


def test_state_of_the_data_adapter_that_is_gone_is_named(monkeypatch):
    monkeypatch.setattr(portable_random, "ADAPTER_STATE", ("_inputs", "_of_another_keras"))
    with pytest.raises(RuntimeError, match=r"ArrayDataAdapter\(\)\._of_"), portable_random.portable_random():
        pass
