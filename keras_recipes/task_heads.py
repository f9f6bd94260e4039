"""What the last layer, the loss and the metrics of each kind of task are."""

from typing import NamedTuple

import keras
import numpy as np

from keras_recipes.config import require

TASKS = ("regression", "binary", "multi_label", "multi_class")


class TaskHead(NamedTuple):
    """The end of a model for a task.

    The model's last layer is `Dense(units)` without activation: losses of
    logits are exact where those of probabilities have to be cut off.

    Attributes:
        units: Integer, outputs of the last layer.
        activation: String, what makes predictions of them: "linear", "sigmoid" or "softmax"; see `activate`.
        loss: `keras.losses.Loss` of the outputs.
        metrics: List of `keras.metrics.Metric` of the outputs.
    """

    units: int
    activation: str
    loss: keras.losses.Loss
    metrics: list


def task_head(task, num_outputs=1, label_smoothing=0.0):
    """The head for a task.

    Args:
        task: String: "regression" of numbers, targets of shape `(n, num_outputs)`;
            "binary", one yes or no, 0 or 1 of shape `(n, 1)`; "multi_label",
            several of them, of shape `(n, num_outputs)`; "multi_class", one of
            several classes, integers of shape `(n,)`.
        num_outputs: Integer of at least 1: numbers, labels or classes; 1 for "binary".
        label_smoothing: Float in [0, 1), how far targets of yes and no, or of
            classes, are from certain; 0 for "regression".

    Returns:
        `TaskHead`.

    Raises:
        ValueError: If an argument is none of these.

    Reference:
        Bishop, 2006, "Pattern Recognition and Machine Learning", section 5.2 (which activation belongs to which loss);
        label smoothing: Szegedy et al., 2016, https://arxiv.org/abs/1512.00567, section 7.
    """
    require(task in TASKS, "task", "one of " + ", ".join(map(repr, TASKS)), task)
    require(num_outputs >= 1, "num_outputs", "an integer of at least 1", num_outputs)
    require(task != "binary" or num_outputs == 1, "num_outputs", "1 for 'binary'", num_outputs)
    require(0 <= label_smoothing < 1, "label_smoothing", "in [0, 1)", label_smoothing)
    require(task != "regression" or not label_smoothing, "label_smoothing", "0 for 'regression'", label_smoothing)
    if task == "regression":
        mean_absolute_error = keras.metrics.MeanAbsoluteError(name="mean_absolute_error")
        return TaskHead(num_outputs, "linear", keras.losses.MeanSquaredError(), [mean_absolute_error])
    if task == "multi_class":
        loss = SmoothedCrossentropy(label_smoothing)
        return TaskHead(num_outputs, "softmax", loss, [keras.metrics.SparseCategoricalAccuracy(name="accuracy")])
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)
    return TaskHead(num_outputs, "sigmoid", loss, [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)])


@keras.saving.register_keras_serializable(package="keras_recipes")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits and integer classes, of which a share is spread evenly over all classes.

    Args:
        label_smoothing: Float in [0, 1), the share.
        name: String.
        **kwargs: Options of every Keras loss.

    Reference:
        Szegedy et al., 2016, https://arxiv.org/abs/1512.00567, section 7.
    """

    def __init__(self, label_smoothing=0.0, name="crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        """The loss of each example, (batch,)."""
        right = keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        if not self.label_smoothing:
            return right
        every = keras.ops.logsumexp(y_pred, axis=-1) - keras.ops.mean(y_pred, axis=-1)
        return (1 - self.label_smoothing) * right + self.label_smoothing * every

    def get_config(self):
        """Arguments that make a loss like this one."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def activate(activation, outputs):
    """Predictions from what a model of a `TaskHead` puts out.

    Args:
        activation: String, that of the head.
        outputs: Float array of shape `(n, units)`.

    Returns:
        Float64 array of the same shape: numbers, or probabilities.
    """
    outputs = np.asarray(outputs, "float64")
    if activation == "linear":
        return outputs
    if activation == "sigmoid":
        return np.exp(-np.logaddexp(0, -outputs))
    shifted = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
