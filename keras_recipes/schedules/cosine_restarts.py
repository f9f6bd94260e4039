"""The learning rate of gradient descent with warm restarts."""

import keras
import numpy as np
from keras import ops

from keras_recipes.config import require
from keras_recipes.schedules.schedule import Schedule, half_cosine, step_number

LAST_STEP = 2**24  # up to which float32 counts


@keras.saving.register_keras_serializable(package="keras_recipes")
class CosineRestarts(Schedule):
    """A learning rate that falls along half a cosine and starts again, each cycle longer than the one before.

    The step within a cycle is counted in whole numbers: as a fraction of cycles,
    which `keras.optimizers.schedules.CosineDecayRestarts` takes, it loses
    digits with each cycle (after 285 cycles of 700 steps rates are wrong by 2e-5 of the highest).

    Args:
        rate: Float, at the start of each cycle.
        cycle_steps: Integer of at least 1, steps of the first cycle (SGDR's T_0).
        multiplier: Integer of at least 1, how many times as long as the one
            before a cycle is (T_mult).
        lowest: Float, towards which the rate falls.

    Raises:
        ValueError: If `cycle_steps` or `multiplier` is no integer of at least 1.

    Reference:
        Loshchilov and Hutter, 2017, https://arxiv.org/abs/1608.03983, equation 5.
    """

    def __init__(self, rate, cycle_steps, multiplier=1, lowest=0.0):
        super().__init__()
        for name, value in (("cycle_steps", cycle_steps), ("multiplier", multiplier)):
            require(isinstance(value, int) and value >= 1, name, "an integer of at least 1", value)
        self.rate, self.cycle_steps, self.multiplier, self.lowest = rate, cycle_steps, multiplier, lowest

    def __call__(self, step):
        """The rate of a step, counted from 0."""
        step = ops.cast(step, "int32")
        length = self.cycle_steps
        if self.multiplier == 1:
            begin = step // length * length
        else:
            begins, lengths = self.cycles()
            cycle = ops.sum(ops.cast(ops.greater_equal(step, begins[1:]), "int32"))
            begin, length = ops.take(begins, cycle), ops.take(lengths, cycle)
        return half_cosine(self.rate, self.lowest, step_number(step - begin) / step_number(length))

    def cycles(self):
        """The first steps and the lengths of all cycles, integer arrays."""
        begins, lengths = [0], [self.cycle_steps]
        while begins[-1] + lengths[-1] < LAST_STEP:
            begins.append(begins[-1] + lengths[-1])
            lengths.append(lengths[-1] * self.multiplier)
        return np.array(begins, "int32"), np.array(lengths, "int32")
