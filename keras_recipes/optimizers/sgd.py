"""Stochastic gradient descent with a momentum that may change, and a rate for each group of weights."""

import keras
from keras import ops

from keras_recipes.optimizers.grouped import Grouped, as_config, from_config, number_at


class Momentum(keras.optimizers.Optimizer):
    """Gradient descent along a sum of gradients that fades.

    Unlike `keras.optimizers.SGD` the sum is one of gradients, not of steps, as
    in PyTorch and fastai: a learning rate that changes then changes the whole step.

    Args:
        learning_rate: Float or schedule.
        momentum: Float in [0, 1), or a schedule: by which the sum is multiplied in each step.
        nesterov: Boolean, whether the step looks ahead.
        **kwargs: Options of every Keras optimizer.
    """

    def __init__(self, learning_rate, momentum, nesterov, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, variables):
        """Make a sum for each weight."""
        if not self.built:
            super().build(variables)
            self.sums = self.add_optimizer_variables(variables, "sum")

    def update_step(self, gradient, variable, learning_rate):
        """Let a weight follow the sum of its gradients."""
        kept = self.sums[self._get_variable_index(variable)]
        gradient, rate = ops.cast(gradient, variable.dtype), ops.cast(learning_rate, variable.dtype)
        momentum = ops.cast(number_at(self.momentum, self.iterations), variable.dtype)
        new = momentum * kept + gradient
        self.assign(kept, new)
        self.assign_sub(variable, rate * (gradient + momentum * new if self.nesterov else new))

    def get_config(self):
        """Arguments that make an optimizer like this one."""
        return {**super().get_config(), "momentum": as_config(self.momentum), "nesterov": self.nesterov}


@keras.saving.register_keras_serializable(package="keras_recipes")
class SGD(Grouped, Momentum):
    """Stochastic gradient descent; the momentum may be a schedule, and groups of weights have rates of their own.

    The momentum is PyTorch's and fastai's, which scales the sum of gradients by
    the present rate; weight decay is decoupled from the gradient.

    Args:
        learning_rate: Float or schedule.
        momentum: Float in [0, 1), or a schedule, such as `OneCycle`.
        nesterov: Boolean, whether a step looks ahead.
        weight_decay: Float of at least 0, or a list with one per group: in
            each step a weight shrinks by this times its learning rate.
        multipliers: List with a float per group, by which the learning rate is
            multiplied; None for 1.
        groups: Dict from the path of each weight to the number of its group,
            as `group_numbers` returns it; None if all are of one group.
        decay_vectors: Boolean, whether biases, and scales and offsets of
            normalization, shrink as well.
        name: String.
        **kwargs: Options of every Keras optimizer, such as `clipnorm`.

    Raises:
        ValueError: As `Grouped` does.

    Reference:
        Sutskever et al., 2013, https://proceedings.mlr.press/v28/sutskever13.html, section 2;
        Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101, algorithm 1.
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.9,
        nesterov=False,
        weight_decay=0.0,
        multipliers=None,
        groups=None,
        decay_vectors=False,
        name="sgd",
        **kwargs,
    ):
        sums = {"momentum": from_config(momentum), "nesterov": nesterov}
        super().__init__(learning_rate, weight_decay, multipliers, groups, decay_vectors, **sums, name=name, **kwargs)
