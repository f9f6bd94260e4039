"""Collaborative filtering by hand in JAX, with optax."""

import jax
import jax.numpy as jnp

from backends_matrix.native import jax_training


def build(config, data):
    """Parameters as a dict of arrays, each under the name that Keras gives it."""
    keys = iter(jax.random.split(jax.random.key(config.seed), 4))
    dim, hidden = config.embedding_dim, config.hidden_units
    params = {"mean/bias": jnp.asarray(float(data.train[1].mean()))}
    for name in ("user", "item"):
        size = data.sizes[f"num_{name}s"]
        params[f"{name}/embeddings"] = 0.05 * jax.random.normal(next(keys), (size, dim))
        params[f"{name}_bias/embeddings"] = jnp.zeros((size, 1))
    if config.head == "mlp":
        glorot = jax.nn.initializers.glorot_uniform()
        params["hidden/kernel"], params["hidden/bias"] = glorot(next(keys), (2 * dim, hidden)), jnp.zeros(hidden)
        params["match/kernel"] = glorot(next(keys), (hidden, 1))
    return params


def load(params, weights):
    """Put in the weights of the recipe's model."""
    params.update({path: jnp.asarray(array) for path, array in weights.items()})


def predict(params, config, key, pairs):
    """Ratings (batch, 1), and the penalty on what was looked up, of pairs (batch, 2), while training."""
    keys = jax.random.split(key, 3)
    if config.unknown_rate:
        pairs = jnp.where(jax.random.uniform(keys[0], pairs.shape) < config.unknown_rate, 0, pairs)
    vectors, biases, penalty = [], [], 0.0
    for column, name in enumerate(("user", "item")):
        vector = params[f"{name}/embeddings"][pairs[:, column]]  # (batch, dim)
        bias = params[f"{name}_bias/embeddings"][pairs[:, column]]  # (batch, 1)
        penalty += config.l2 * jnp.sum(vector**2) + config.bias_l2 * jnp.sum(bias**2)
        if config.embedding_dropout:
            kept = jax.random.bernoulli(keys[1 + column], 1 - config.embedding_dropout, vector.shape)
            vector = jnp.where(kept, vector / (1 - config.embedding_dropout), 0)
        vectors.append(vector)
        biases.append(bias)
    if config.head == "mlp":
        hidden = jax.nn.relu(jnp.concatenate(vectors, axis=1) @ params["hidden/kernel"] + params["hidden/bias"])
        match = hidden @ params["match/kernel"]
    else:
        match = jnp.sum(vectors[0] * vectors[1], axis=1, keepdims=True)
    rating = match + biases[0] + biases[1] + params["mean/bias"]
    if config.y_range:
        lowest, highest = map(float, config.y_range.split(","))
        rating = lowest + (highest - lowest) * jax.nn.sigmoid(rating)
    return rating, penalty / len(pairs)


def train(params, data, config):
    """Minimise squared error and penalty; the learning rate falls to zero in a straight line."""
    steps = config.epochs * -(-len(data.train[1]) // config.batch_size)

    def loss_of(params, key, pairs, ratings):
        predicted, penalty = predict(params, config, key, pairs)
        return jnp.mean((predicted - ratings) ** 2) + penalty

    def falling(step):  # optax.linear_schedule divides in float32, whatever the weights are in
        return config.learning_rate * (1 - step.astype(float) / steps)

    return jax_training.train(params, loss_of, list(data.train), config, falling)
