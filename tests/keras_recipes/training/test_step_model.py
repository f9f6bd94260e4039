"""A `StepModel` is a Keras model in all that can be done with one."""

import csv

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recipes.data import Batches
from keras_recipes.training import StepModel, fit, load_training, save_training
from tests.keras_recipes.training.step_models import (
    NOISE,
    POINTS,
    TARGETS,
    close,
    dense,
    everything,
    gan,
    regression,
    same_bits,
    train,
)

BACKEND = keras.config.backend()


def by_numpy(model, points, noise, weight=1.0):
    """The critic's loss."""
    scores = model.critic(points), model.critic(model.generator(noise))
    real, fake = (ops.convert_to_numpy(score)[:, 0] for score in scores)
    return float(np.mean(weight * (np.logaddexp(0, -real) + np.logaddexp(0, fake))))


def test_fit_evaluate_predict_validation():
    model, few = gan(), (POINTS[:20], NOISE[:20])
    history = train(model, validation_data=(few,), validation_batch_size=8)  # the last batch is smaller
    assert set(history) == {"critic_loss", "generator_loss", "val_critic_loss", "val_generator_loss"}
    assert len(history["critic_loss"]) == 2
    before, weights = everything(model), model.get_weights()
    found = model.evaluate(few, batch_size=8, verbose=0, return_dict=True)
    assert [found[name] for name in model.logs] == pytest.approx([history[f"val_{name}"][-1] for name in model.logs])
    assert found["critic_loss"] == pytest.approx(by_numpy(model, *few), rel=1e-5)
    assert model.test_on_batch(few, return_dict=True) == pytest.approx(found, rel=1e-5)
    assert same_bits(everything(model), before)
    model.evaluate(POINTS, batch_size=8, verbose=0)  # noise is drawn, and nothing else happens
    assert same_bits(model.get_weights(), weights)
    assert sum(not np.array_equal(*pair) for pair in zip(everything(model), before, strict=True)) == 1
    outputs = ops.convert_to_numpy(model.generator(NOISE))
    np.testing.assert_allclose(model.predict(NOISE, verbose=0), outputs, rtol=1e-5, atol=1e-6)


def test_weights_of_examples_reach_the_step():
    """Class weights, too, as `fit` does it: each batch's loss is weighted; with a learning rate of 0 it tells how."""
    weight, classes = np.linspace(0, 2, 32, dtype="float32"), (NOISE[:, :1] > 0).astype("float32")
    model = gan(lambda: keras.optimizers.SGD(0.0))
    options = {"batch_size": 12, "epochs": 1, "shuffle": False, "verbose": 0}  # the last batch is smaller
    history = model.fit((POINTS, NOISE), classes, sample_weight=weight, **options).history
    assert history["critic_loss"][0] == pytest.approx(by_numpy(model, POINTS, NOISE, weight), rel=1e-5)
    by_class = np.where(classes[:, 0] == 1, 3.0, 0.5)
    single = regression(keras.optimizers.SGD(0.0))
    history = single.fit(POINTS, classes, class_weight={0: 0.5, 1: 3.0}, **options).history
    error = ops.convert_to_numpy(single.net(POINTS))[:, 0] - classes[:, 0]
    assert history["error"][0] == pytest.approx(float(np.mean(by_class * error**2)), rel=1e-5)


def test_single_batches_are_those_of_fit():
    models = [gan(), gan()]
    history = train(models[0], epochs=1)
    rows = [slice(begin, begin + 8) for begin in range(0, 32, 8)]
    logs = [models[1].train_on_batch((POINTS[some], NOISE[some]), return_dict=True) for some in rows]
    close(*models)
    assert np.mean([log["critic_loss"] for log in logs]) == pytest.approx(history["critic_loss"][0], rel=1e-5)


class Noting(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        rates = {part: float(one.learning_rate) for part, one in self.model.optimizer.parts.items()}
        self.rates = [*getattr(self, "rates", []), rates]


def test_callbacks(tmp_path):
    model, noting = gan(lambda: keras.optimizers.SGD(0.1)), Noting()
    model.optimizer.parts["critic"].learning_rate = 0.2
    callbacks = [
        noting,
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.EarlyStopping("generator_loss", mode="min", min_delta=100.0, patience=2),
    ]
    history = train(model, epochs=9, callbacks=callbacks)
    assert len(history["critic_loss"]) == 3
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["critic_loss"]) for row in rows] == pytest.approx(history["critic_loss"])
    assert same_bits(keras.saving.load_model(tmp_path / "3.keras"), model)
    assert not same_bits(keras.saving.load_model(tmp_path / "2.keras"), model)
    assert noting.rates == [{"critic": pytest.approx(0.2), "generator": pytest.approx(0.1)}] * 3


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 * 0.5 ** (epoch + 1)),
        keras.callbacks.ReduceLROnPlateau("critic_loss", factor=0.5, patience=1, min_delta=100.0, mode="min"),
    ],
    ids=["LearningRateScheduler", "ReduceLROnPlateau"],
)
def test_callbacks_that_change_the_rate(callback):
    """That of each part; the first epoch is no plateau yet."""
    model, noting = gan(lambda: keras.optimizers.SGD(0.1)), Noting()
    train(model, epochs=2, callbacks=[callback, noting])
    last = 0.025 if isinstance(callback, keras.callbacks.LearningRateScheduler) else 0.05
    assert noting.rates[-1] == pytest.approx({"critic": last, "generator": last})


def test_terminate_on_nan():
    """It looks at the log called `loss`."""
    model = regression(keras.optimizers.SGD(float("nan")))
    assert len(train(model, epochs=5, callbacks=[keras.callbacks.TerminateOnNaN()])["loss"]) == 1


