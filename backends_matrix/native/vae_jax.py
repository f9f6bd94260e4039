"""Variational autoencoder by hand in JAX, with optax."""

import jax
import jax.numpy as jnp
import optax
from jax import lax

from backends_matrix.native import jax_training


def build(config, data):
    """Parameters as a dict of arrays, each under the name that Keras gives it."""
    sizes, filters, hidden, latent = data.sizes, config.filters, config.hidden_units, config.latent_dim
    classes = sizes["num_classes"] if config.conditional else 0
    features = sizes["height"] // 4 * (sizes["width"] // 4) * 2 * filters
    shapes = {
        "encoder_conv1": (3, 3, sizes["channels"], filters),
        "encoder_conv2": (3, 3, filters, 2 * filters),
        "encoder_hidden": (features + classes, hidden),
        "mean": (hidden, latent),
        "log_var": (hidden, latent),
        "decoder_hidden": (latent + classes, hidden),
        "decoder_pixels": (hidden, features),
        "decoder_conv1": (3, 3, filters, 2 * filters),  # transposed: (height, width, to, from)
        "decoder_conv2": (3, 3, sizes["channels"], filters),
    }
    glorot, params = jax.nn.initializers.glorot_uniform(), {}
    keys = iter(jax.random.split(jax.random.key(config.seed), len(shapes)))
    for name, shape in shapes.items():
        params[f"{name}/kernel"] = glorot(next(keys), shape)
        params[f"{name}/bias"] = jnp.zeros(shape[-2] if name.startswith("decoder_conv") else shape[-1])
    return params


def load(params, weights):
    """Put in the weights of the recipe's model."""
    params.update({path: jnp.asarray(array) for path, array in weights.items()})


def reconstruct(params, config, sizes, key, images, *classes):
    """Logits of the pixels (batch, height, width, channels), and the KL divergence, while training."""

    def dense(name, x):
        return x @ params[f"{name}/kernel"] + params[f"{name}/bias"]

    def convolution(name, x):
        layout = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(x, params[f"{name}/kernel"], (2, 2), "SAME", dimension_numbers=layout)
        return x + params[f"{name}/bias"]

    def transposed(name, x):
        return (
            lax.conv_transpose(x, params[f"{name}/kernel"], (2, 2), "SAME", transpose_kernel=True)
            + params[f"{name}/bias"]
        )

    x = jax.nn.relu(convolution("encoder_conv1", images))
    x = jax.nn.relu(convolution("encoder_conv2", x))
    x = jax.nn.relu(dense("encoder_hidden", jnp.concatenate([x.reshape(len(x), -1), *classes], axis=1)))
    mean, log_var = dense("mean", x), dense("log_var", x)  # (batch, latent_dim)
    kl = 0.5 * (mean**2 + jnp.exp(log_var) - 1 - log_var)
    divergence = config.beta * jnp.sum(jnp.maximum(jnp.mean(kl, axis=0), config.free_bits))

    code = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape)
    x = jax.nn.relu(dense("decoder_hidden", jnp.concatenate([code, *classes], axis=1)))
    x = jax.nn.relu(dense("decoder_pixels", x))
    x = x.reshape(len(x), sizes["height"] // 4, sizes["width"] // 4, 2 * config.filters)
    x = jax.nn.relu(transposed("decoder_conv1", x))
    return transposed("decoder_conv2", x), divergence


def train(params, data, config):
    """Minimise the negative evidence lower bound."""
    inputs, images = data.train
    classes = [inputs[1]] if config.conditional else []

    def loss_of(params, key, images, *classes):
        logits, divergence = reconstruct(params, config, data.sizes, key, images, *classes)
        return jnp.sum(optax.sigmoid_binary_cross_entropy(logits, images)) / len(images) + divergence

    return jax_training.train(params, loss_of, [images, *classes], config, config.learning_rate)
