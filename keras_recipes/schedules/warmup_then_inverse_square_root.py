"""The learning rate of the transformer."""

import keras
from keras import ops

from keras_recipes.config import require
from keras_recipes.schedules.schedule import Schedule, step_number


@keras.saving.register_keras_serializable(package="keras_recipes")
class WarmupThenInverseSquareRoot(Schedule):
    """A learning rate that rises along a line, and then falls with the inverse square root of the step.

    Args:
        peak: Float, the highest rate; the paper's is `(model_dim * warmup_steps) ** -0.5`.
        warmup_steps: Integer of at least 1, steps until then.

    Raises:
        ValueError: If `warmup_steps` is below 1.

    Reference:
        Vaswani et al., 2017, https://arxiv.org/abs/1706.03762, equation 3.
    """

    def __init__(self, peak, warmup_steps):
        super().__init__()
        require(warmup_steps >= 1, "warmup_steps", "an integer of at least 1", warmup_steps)
        self.peak, self.warmup_steps = peak, warmup_steps

    def __call__(self, step):
        """The rate of a step, counted from 0; the paper counts from 1."""
        passed = (step_number(step) + 1) / self.warmup_steps
        return self.peak * ops.minimum(passed, 1 / ops.sqrt(passed))
