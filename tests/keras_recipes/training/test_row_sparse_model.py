import keras
import numpy as np
import pytest
from keras import layers

from keras_recipes.data import Batches
from keras_recipes.layers import Embedding, SparseEmbedding
from keras_recipes.optimizers import SparseAdagrad, SparseAdam
from keras_recipes.training import Checkpoint, RowSparseModel, StepModel, fit

ROWS, DIM = 40, 4
RNG = np.random.default_rng(0)
IDS = RNG.integers(0, ROWS - 10, size=(100, 2)).astype("int32")  # ten rows never come
PLANTED = RNG.normal(size=ROWS)
SCORES = (PLANTED[IDS[:, 0]] - PLANTED[IDS[:, 1]])[:, None].astype("float32")


def build(embedding=SparseEmbedding, model=RowSparseModel, optimizer=None, rows=ROWS, **options):
    keras.utils.set_random_seed(0)
    ids = keras.Input((2,), dtype="int32")
    vectors = embedding(rows, DIM, name="table")(ids)  # (batch, 2, dim)
    built = model(ids, layers.Dense(1, name="head")(layers.Flatten()(vectors)))
    built.compile(optimizer or SparseAdam(0.05), loss="mse", metrics=["mae"], **options)
    return built


def test_learns_planted_scores():
    model = build()
    start = model.get_layer("table").get_weights()[0]
    history = fit(model, Batches((IDS, SCORES), 16), 30)
    assert set(history) == {"loss", "mae"}
    assert history["loss"][-1] < 0.01 * history["loss"][0]
    end = model.get_layer("table").get_weights()[0]
    np.testing.assert_array_equal(end[-10:], start[-10:])
    assert model.evaluate(IDS, SCORES, verbose=0, return_dict=True)["mae"] < 0.2


def test_the_numbers_are_those_of_the_gradient_of_the_whole_table():
    """With Adagrad, which is indifferent to rows that are not looked up, and a dense layer in the same model."""
    rows = build(optimizer=SparseAdagrad(0.1))
    whole = build(Embedding, keras.Model, keras.optimizers.Adagrad(0.1))
    whole.set_weights(rows.get_weights())
    histories = [fit(model, Batches((IDS, SCORES), 16), 3) for model in (rows, whole)]
    for one, other in zip(rows.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)


STEPS = [] if keras.config.backend() == "torch" else [{"steps_per_execution": 3}]  # Keras has none there


@pytest.mark.parametrize("options", [{}, {"run_eagerly": True}, *STEPS], ids=str)
def test_fit_is_keras_own_or_ours(options):
    found = []
    for by_keras in (True, False):
        model = build(**options)
        batches = Batches((IDS, SCORES), 16)
        if by_keras:
            model.fit(batches, epochs=2, shuffle=False, verbose=0)
        else:
            fit(model, batches, 2)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


