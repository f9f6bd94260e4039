"""Adam with decoupled weight decay, and a rate for each group of weights."""

import keras

from keras_recipes.optimizers.grouped import Grouped, as_config, from_config, number_at


@keras.saving.register_keras_serializable(package="keras_recipes")
class AdamW(Grouped, keras.optimizers.Adam):
    """Adam with decoupled weight decay; `beta_1` may be a schedule, and groups of weights have rates of their own.

    A `beta_1` that changes corrects the bias of the moment with its present
    value, as PyTorch and fastai do.

    Args:
        learning_rate: Float or schedule.
        beta_1: Float in [0, 1), or a schedule, such as `OneCycle`.
        beta_2: Float in [0, 1).
        epsilon: Float above 0.
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
        Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101, algorithm 2;
        rates by layer: Howard and Ruder, 2018, https://arxiv.org/abs/1801.06146, section 3.2.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        weight_decay=0.01,
        multipliers=None,
        groups=None,
        decay_vectors=False,
        name="adamw",
        **kwargs,
    ):
        moments = {"beta_1": from_config(beta_1), "beta_2": beta_2, "epsilon": epsilon}
        super().__init__(
            learning_rate, weight_decay, multipliers, groups, decay_vectors, **moments, name=name, **kwargs
        )

    @property
    def beta_1(self):
        """The decay of the first moment in the present step."""
        return number_at(self.first_decay, self.iterations)

    @beta_1.setter
    def beta_1(self, value):
        self.first_decay = value

    def get_config(self):
        """Arguments that make an optimizer like this one."""
        config = {**super().get_config(), "beta_1": as_config(self.first_decay)}
        del config["amsgrad"]
        return config
