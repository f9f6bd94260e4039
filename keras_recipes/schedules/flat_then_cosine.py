"""A learning rate that stays, and then falls along half a cosine."""

import keras
from keras import ops

from keras_recipes.config import require, require_fraction
from keras_recipes.schedules.schedule import Schedule, half_cosine, step_number


@keras.saving.register_keras_serializable(package="keras_recipes")
class FlatThenCosine(Schedule):
    """A learning rate that stays, and then falls along half a cosine.

    Args:
        rate: Float, the rate until it falls.
        steps: Integer of at least 1, of the whole training.
        flat: Float in [0, 1), the share of the steps at that rate.
        end: Float, after all steps, and from then on.

    Raises:
        ValueError: If `steps` or `flat` is out of range.

    Reference:
        fastai's `fit_flat_cos`, https://docs.fast.ai/callback.schedule.html.
    """

    def __init__(self, rate, steps, flat=0.75, end=0.0):
        super().__init__()
        self.rate, self.steps, self.flat, self.end = rate, steps, flat, end
        require(steps >= 1, "steps", "an integer of at least 1", steps)
        require_fraction(self, "flat")

    def __call__(self, step):
        """The rate of a step, counted from 0."""
        falling = (step_number(step) / self.steps - self.flat) / (1 - self.flat)
        return half_cosine(self.rate, self.end, ops.clip(falling, 0.0, 1.0))
