import keras
import numpy as np
import pytest
import sklearn.metrics
from scipy.special import expit, softmax

from keras_recipes.data import Batches
from keras_recipes.task_heads import TASKS, activate, task_head
from keras_recipes.training import fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(512, 4)).astype("float32")
SCORES = X @ RNG.normal(size=(4, 3)) * 2
OUTPUTS = {"regression": 3, "binary": 1, "multi_label": 3, "multi_class": 3}


def targets(task):
    """Targets drawn from a linear model: what the head can find, and no more."""
    if task == "regression":
        return (SCORES + 0.1 * RNG.normal(size=SCORES.shape)).astype("float32")
    if task == "multi_class":
        return np.array([RNG.choice(3, p=row) for row in softmax(SCORES, axis=1)], "int32")
    return (RNG.random((512, OUTPUTS[task])) < expit(SCORES[:, : OUTPUTS[task]])).astype("float32")


def best_possible(task, y):
    """The loss of the model that drew the targets, by scikit-learn."""
    if task == "regression":
        return sklearn.metrics.mean_squared_error(y, SCORES)
    if task == "multi_class":
        return sklearn.metrics.log_loss(y, softmax(SCORES, axis=1))
    columns = range(OUTPUTS[task])
    return np.mean([sklearn.metrics.log_loss(y[:, i], expit(SCORES[:, i])) for i in columns])


@pytest.mark.parametrize("task", TASKS)
def test_each_head_learns_what_there_is_to_learn(task):
    y, head = targets(task), task_head(task, OUTPUTS[task])
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(head.units)])
    model.compile(keras.optimizers.Adam(0.05), loss=head.loss, metrics=head.metrics)
    history = fit(model, Batches((X, y), 32), 12)
    assert history["loss"][-1] == pytest.approx(best_possible(task, y), rel=0.15)
    predicted = activate(head.activation, model.predict(X, verbose=0))
    assert predicted.shape == (512, head.units)
    if task == "regression":
        assert np.abs(predicted - SCORES).mean() < 0.1
    elif task == "multi_class":
        np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=1e-9)
        accuracy = np.mean(predicted.argmax(axis=1) == y)
        assert float(model.get_metrics_result()["accuracy"]) == pytest.approx(accuracy, abs=0.05)
    else:
        accuracy = np.mean((predicted > 0.5) == y)
        assert float(model.get_metrics_result()["accuracy"]) == pytest.approx(accuracy, abs=0.05)


def test_accuracy_is_that_of_a_probability_of_a_half():
    (accuracy,) = task_head("binary").metrics
    assert float(accuracy(np.array([[0.0], [1.0]]), np.array([[-0.2], [0.2]], "float32"))) == 1.0


@pytest.mark.parametrize("task", ["binary", "multi_label", "multi_class"])
def test_smoothed_losses_are_those_of_smoothed_targets(task):
    y, outputs = targets(task), 10 * RNG.normal(size=(512, OUTPUTS[task])).astype("float32")
    smoothing, classes = 0.2, OUTPUTS[task]
    loss = float(keras.ops.convert_to_numpy(task_head(task, classes, smoothing).loss(y, outputs)))
    if task == "multi_class":
        smooth = (1 - smoothing) * np.eye(classes)[y] + smoothing / classes
        expected = -np.mean(np.sum(smooth * np.log(softmax(outputs.astype("float64"), axis=1)), axis=1))
    else:
        smooth, wide = (1 - smoothing) * y + smoothing / 2, outputs.astype("float64")
        expected = np.mean(smooth * np.logaddexp(0, -wide) + (1 - smooth) * np.logaddexp(0, wide))
    assert loss == pytest.approx(expected, rel=1e-5)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(task_head(task, classes, smoothing).loss)
    )
    assert float(keras.ops.convert_to_numpy(again(y, outputs))) == pytest.approx(loss)


def test_activations_do_not_overflow():
    extreme = np.array([[1000.0, -1000.0, 0.0]])
    np.testing.assert_allclose(activate("sigmoid", extreme), [[1, 0, 0.5]], atol=1e-12)
    np.testing.assert_allclose(activate("softmax", extreme), [[1, 0, 0]], atol=1e-12)
    np.testing.assert_array_equal(activate("linear", extreme), extreme)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("ranking",),
            "`task` must be one of 'regression', 'binary', 'multi_label', 'multi_class', received 'ranking'",
        ),
        (("binary", 2), "`num_outputs` must be 1 for 'binary', received 2"),
        (("regression", 0), "`num_outputs` must be an integer of at least 1"),
        (("regression", 1, 0.1), "`label_smoothing` must be 0 for 'regression'"),
        (("binary", 1, 1.0), r"`label_smoothing` must be in \[0, 1\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        task_head(*arguments)
