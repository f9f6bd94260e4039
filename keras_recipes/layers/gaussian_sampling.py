"""The stochastic layer of a variational autoencoder."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recipes")
class GaussianSampling(keras.layers.Layer):
    """Draw `z ~ N(mean, exp(log_var))` by the reparameterisation trick.

    Adds the Kullback-Leibler divergence to `N(0, I)`, in nats, averaged over
    the batch, to the losses. While not training it returns `mean`, so that
    outputs are repeatable.

    Args:
        beta: Float of at least 0, weight of the divergence (Higgins et al.,
            2017, beta-VAE); 1 is the evidence lower bound.
        free_bits: Float of at least 0, nats that each latent dimension may
            carry, on average over the batch, before it costs anything (Kingma
            et al., 2016, https://arxiv.org/abs/1606.04934, appendix C.8).
        seed: Integer, seed of the noise.

    Call arguments:
        mean: Float tensor of shape `(batch, latent_dim)`.
        log_var: Float tensor of shape `(batch, latent_dim)`.
        training: Boolean, whether to add noise.

    Returns:
        Float tensor of shape `(batch, latent_dim)`.

    Reference:
        Kingma and Welling, 2014, https://arxiv.org/abs/1312.6114, section 2.4
        and appendix B.
    """

    def __init__(self, beta=1.0, free_bits=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.beta, self.free_bits, self.seed = beta, free_bits, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, mean, log_var, training=False):
        """Sample if `training`, and add the divergence to the losses."""
        # In mixed precision, too, the divergence is of full precision: TensorFlow can't add losses of two types.
        full_mean, full_log_var = (ops.cast(x, self.variable_dtype) for x in (mean, log_var))
        kl = 0.5 * (ops.square(full_mean) + ops.exp(full_log_var) - 1.0 - full_log_var)  # (batch, latent_dim)
        per_dimension = ops.maximum(ops.mean(kl, axis=0), self.free_bits)  # (latent_dim,)
        self.add_loss(self.beta * ops.sum(per_dimension))
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_var) * noise

    def get_config(self):
        """Arguments that make a layer like this one."""
        return {**super().get_config(), "beta": self.beta, "free_bits": self.free_bits, "seed": self.seed}
