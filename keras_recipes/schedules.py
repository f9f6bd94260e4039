"""Learning rates as functions of the step."""

import keras
from keras import ops

from keras_recipes.config import require


@keras.saving.register_keras_serializable(package="keras_recipes")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
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
        left = (self.steps - ops.cast(step, keras.config.floatx())) / (self.steps - self.constant_steps)
        return self.rate * ops.clip(left, 0.0, 1.0)

    def get_config(self):
        """Arguments that make a schedule like this one."""
        return {"rate": self.rate, "constant_steps": self.constant_steps, "steps": self.steps}
