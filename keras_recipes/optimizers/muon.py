"""Muon for convolutions as well, with a rate for each group of weights."""

import math
from types import SimpleNamespace

import keras
from keras import ops

from keras_recipes.config import require
from keras_recipes.optimizers.grouped import Grouped


@keras.saving.register_keras_serializable(package="keras_recipes")
class Muon(Grouped, keras.optimizers.Muon):
    """Steps of hidden layers in which no direction outweighs another; biases, scales and what is excluded follow AdamW.

    The momentum of a kernel is replaced by the nearest matrix with orthogonal rows or columns, so that what few
    examples teach counts as much as what all have in common. Keras' own class does so for dense layers alone; here the
    kernel of a convolution is a matrix of `height * width * inputs` rows and a column for each filter. The length of a
    step is such that learning rates and weight decays of `AdamW` serve.

    Args:
        learning_rate: Float or schedule.
        momentum: Float in [0, 1), how much of the sum of former gradients stays in each step.
        weight_decay: Float of at least 0, or a list with one per group: in
            each step a weight shrinks by this times its learning rate.
        multipliers: List with a float per group, by which the learning rate is
            multiplied; None for 1.
        groups: Dict from the path of each weight to the number of its group,
            as `group_numbers` returns it; None if all are of one group.
        decay_vectors: Boolean, whether biases, and scales and offsets of
            normalization, shrink as well.
        exclude_layers: List of strings, regular expressions for paths of weights that follow AdamW: the last layer's
            should.
        name: String.
        **kwargs: Other options of `keras.optimizers.Muon`, such as `adam_beta_1`, and of every Keras optimizer, such
            as `clipnorm`.

    Raises:
        ValueError: As `Grouped` does, or if the momentum is out of range, or a schedule.

    Reference:
        Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/;
        length of a step: Liu et al., 2025, https://arxiv.org/abs/2502.16982, section 2.2.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        momentum=0.95,
        weight_decay=0.01,
        multipliers=None,
        groups=None,
        decay_vectors=False,
        exclude_layers=None,
        name="muon",
        **kwargs,
    ):
        require(not callable(momentum) and 0 <= momentum < 1, "momentum", "a float in [0, 1)", momentum)
        own = {"momentum": momentum, "exclude_layers": exclude_layers, "name": name}
        super().__init__(learning_rate, weight_decay, multipliers, groups, decay_vectors, **own, **kwargs)
        self.weight_decay = self.adam_weight_decay = None  # `Grouped` lets weights shrink

    def _should_use_adamw(self, variable):
        if len(variable.shape) == 4:  # the kernel of a convolution; a depthwise one has one column
            rows, columns = math.prod(variable.shape[:-1]), variable.shape[-1]
            return columns == 1 or super()._should_use_adamw(SimpleNamespace(shape=(rows, columns), path=variable.path))
        return super()._should_use_adamw(variable)

    def zeropower_via_newtonschulz5(self, x, steps):
        """The nearly orthogonal array of the shape of `x`, by iterations of Newton and Schulz."""
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x):
        """A step of the size of AdamW's: the root of the mean square of its entries is `rms_rate`."""
        if self.rms_rate is None:
            return x
        return x * (math.sqrt(max(math.prod(x.shape[:-1]), x.shape[-1])) * self.rms_rate)

    def get_config(self):
        """Arguments that make an optimizer like this one."""
        config = super().get_config()
        del config["adam_weight_decay"]
        return config
