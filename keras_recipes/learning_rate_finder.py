"""The learning-rate finder: train for some steps with a rate that grows, and look at the loss."""

import contextlib
import copy
import math
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from keras_recipes.config import require, require_at_least
from keras_recipes.rate_suggestions import suggest_rates
from keras_recipes.schedules.schedule import Schedule, step_number
from keras_recipes.training import Optimizers
from keras_recipes.training.every_loss import every_loss


@dataclass(frozen=True)
class RateSearch:
    """What `find_learning_rate` has found.

    Attributes:
        rates: Float array of shape `(steps,)`.
        losses: Float array of shape `(repeats, steps)`, of each step; NaN after a repeat was stopped.
        smoothed: Float array of the same shape.
        suggestions: Dict from the name of a rule, as in `suggest_rates`, to a
            float array of shape `(repeats,)`.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestions: dict

    def suggestion(self, rule="valley"):
        """The median of what a rule suggests, a float; NaN if it suggests nothing."""
        known = self.suggestions[rule][np.isfinite(self.suggestions[rule])]
        return float(np.exp(np.median(np.log(known)))) if len(known) else float("nan")

    def spread(self, rule="valley"):
        """How many times as high as the lowest one the highest suggestion of a rule is: 1 says that repeats agree."""
        known = self.suggestions[rule][np.isfinite(self.suggestions[rule])]
        return float(known.max() / known.min()) if len(known) else float("nan")


@dataclass(frozen=True)
class Search:
    """How to search; refuses what makes no sense."""

    lowest: float
    highest: float
    steps: int
    stop_at: float
    smoothing: float
    repeats: int

    def __post_init__(self):
        require(0 < self.lowest < self.highest, "lowest", f"above 0 and below highest, {self.highest}", self.lowest)
        require_at_least(self, 2, "steps")
        require_at_least(self, 1, "repeats")
        require(self.stop_at > 1, "stop_at", "above 1", self.stop_at)
        require(0 <= self.smoothing < 1, "smoothing", "in [0, 1)", self.smoothing)


def find_learning_rate(
    model, batches, lowest=1e-7, highest=10.0, steps=100, stop_at=4.0, smoothing=0.98, repeats=1, watched=None
):
    """Train with a learning rate that grows from step to step, note the losses, and leave no trace.

    Weights, optimizer, random state and the order of the batches are afterwards what they were, to the bit. Of several
    optimizers and of groups of layers the highest rate is searched; the others keep their ratio to it.

    Args:
        model: Built and compiled `keras.Model`.
        batches: `Batches`, or a kind of them, such as `WindowBatches`.
        lowest: Float above 0, the rate of the first step.
        highest: Float, the rate of the last step.
        steps: Integer of at least 2.
        stop_at: Float above 1: the search ends at so many times the lowest smoothed loss, or as far above one below 0.
        smoothing: Float in [0, 1), how much of the average of the losses stays in each step.
        repeats: Integer of at least 1, how often to search, each time with seeds of its own for the order of batches,
            their views and what layers draw: how far the suggestions spread says how much they mean.
        watched: String, what is watched of the logs; None for the loss, or a `StepModel`'s first.

    Returns:
        `RateSearch`.

    Raises:
        ValueError: If an argument is out of range, or the model is not compiled.

    Reference:
        Smith, 2017, https://arxiv.org/abs/1506.01186, section 3.3; the average
        and the end of the search as in Howard and Gugger, 2020, https://arxiv.org/abs/2002.04688.
    """
    search = Search(lowest, highest, steps, stop_at, smoothing, repeats)
    watched = watched or getattr(model, "logs", ("loss",))[0]
    found = []
    for repeat in range(repeats):
        with no_trace(model):
            model.optimizer = with_rates(model.optimizer, search, highest_rate(model.optimizer))
            draw_seeds(model, repeat)
            found.append(one_search(model, other_batches(batches, repeat), search, watched))
    rates = np.geomspace(lowest, highest, steps)
    losses, smoothed = (np.stack(arrays) for arrays in zip(*found, strict=True))
    each = [suggest_rates(rates, one) for one in smoothed]
    return RateSearch(rates, losses, smoothed, {rule: np.array([one[rule] for one in each]) for rule in each[0]})


@contextlib.contextmanager
def no_trace(model):
    """Put a model back to what it was, with the optimizer it had; raises ValueError if it had none."""
    require(bool(getattr(model, "optimizer", None)), "model", "compiled", "one that is not")
    variables = [*model.variables, *model.metrics_variables]
    before = [np.array(variable.numpy()) for variable in variables]
    optimizer, history = model.optimizer, getattr(model, "history", None)
    steps_per_execution = model.steps_per_execution
    try:
        yield
    finally:
        model.reset_metrics()  # also those that the search has made
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        # What Keras has compiled knows the other optimizer.
        model.optimizer, model.train_function, model.history = optimizer, None, history
        model.steps_per_execution = steps_per_execution


@keras.saving.register_keras_serializable(package="keras_recipes")
class Growing(Schedule):
    """A learning rate that grows by the same factor in each step.

    Args:
        lowest: Float above 0, the first rate.
        highest: Float, the rate of the last step.
        steps: Integer of at least 2.
    """

    def __init__(self, lowest, highest, steps):
        super().__init__()
        self.lowest, self.highest, self.steps = lowest, highest, steps

    def __call__(self, step):
        """The rate of a step, counted from 0."""
        return self.lowest * ops.exp(math.log(self.highest / self.lowest) * step_number(step) / (self.steps - 1))


def highest_rate(optimizer):
    """The highest learning rate among the optimizers that one is made of, a float."""
    parts = optimizer.optimizers if isinstance(optimizer, Optimizers) else [optimizer]
    return max(float(ops.convert_to_numpy(part.learning_rate)) for part in parts)


def with_rates(optimizer, search, highest):
    """A new optimizer like one, whose learning rate grows; relative to the highest of several."""
    if isinstance(optimizer, Optimizers):
        new = Optimizers({part: with_rates(one, search, highest) for part, one in optimizer.parts.items()})
        new.variables_of = optimizer.variables_of
        return new
    config = optimizer.get_config()
    if "inner_optimizer" in config:  # of a LossScaleOptimizer
        inner = with_rates(optimizer.inner_optimizer, search, highest)
        return type(optimizer).from_config(config | {"inner_optimizer": keras.saving.serialize_keras_object(inner)})
    share = float(ops.convert_to_numpy(optimizer.learning_rate)) / highest if highest else 1.0
    growing = Growing(search.lowest * share, search.highest * share, search.steps) if share else 0.0
    return type(optimizer).from_config(config | {"learning_rate": growing})


def other_batches(batches, repeat):
    """The same examples in batches of their own: the order of the original does not move on."""
    own = copy.copy(batches)
    if hasattr(own, "rng"):  # which draws the order; no single number seeds as two do
        own.rng = copy.deepcopy(batches.rng) if repeat == 0 else np.random.default_rng([repeat, 1])
    if hasattr(own, "seed"):  # of `ViewBatches`, of its views; of `WindowBatches`, of all that it draws
        own.seed = np.add(own.seed, repeat).tolist()
    return own  # Keras' `fit` draws an order before the first epoch


def draw_seeds(model, repeat):
    """Give all layers that draw random numbers other seeds, but for the first repeat: on each backend the same ones."""
    rng = np.random.default_rng([repeat, 2])
    for variable in model.variables:
        if repeat and variable.name == "seed_generator_state":
            variable.assign(np.array([rng.integers(2**31), 0], variable.dtype))


class Watcher(keras.callbacks.Callback):
    """Notes the loss of each step, its moving average, and ends the search."""

    def __init__(self, search, watched):
        super().__init__()
        self.search, self.watched = search, watched
        self.losses, self.smoothed, self.average = [], [], 0.0

    def on_train_batch_end(self, batch, logs=None):
        """Note one step; what Keras logs is an average over the epoch, unless it is reset."""
        logs, search = logs or {}, self.search
        require(self.watched in logs, "watched", f"one of {sorted(logs)}", self.watched)
        self.losses.append(float(logs[self.watched]))
        self.model.reset_metrics()
        self.average = search.smoothing * self.average + (1 - search.smoothing) * self.losses[-1]
        self.smoothed.append(self.average / (1 - search.smoothing ** len(self.losses)))
        lowest = min(self.smoothed)
        diverged = self.smoothed[-1] - lowest > (search.stop_at - 1) * abs(lowest)
        if diverged or not math.isfinite(self.losses[-1]) or len(self.losses) == search.steps:
            self.model.stop_training = True


def one_search(model, batches, search, watched):
    """Losses of one search, raw and smoothed, float arrays of shape (steps,), NaN after it was stopped."""
    model.train_function = None  # it knows the optimizer of before
    model.steps_per_execution = 1  # of several steps in one Keras tells one loss
    model.optimizer.build(model.trainable_variables)
    watcher = Watcher(search, watched)
    epochs = -(-search.steps // len(batches))
    with every_loss(model):
        model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=[watcher])
    missing = [float("nan")] * (search.steps - len(watcher.losses))
    return np.array(watcher.losses + missing), np.array(watcher.smoothed + missing)
