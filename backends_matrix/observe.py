"""Watch a recipe train, through nothing but its own `train` and Keras' public API."""

import contextlib
import functools
from unittest import mock

import keras
import numpy as np

from keras_recipes.training.row_gradients import RowGradient


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


class GradientWatch:
    """Notes the gradients that `fit` hands to the optimizers of a model, by the very step that trains it.

    Another model with an optimizer that only notes gradients would be compiled once more.

    Args:
        model: Compiled `keras.Model`, with one optimizer or an `Optimizers`. The
            optimizers get variables of their own for the watch.
    """

    def __init__(self, model):
        self.model = model
        model.optimizer.build(model.trainable_variables)
        self.optimizers = getattr(model.optimizer, "optimizers", [model.optimizer])
        # One each, because on JAX an optimizer sees no variables but its own.
        self.holds = [optimizer.add_variable((), name="hold") for optimizer in self.optimizers]
        self.gradients = {
            variable.path: optimizer.add_variable_from_reference(variable, name="gradient")
            for optimizer in self.optimizers
            for variable in optimizer._trainable_variables
        }

    @contextlib.contextmanager
    def watching(self):
        """Context for training: steps that are compiled in it, or run in it if nothing is compiled, are watched."""
        with contextlib.ExitStack() as stack:
            for optimizer, hold in zip(self.optimizers, self.holds, strict=True):
                apply = functools.partial(self.apply, optimizer, optimizer.apply, hold)
                stack.enter_context(mock.patch.object(optimizer, "apply", apply))
            yield

    def apply(self, optimizer, original, hold, gradients, trainable_variables=None):
        """In the place of `optimizer.apply`: note the gradients; where `hold` is not 0, leave the weights alone."""
        gradients, variables = list(gradients), list(trainable_variables or optimizer._trainable_variables)
        for variable, gradient in zip(variables, gradients, strict=True):
            if isinstance(gradient, RowGradient):
                gradient = gradient.dense(variable.shape[0])
            if gradient is not None:  # adding to zeros sums the parts of TensorFlow's gradients by row
                optimizer.assign_add(self.gradients[variable.path], gradient)
        before = [keras.ops.copy(variable.value) for variable in variables]
        original(gradients, trainable_variables)
        for variable, value in zip(variables, before, strict=True):
            variable.assign(keras.ops.where(hold.value > 0, value, variable.value))

    def gradients_of(self, train):
        """What optimizers are given in a training that moves no weight, and that leaves no other trace either.

        Args:
            train: Function that trains the model, for one step or more.

        Returns:
            Dict from the path of each trainable weight to an array, the sum over the steps.
        """
        state = Snapshot(self.model)
        for hold in self.holds:
            hold.assign(1.0)
        train()
        found = {weight.path: np.array(self.gradients[weight.path].numpy()) for weight in self.model.trainable_weights}
        state.restore()
        return found


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