@pytest.mark.parametrize("build", [gan, lambda: regression("adam")], ids=["gan", "regression"])
def test_saved_and_loaded_it_goes_on_to_the_same_bits(build, tmp_path):
    model, by_ours = build(), build()
    train(model)
    model.save(tmp_path / "model.keras")
    save_training(tmp_path / "model.safetensors", model)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    load_training(tmp_path / "model.safetensors", by_ours)
    assert same_bits(loaded, model)
    assert same_bits(by_ours, model)
    for one in (model, loaded, by_ours):
        train(one, epochs=1)
    assert same_bits(loaded, model)
    assert same_bits(by_ours, model)


@pytest.mark.parametrize("how", ["several steps per execution", "eagerly"])
def test_other_ways_to_make_the_same_steps(how):
    if how == "several steps per execution" and BACKEND == "torch":
        with pytest.raises(ValueError, match="steps_per_execution"):
            train(gan(steps_per_execution=2))
        return
    options = {"several steps per execution": {"steps_per_execution": 2}, "eagerly": {"run_eagerly": True}}
    model, expected = gan(**options[how]), gan()
    sizes = {"epochs": 1, "batch_size": 20 if how == "eagerly" else 12}  # the last batch is smaller
    histories = [train(expected, **sizes), train(model, **sizes)]
    close(model, expected, 1e-5)
    for name in model.logs:
        assert histories[0][name] == pytest.approx(histories[1][name], rel=1e-5)


class Lists(StepModel):
    """Two lists of layers as parts, and losses that layers add in each closure."""

    logs = ("first", "second", "third")

    def __init__(self):
        super().__init__()
        add = {"activity_regularizer": keras.regularizers.L2(1.0)}
        self.encoders = [dense(2, 1, "one", **add), dense(2, 2, "two")]
        self.decoders = [dense(2, 3, "three", kernel_regularizer=keras.regularizers.L2(0.5)), dense(2, 4, "four")]

    def step(self, data, training):
        x = data[0]

        def loss_of(layer):
            def loss_fn():
                return 0.0 * ops.sum(layer(x)) + sum(self.losses)

            return loss_fn

        one, two = self.encoders
        first = self.minimize(loss_of(one), "encoders")
        second = self.minimize(loss_of(two), "decoders_and_more")
        return {"first": first, "second": second, "third": self.minimize(loss_of(one), "encoders")}

    @property
    def decoders_and_more(self):
        return [*self.decoders, self.encoders[1]]


@pytest.mark.parametrize("how", ["keras", "eager", "ours"])
def test_each_closure_has_its_own_losses(how):
    """Those that layers add in it, once, and the regularizers of all weights."""
    model = Lists()
    model.compile({"encoders": keras.optimizers.SGD(0.0), "decoders_and_more": "sgd"}, run_eagerly=how == "eager")
    penalty = 0.5 * np.sum(model.decoders[0].get_weights()[0] ** 2)
    hidden = np.tanh(POINTS @ model.encoders[0].get_weights()[0] + model.encoders[0].get_weights()[1])
    activity = np.sum(hidden**2) / len(POINTS)
    assert activity > 0.1
    batches = Batches((POINTS,), 32)
    history = fit(model, batches, 1) if how == "ours" else model.fit(batches, shuffle=False, verbose=0).history
    after = 0.5 * np.sum(model.decoders[0].get_weights()[0] ** 2)  # a step against the penalty, between the closures
    assert after == pytest.approx(penalty * 0.99**2, rel=1e-5)
    assert history["first"] == pytest.approx([activity + penalty], rel=1e-5)
    assert history["second"] == pytest.approx([penalty], rel=1e-5)
    assert history["third"] == pytest.approx([activity + after], rel=1e-5)


def test_losses_of_a_single_optimizer():
    model = regression(keras.optimizers.SGD(0.0))
    history = train(model, epochs=1, batch_size=32)
    kernel, bias = model.net.get_weights()[:2]
    added = 0.1 * np.sum(kernel**2) + 0.01 * np.sum(np.abs(np.tanh(POINTS @ kernel + bias))) / len(POINTS)
    assert history["loss"][0] - history["error"][0] == pytest.approx(added, rel=1e-4)
    found = model.evaluate(POINTS, TARGETS, batch_size=32, verbose=0, return_dict=True)
    assert found == pytest.approx({name: values[0] for name, values in history.items()}, rel=1e-5)


def test_a_frozen_layer_stays_as_it_is():
    model = gan()
    model.critic.layers[0].trainable = False
    model.compile({"critic": "adam", "generator": "adam"})
    before = [model.critic.layers[0].get_weights(), model.critic.layers[1].get_weights()]
    train(model, epochs=1)
    assert same_bits(before[0], model.critic.layers[0].get_weights())
    assert not same_bits(before[1], model.critic.layers[1].get_weights())


def test_a_step_that_raises_leaves_the_weights():
    """On JAX `fit` has taken them out of the variables by then."""

    class Raising(layers.Layer):
        def call(self, inputs):
            if raising:
                raise ArithmeticError("in the middle")
            return inputs

    raising, model = [], gan()
    model.critic = keras.Sequential([keras.Input((2,)), layers.Dense(1), Raising()])
    model.compile({"critic": "sgd", "generator": "sgd"})
    before = everything(model)
    raising.append(True)
    with pytest.raises(ArithmeticError, match="in the middle"):
        train(model)
    assert same_bits(before, everything(model))
    raising.clear()
    train(model)
    assert not same_bits(before, everything(model))
