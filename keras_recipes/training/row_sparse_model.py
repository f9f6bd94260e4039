"""A Keras model whose tables are trained by rows."""

import keras

from keras_recipes.training.autodiff import apply, undifferentiated, value_and_grad
from keras_recipes.training.jax_scope import keeping_weights, training_state, with_values


@keras.saving.register_keras_serializable(package="keras_recipes")
class RowSparseModel(keras.Model):
    """`keras.Model` for layers such as `SparseEmbedding`: `RowSparseModel(inputs, outputs)`.

    `compile`, with `SparseAdam` or another optimizer that updates rows, `fit`, callbacks, metrics,
    `evaluate` and saving are those of `keras.Model`. Weights of other layers are trained as usual. Losses
    that are scaled, as under "mixed_float16", are not offered; "mixed_bfloat16" needs none.
    """

    def train_step(self, *args):
        """One step of `fit`: of the batch, or, on JAX, of the values of all variables and the batch."""
        return with_values(self.train_on, training_state(self), args)

    def train_on(self, data):
        """Make a step and return the dict of what is logged."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        variables = self.trainable_variables

        def loss_fn():
            self._clear_losses()
            y_pred = self(x, training=True)
            return self.compute_loss(x, y, y_pred, sample_weight, training=True), y_pred

        with undifferentiated():
            (loss, y_pred), gradients = value_and_grad(loss_fn, variables)
            apply(self.optimizer, gradients, variables)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss, sample_weight=keras.ops.shape(keras.tree.flatten(x)[0])[0])
            return self.compute_metrics(x, y, y_pred, sample_weight)

    def make_train_function(self, force=False):
        """As Keras does it, but that a step that fails does not take the weights with it."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = keeping_weights(self, self.train_function)
