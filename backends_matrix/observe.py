"""Watch a recipe train, through nothing but its own `train` and Keras' public API."""

import keras
import numpy as np

from keras_recipes.training import Optimizers


class Recorder(keras.callbacks.Callback):
    """Note the logs of each step, and the weights after some of them.

    Args:
        weights_after: Tuple of integers, the steps, counted from 1, after which
            the weights are noted.
        stop_after: Integer, the step after which training ends; None for never.
    """

    def __init__(self, weights_after=(), stop_after=None):
        super().__init__()
        self.weights_after, self.stop_after = weights_after, stop_after
        self.logs, self.weights = [], {}

    def on_train_batch_end(self, batch, logs=None):
        """Note one step; metrics are reset so that the next logs are of one step as well."""
        self.logs.append(dict(logs or {}))
        model = self.model
        model.reset_metrics()
        if len(self.logs) in self.weights_after:
            self.weights[len(self.logs)] = weights_of(model)
        if len(self.logs) == self.stop_after:
            model.stop_training = True

    def log_arrays(self):
        """Dict from the name of a logged value to its array of shape `(steps,)`."""
        return {name: np.array([logs[name] for logs in self.logs]) for name in self.logs[0]}


class Jitter(keras.callbacks.Callback):
    """Move a tenth of the weights by one unit in the last place after each step.

    So rounding enters where it does in real training: at every step.

    Args:
        rng: `numpy.random.Generator` that chooses weights and directions.
    """

    def __init__(self, rng):
        super().__init__()
        self.rng = rng

    def on_train_batch_end(self, batch, logs=None):
        """Move some weights."""
        move_by_one_ulp(self.model, self.rng, share=0.1)


class GradientRecorder(keras.optimizers.Optimizer):
    """An optimizer that leaves the weights alone and sums up their gradients, as `fit` computes them."""

    def __init__(self):
        super().__init__(learning_rate=1.0, name="gradient_recorder")

    def build(self, variables):
        """Create a place for each gradient."""
        if not self.built:
            super().build(variables)
            self.gradients = [self.add_variable_from_reference(v, name="gradient") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Keep the gradient; adding to zeros sums the parts of TensorFlow's gradients by row."""
        self.assign_add(self.gradients[self._get_variable_index(variable)], gradient)


def recorder_like(optimizer):
    """A `GradientRecorder` in the place of an optimizer, or one for each part of an `Optimizers`."""
    if not isinstance(optimizer, Optimizers):
        return GradientRecorder()
    recorders = Optimizers({part: GradientRecorder() for part in optimizer.parts})
    recorders.variables_of = optimizer.variables_of
    return recorders


class Snapshot:
    """All the state of a compiled model, to be put back before it is trained again."""

    def __init__(self, model):
        self.variables = [*model.variables, *model.optimizer.variables]
        self.values = [np.array(variable.numpy()) for variable in self.variables]

    def restore(self):
        """Put every value back."""
        for variable, value in zip(self.variables, self.values, strict=True):
            variable.assign(value)


def weights_of(model):
    """Dict from the path of each weight to a copy of its array."""
    return {weight.path: np.array(weight.numpy()) for weight in model.weights}


def gradients_of(model):
    """Dict from the path of each trainable weight to its array in the model's `recorder_like`."""
    recorders = getattr(model.optimizer, "optimizers", [model.optimizer])
    kept = {}
    for recorder in recorders:
        variables = recorder._trainable_variables
        kept |= {v.path: np.array(g.numpy()) for v, g in zip(variables, recorder.gradients, strict=True)}
    return {weight.path: kept[weight.path] for weight in model.trainable_weights}


def move_by_one_ulp(model, rng, share=1.0):
    """Move floating-point weights that are finite and not 0 to a neighbouring number, up or down by chance.

    Args:
        model: `keras.Model`, whose weights are moved in place.
        rng: `numpy.random.Generator`.
        share: Float in (0, 1], the share of the weights that move.
    """
    for weight, value in floating_weights(model):
        moved = one_ulp_away(value, rng)
        weight.assign(np.where(rng.random(value.shape) < share, moved, value))


def move_by_a_tenth(model, rng):
    """Multiply floating-point weights by normal numbers around 1, of standard deviation 0.1."""
    for weight, value in floating_weights(model):
        weight.assign(value * np.maximum(1 + 0.1 * rng.standard_normal(value.shape), 0.5).astype(value.dtype))


def floating_weights(model):
    """Pairs of a weight that holds floating-point numbers and its array."""
    pairs = ((weight, weight.numpy()) for weight in model.weights)
    return [(weight, value) for weight, value in pairs if np.issubdtype(value.dtype, np.floating)]


def one_ulp_away(array, rng):
    """Each number of an array that is finite and not 0 moved to a neighbour, up or down by chance."""
    towards = np.where(rng.random(array.shape) < 0.5, -np.inf, np.inf).astype(array.dtype)
    return np.where((array == 0) | ~np.isfinite(array), array, np.nextafter(array, towards))
