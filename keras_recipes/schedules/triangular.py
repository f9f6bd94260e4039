"""Cyclical learning rates."""

import math

import keras
from keras import ops

from keras_recipes.config import require, require_one_of
from keras_recipes.schedules.schedule import Schedule, step_number

TRIANGULAR_MODES = ("triangular", "triangular2", "exp_range")


@keras.saving.register_keras_serializable(package="keras_recipes")
class Triangular(Schedule):
    """A learning rate that goes up and down along lines, again and again.

    The step within a cycle is counted in whole numbers, and `gamma` is no float32 number that is raised to a power:
    so that rates lose no digits from cycle to cycle.

    Args:
        lowest: Float, where each cycle begins and ends.
        highest: Float, in the middle of the first cycle.
        half_cycle_steps: Integer of at least 1, from the lowest to the highest rate (the paper's stepsize).
        mode: String, how high later cycles are: "triangular", as the first
            one; "triangular2", half as high as the one before; "exp_range",
            lower by the factor `gamma` with each step.
        gamma: Float in (0, 1].

    Raises:
        ValueError: If `half_cycle_steps` is no integer, or one of them, `mode` and `gamma` is none of these.

    Reference:
        Smith, 2017, https://arxiv.org/abs/1506.01186, section 3.
    """

    def __init__(self, lowest, highest, half_cycle_steps, mode="triangular", gamma=0.9999):
        super().__init__()
        whole = isinstance(half_cycle_steps, int) and half_cycle_steps >= 1
        require(whole, "half_cycle_steps", "an integer of at least 1", half_cycle_steps)
        require(0 < gamma <= 1, "gamma", "in (0, 1]", gamma)
        self.lowest, self.highest, self.half_cycle_steps = lowest, highest, half_cycle_steps
        self.mode, self.gamma = mode, gamma
        require_one_of(self, "mode", TRIANGULAR_MODES)

    def __call__(self, step):
        """The rate of a step, counted from 0."""
        step, half = ops.cast(step, "int32"), self.half_cycle_steps
        height = 1 - ops.abs(step_number(step % (2 * half)) / half - 1)
        if self.mode == "triangular2":
            height = height * 0.5 ** step_number(step // (2 * half))
        if self.mode == "exp_range":
            height = height * ops.exp(math.log(self.gamma) * step_number(step))
        return self.lowest + (self.highest - self.lowest) * height
