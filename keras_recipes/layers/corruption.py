"""Noise for denoising: what a model must undo while it trains."""

import keras
import numpy as np
from keras import ops

from keras_recipes.config import require

CORRUPTIONS = ("gaussian", "masking", "salt_and_pepper")


@keras.saving.register_keras_serializable(package="keras_recipes")
class Corruption(keras.layers.Layer):
    """Spoil the inputs while training; otherwise let them pass.

    Args:
        kind: String, "gaussian" to add noise to each number, which may then
            leave [0, 1]; "masking" to set numbers to 0; or "salt_and_pepper"
            to set them to 0 or to 1, each with the same chance.
        level: Float of at least 0: the standard deviation of the noise, or the
            chance of each number to be set.
        seed: Integer, seed of the noise.

    Call arguments:
        inputs: Float tensor of any shape, with values in [0, 1].
        training: Boolean; if false, the inputs pass unchanged.

    Returns:
        Float tensor of the same shape.

    Raises:
        ValueError: If `kind` is none of these.

    Reference:
        Vincent, Larochelle, Lajoie, Bengio and Manzagol, 2010, "Stacked
        Denoising Autoencoders", JMLR 11, section 3.
    """

    def __init__(self, kind, level, seed=None, **kwargs):
        super().__init__(**kwargs)
        require(kind in CORRUPTIONS, "kind", "one of " + ", ".join(map(repr, CORRUPTIONS)), kind)
        self.kind, self.level, self.seed = kind, level, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Spoil if `training`."""
        if not training:
            return inputs
        if self.kind == "gaussian":
            noise = keras.random.normal(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
            return inputs + self.level * noise
        chance = keras.random.uniform(ops.shape(inputs), dtype="float32", seed=self.seed_generator)
        set_to_one = self.level / 2 if self.kind == "salt_and_pepper" else 0.0
        spoilt = ops.where(chance < self.level, ops.zeros_like(inputs), inputs)
        return ops.where(chance < set_to_one, ops.ones_like(inputs), spoilt)

    def get_config(self):
        """Arguments that make a layer like this one."""
        return {**super().get_config(), "kind": self.kind, "level": self.level, "seed": self.seed}


def corrupted(inputs, kind, level, seed):
    """What `Corruption` does while training, in NumPy: the same bits whatever the backend.

    Args:
        inputs: Float array of any shape, with values in [0, 1].
        kind: String, as for `Corruption`.
        level: Float, as for `Corruption`.
        seed: Integer, seed of the noise.

    Returns:
        Float array of the same shape and type.
    """
    rng = np.random.default_rng(seed)
    if kind == "gaussian":
        return (inputs + level * rng.standard_normal(inputs.shape)).astype(inputs.dtype)
    chance = rng.uniform(size=inputs.shape)
    set_to_one = level / 2 if kind == "salt_and_pepper" else 0.0
    return np.where(chance < set_to_one, 1, np.where(chance < level, 0, inputs)).astype(inputs.dtype)
