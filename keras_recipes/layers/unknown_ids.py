"""Train the row of an embedding that stands for what was never seen."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recipes")
class UnknownIds(keras.layers.Layer):
    """Replace a share of the ids by 0, the id of the unknown, while training.

    So the embedding of id 0 learns to stand for an average user, item or word,
    and serves for those that training never saw.

    Args:
        rate: Float in [0, 1), the share of the ids to replace.
        seed: Integer, seed of the choice.

    Call arguments:
        inputs: Integer tensor of any shape.
        training: Boolean; if false, the inputs pass unchanged.

    Returns:
        Integer tensor of the same shape.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Replace ids if `training`."""
        if not training or self.rate == 0:
            return inputs
        chance = keras.random.uniform(ops.shape(inputs), dtype="float32", seed=self.seed_generator)
        return ops.where(chance < self.rate, ops.zeros_like(inputs), inputs)

    def get_config(self):
        """Arguments that make a layer like this one."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
