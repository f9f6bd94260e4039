"""Layers whose kernel is divided by its largest singular value."""

import keras
from keras import ops


class SpectralNormalization:
    """What makes a layer with a `kernel` one of Lipschitz constant 1.

    The largest singular value of the kernel, as a matrix from inputs to
    outputs, is estimated by one power iteration for each call in training, and
    the gradient flows through the division. `keras.layers.SpectralNormalization`
    overwrites the kernel instead, and gives other numbers on JAX (Keras 3.15).

    Reference:
        Miyato, Kataoka, Koyama and Yoshida, 2018, https://arxiv.org/abs/1802.05957,
        section 2.1 and appendix A; a kernel of a convolution counts as the matrix
        of shape (height * width * channels, filters).
    """

    def build(self, input_shape):
        """Make the weights, and the estimate of the first left singular vector."""
        super().build(input_shape)
        filters = self.weights[0].shape[-1]
        # Not to be cast: on torch what is assigned to a variable that is cast gets lost (Keras 3.15).
        self.singular_vector = self.add_weight(
            name="singular_vector", shape=(1, filters), initializer="ones", trainable=False, autocast=False
        )

    def call(self, inputs, training=False):
        """As the layer does, with the normalized kernel.

        Args:
            inputs: Float tensor.
            training: Boolean, whether to improve the estimate.
        """
        if training:
            self.singular_vector.assign(iterate(self.singular_vector, matrix_of(super().kernel))[1])
        return super().call(inputs)

    def save_own_variables(self, store):
        """Save all weights; the layers' own ways, made for quantized kernels, know of theirs only."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Undo `save_own_variables`."""
        keras.layers.Layer.load_own_variables(self, store)

    @property
    def kernel(self):
        """The normalized kernel, a tensor of the shape of the layer's own."""
        kernel = super().kernel
        matrix = matrix_of(kernel)
        right, left = iterate(self.singular_vector, matrix)
        return kernel / ops.cast(ops.sum(ops.matmul(right, matrix) * left), kernel.dtype)


def matrix_of(kernel):
    """A kernel as a matrix, (inputs, filters), in full precision."""
    return ops.cast(ops.reshape(kernel, (-1, kernel.shape[-1])), keras.config.floatx())


def iterate(vector, matrix):
    """One power iteration; nothing flows back through it.

    Args:
        vector: Float tensor of shape (1, filters).
        matrix: Float tensor of shape (inputs, filters).

    Returns:
        Tuple of unit vectors of shapes (1, inputs) and (1, filters).
    """
    matrix = ops.stop_gradient(matrix)
    right = ops.normalize(ops.matmul(vector, ops.transpose(matrix)), axis=-1)
    left = ops.normalize(ops.matmul(right, matrix), axis=-1)
    return right, ops.stop_gradient(left)


@keras.saving.register_keras_serializable(package="keras_recipes")
class SpectralDense(SpectralNormalization, keras.layers.Dense):
    """`keras.layers.Dense` with spectral normalization."""


@keras.saving.register_keras_serializable(package="keras_recipes")
class SpectralConv2D(SpectralNormalization, keras.layers.Conv2D):
    """`keras.layers.Conv2D` with spectral normalization."""
