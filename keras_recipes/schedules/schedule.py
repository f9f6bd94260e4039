"""What schedules share."""

import inspect
import math

import keras
from keras import ops


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A number that depends on the step, such as a learning rate or a momentum; computed within the step.

    So it is the same with `steps_per_execution`, after a resumed training, and
    on every backend. A subclass keeps its arguments under their names.
    """

    def get_config(self):
        """Arguments that make a schedule like this one."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}


def step_number(step):
    """A step, counted from 0, as a tensor of floats."""
    return ops.cast(step, keras.config.floatx())


def half_cosine(start, end, share):
    """From one number to another along half a cosine, of which a share in [0, 1] has passed."""
    return start + (end - start) * (1 - ops.cos(math.pi * share)) / 2
