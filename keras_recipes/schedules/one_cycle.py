"""The one-cycle policy: a number that rises, or falls, and comes back."""

import keras
from keras import ops

from keras_recipes.config import require, require_fraction
from keras_recipes.schedules.schedule import Schedule, half_cosine, step_number


@keras.saving.register_keras_serializable(package="keras_recipes")
class OneCycle(Schedule):
    """From a start to a peak and on to an end, each along half a cosine.

    Args:
        start: Float, at step 0.
        peak: Float, after the share `warmup` of the steps.
        end: Float, after all steps, and from then on.
        steps: Integer of at least 1.
        warmup: Float in [0, 1).

    Raises:
        ValueError: If `steps` or `warmup` is out of range.

    Reference:
        Smith, 2018, https://arxiv.org/abs/1803.09820, section 4.3 (the policy);
        Howard and Gugger, 2020, https://arxiv.org/abs/2002.04688, section 3.2
        (cosines instead of lines).
    """

    def __init__(self, start, peak, end, steps, warmup=0.25):
        super().__init__()
        self.start, self.peak, self.end, self.steps, self.warmup = start, peak, end, steps, warmup
        require(steps >= 1, "steps", "an integer of at least 1", steps)
        require_fraction(self, "warmup")

    def __call__(self, step):
        """The number at a step, counted from 0."""
        passed = ops.minimum(step_number(step) / self.steps, 1.0)
        down = half_cosine(self.peak, self.end, (passed - self.warmup) / (1 - self.warmup))
        if self.warmup == 0:
            return down
        return ops.where(passed < self.warmup, half_cosine(self.start, self.peak, passed / self.warmup), down)


def one_cycle(peak, steps, warmup=0.25, divisor=25.0, final_divisor=1e5, momenta=(0.95, 0.85)):
    """The learning rate and the momentum (or `beta_1`) of the one-cycle policy, with the usual values.

    Args:
        peak: Float above 0, the highest learning rate.
        steps: Integer of at least 1, of the whole training.
        warmup: Float in [0, 1), the share of the steps until the peak.
        divisor: Float, how many times as high as the first rate the peak is.
        final_divisor: Float, how many times as high as the last rate the peak is.
        momenta: Tuple of the momentum at both ends, and that at the peak of the rate.

    Returns:
        Tuple of two `OneCycle`, for the learning rate and for the momentum.

    Reference:
        As for `OneCycle`; the values are those of fastai's `fit_one_cycle`.
    """
    outer, inner = momenta
    rate = OneCycle(peak / divisor, peak, peak / final_divisor, steps, warmup)
    return rate, OneCycle(outer, inner, outer, steps, warmup)
