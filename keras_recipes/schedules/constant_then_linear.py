"""A learning rate that stays, and then falls along a line."""

import keras
from keras import ops

from keras_recipes.config import require
from keras_recipes.schedules.schedule import Schedule, step_number


@keras.saving.register_keras_serializable(package="keras_recipes")
class ConstantThenLinear(Schedule):
    """A learning rate that stays, and then falls to 0 along a line.

    Args:
        rate: Float, the rate until it falls.
        constant_steps: Integer of at least 0, steps at that rate.
        steps: Integer above `constant_steps`, after which the rate is 0.

    Raises:
        ValueError: If `constant_steps` is below 0, or not below `steps`.

    Reference:
        Zhu et al., 2017, https://arxiv.org/abs/1703.10593, section 4.
    """

    def __init__(self, rate, constant_steps, steps):
        super().__init__()
        require(0 <= constant_steps < steps, "constant_steps", f"at least 0 and below steps, {steps}", constant_steps)
        self.rate, self.constant_steps, self.steps = rate, constant_steps, steps

    def __call__(self, step):
        """The rate of a step, counted from 0."""
        left = (self.steps - step_number(step)) / (self.steps - self.constant_steps)
        return self.rate * ops.clip(left, 0.0, 1.0)