class Interrupt(keras.callbacks.Callback):
    """Stands for a kill before an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise InterruptedError


def test_resumes_to_the_same_bits(tmp_path):
    def train(name, *callbacks):
        model = build()
        fit(model, Batches((IDS, SCORES), 16), 4, [Checkpoint(tmp_path / name, "same"), *callbacks])
        return model.get_weights()

    expected = train("whole.safetensors")
    with pytest.raises(InterruptedError):
        train("killed.safetensors", Interrupt())
    for one, other in zip(train("killed.safetensors"), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_is_saved_as_keras_does_it(tmp_path):
    model = build()
    fit(model, Batches((IDS, SCORES), 16), 2)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is RowSparseModel
    np.testing.assert_array_equal(again.predict(IDS, verbose=0), model.predict(IDS, verbose=0))
    for one, other in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_frozen_table_stays_as_it_is():
    model = build()
    model.get_layer("table").trainable = False
    model.compile(SparseAdam(0.1), loss="mse")
    start = model.get_layer("table").get_weights()[0]
    fit(model, Batches((IDS, SCORES), 16), 1)
    np.testing.assert_array_equal(model.get_layer("table").get_weights()[0], start)


def test_weights_of_examples_count():
    twice, weighted = build(), build()
    fit(twice, Batches((np.concatenate([IDS[:8], IDS[:8]]), np.concatenate([SCORES[:8], SCORES[:8]])), 16), 1)
    fit(weighted, Batches((IDS[:16], SCORES[:16], np.repeat([2.0, 0.0], 8).astype("float32")), 16), 1)
    for one, other in zip(twice.get_weights(), weighted.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


class Pairs(StepModel):
    logs = ("distance",)

    def __init__(self):
        super().__init__()
        self.table = SparseEmbedding(ROWS, DIM)
        self.table.build(None)

    def step(self, data, training):
        ids, _, _ = data

        def distance():
            vectors = self.table(ids, training=training)
            return keras.ops.mean(keras.ops.square(vectors[:, 0] - vectors[:, 1]))

        return {"distance": self.minimize(distance)}


def test_a_model_with_a_step_of_its_own():
    model = Pairs()
    model.compile(SparseAdam(0.01))
    start = model.table.get_weights()[0]
    history = fit(model, Batches((IDS,), 16), 10)
    assert history["distance"][-1] < 0.1 * history["distance"][0]
    np.testing.assert_array_equal(model.table.get_weights()[0][-10:], start[-10:])


class Watched(Pairs):
    """Looks up a table outside of the loss, too."""

    logs = ("distance", "size")

    def step(self, data, training):
        size = keras.ops.mean(keras.ops.square(self.table(data[0], training=training)))
        return {**super().step(data, training), "size": size}


def test_a_step_may_look_at_a_table_without_training_it():
    histories = []
    for kind in (Pairs, Watched):
        keras.utils.set_random_seed(0)
        model = kind()
        model.compile(SparseAdam(0.01))
        histories.append(fit(model, Batches((IDS,), 16), 2))
    np.testing.assert_allclose(histories[0]["distance"], histories[1]["distance"], rtol=1e-6)
    assert histories[1]["size"][0] > 0


def test_a_step_that_fails_leaves_the_weights(monkeypatch):
    model = build()
    start = model.get_weights()
    monkeypatch.setattr(type(model), "compute_loss", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.fit(IDS, SCORES, verbose=0)
    for one, other in zip(model.get_weights(), start, strict=True):
        np.testing.assert_array_equal(one, other)


class Players(StepModel):
    """Two parts, each with a table; the loss of one looks up the table of the other, too."""

    logs = ("one_loss", "other_loss")

    def __init__(self):
        super().__init__()
        self.one, self.other = SparseEmbedding(ROWS, DIM), SparseEmbedding(ROWS, DIM)
        for part in (self.one, self.other):
            part.build(None)

    def step(self, data, training):
        ids, _, _ = data

        def loss():
            return keras.ops.mean(
                keras.ops.square(self.one(ids, training=training) - self.other(ids, training=training))
            )

        return {"one_loss": self.minimize(loss, "one"), "other_loss": self.minimize(loss, "other")}


def test_several_tables_with_an_optimizer_each():
    model = Players()
    model.compile({"one": SparseAdam(0.01), "other": SparseAdagrad(0.1)})
    history = fit(model, Batches((IDS,), 16), 20)
    assert history["other_loss"][-1] < 0.1 * history["one_loss"][0]


def test_one_layer_twice_and_a_rate_that_changes():
    keras.utils.set_random_seed(0)
    inputs = [keras.Input((1,), dtype="int32") for _ in range(2)]
    table = SparseEmbedding(ROWS, 1, "zeros")
    one, other = (layers.Flatten()(table(ids)) for ids in inputs)
    model = RowSparseModel(inputs, layers.Subtract()([one, other]))
    model.compile(SparseAdam(0.1), loss="mse")
    slower = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 if epoch < 10 else 0.01)
    history = fit(model, Batches(((IDS[:, :1], IDS[:, 1:]), SCORES), 16), 15, [slower])
    assert history["loss"][-1] < 0.01 * history["loss"][0]
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_refuses_a_model_that_would_compute_the_gradient_of_the_whole_table():
    model = build(model=keras.Model)
    with pytest.raises(ValueError, match="`model` must be a StepModel or a RowSparseModel"):
        fit(model, Batches((IDS, SCORES), 16), 1)


def test_refuses_an_optimizer_of_whole_tables():
    model = build(optimizer=keras.optimizers.Adam())
    with pytest.raises(ValueError, match="`optimizer` must be SparseAdam, or another one"):
        fit(model, Batches((IDS, SCORES), 16), 1)


def test_mixed_precision():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = build()
        history = fit(model, Batches((IDS, SCORES), 16), 10)
        keras.mixed_precision.set_dtype_policy("mixed_float16")
        with pytest.raises(ValueError, match=r"`optimizer` must be SparseAdam, .*, received 'LossScaleOptimizer'"):
            fit(build(), Batches((IDS, SCORES), 16), 1)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert str(model.get_layer("table").embeddings.dtype) == "float32"


@pytest.mark.skipif(keras.config.backend() != "jax", reason="only JAX says what a compiled step needs")
def test_a_compiled_step_needs_no_array_of_the_tables_size():
    import jax

    from keras_recipes.training.jax_scope import training_state

    model = build(rows=10_000)
    model.optimizer.build(model.trainable_variables)
    state = tuple([variable.value for variable in group] for group in training_state(model))
    step = jax.jit(model.train_step, donate_argnums=0).lower(state, (IDS[:16], SCORES[:16])).compile()
    assert step.memory_analysis().temp_size_in_bytes < 10_000 * DIM * 4 / 2
