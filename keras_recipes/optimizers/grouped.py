"""What optimizers with groups of weights share."""

import keras
from keras import ops

from keras_recipes.config import require


class Grouped(keras.optimizers.Optimizer):
    """A learning rate and a weight decay for each group of weights; comes before a Keras optimizer among the bases.

    Weights are known by their paths, so that a model may be frozen and
    compiled again with an optimizer of the same configuration.

    `AdamW` and `SGD` say what the arguments are.

    Raises:
        ValueError: If the numbers of groups differ, a multiplier or decay is
            negative, or, when it is built, a weight is in no group.
    """

    def __init__(self, learning_rate, weight_decay, multipliers, groups, decay_vectors, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.groups, self.decay_vectors = groups, decay_vectors
        number = 1 if not groups else max(groups.values()) + 1
        self.multipliers = [1.0] * number if multipliers is None else [float(value) for value in multipliers]
        decays = weight_decay if isinstance(weight_decay, (list, tuple)) else [weight_decay] * number
        self.decays = [float(value) for value in decays]
        for name, values in (("multipliers", self.multipliers), ("weight_decay", self.decays)):
            require(len(values) == number, name, f"a list of {number} numbers, one per group", values)
            require(min(values) >= 0, name, "at least 0", values)

    def build(self, variables):
        """Find the group of each weight, and make the state."""
        if self.built:
            return
        self.scales = []  # of each weight
        for variable in variables:
            group = 0 if self.groups is None else self.groups.get(variable.path)
            require(group is not None, "groups", "groups of all trainable weights", f"none of {variable.path!r}")
            decays = self.decay_vectors or len(variable.shape) > 1
            self.scales.append((self.multipliers[group], self.decays[group] if decays else 0.0))
        super().build(variables)

    def scales_of(self, variable):
        """The multiplier of a weight's learning rate, and its weight decay: two floats."""
        return self.scales[self._get_variable_index(variable)]

    def update_step(self, gradient, variable, learning_rate):
        """Shrink a weight, and let it follow its gradient, at the rate of its group."""
        multiplier, decay = self.scales_of(variable)
        rate = ops.cast(learning_rate, variable.dtype) * multiplier
        if decay:
            self.assign(variable, variable * (1 - rate * decay))
        super().update_step(gradient, variable, rate)

    def get_config(self):
        """Arguments that make an optimizer like this one."""
        own = {"multipliers": self.multipliers, "groups": self.groups, "decay_vectors": self.decay_vectors}
        return {**super().get_config(), "weight_decay": self.decays, **own}


def number_at(value, step):
    """A number, or that of a schedule at a step."""
    return value(step) if callable(value) else value


def as_config(value):
    """A number, or a schedule as Keras saves it."""
    return keras.saving.serialize_keras_object(value) if callable(value) else value


def from_config(value):
    """Undo `as_config`."""
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
