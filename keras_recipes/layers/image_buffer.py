"""A memory of generated images for a critic to look at again."""

import keras
from keras import ops

from keras_recipes.config import require


@keras.saving.register_keras_serializable(package="keras_recipes")
class ImageBuffer(keras.layers.Layer):
    """Hand out generated images of earlier steps in the place of half of the new ones.

    While the buffer fills, images pass and are kept. From then on each of a
    batch either passes, or, with a chance of one half, is kept in the place of
    one that is handed out instead. Changes its state at each call: for `step`
    of a `StepModel`, outside of a loss, and in training only.

    Args:
        size: Integer of at least 1, images kept; at least as many as a batch has.
        seed: Integer, seed of the choice.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, channels)`.

    Returns:
        Float tensor of the same shape.

    Raises:
        ValueError: If `size` is below 1.

    Reference:
        Shrivastava et al., 2017, https://arxiv.org/abs/1612.07828, section 2.3,
        as Zhu et al., 2017, https://arxiv.org/abs/1703.10593, section 4, use it.
    """

    def __init__(self, size, seed=None, **kwargs):
        super().__init__(**kwargs)
        require(size >= 1, "size", "a number of at least 1", size)
        self.size, self.seed = size, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Make the memory, empty."""
        # Not to be cast: on torch what is assigned to a variable that is cast gets lost (Keras 3.15).
        kept = {"initializer": "zeros", "trainable": False, "autocast": False}
        self.kept = self.add_weight(name="kept", shape=(self.size, *input_shape[1:]), **kept)
        self.filled = self.add_weight(name="filled", shape=(), dtype="int32", **kept)

    def call(self, images):
        """Exchange images with the memory."""
        batch = ops.shape(images)[0]
        new = ops.cast(images, self.kept.dtype)
        chance = keras.random.uniform((2, self.size), seed=self.seed_generator)
        next_places = (self.filled + ops.arange(self.size)) % self.size
        full = self.filled >= self.size
        places = ops.where(full, ops.argsort(chance[0]), next_places)[:batch]  # each place once at most
        exchanged = ops.reshape(full & (chance[1, :batch] < 0.5), (-1, 1, 1, 1))
        old = ops.take(self.kept, places, axis=0)  # (batch, height, width, channels)
        arriving = ops.where(exchanged | ~full, new, old)
        self.kept.assign(ops.scatter_update(self.kept, places[:, None], arriving))
        self.filled.assign(ops.minimum(self.filled + batch, self.size))
        return ops.cast(ops.where(exchanged, old, new), images.dtype)

    def get_config(self):
        """Arguments that make a layer like this one."""
        return {**super().get_config(), "size": self.size, "seed": self.seed}
