"""The training loop of the JAX natives: one compiled step, called once per batch, its state donated.

That is the ordinary way. Many steps in one `lax.scan` were measured as well: the small model of collaborative
filtering gains by it, but convolutions in a loop took three times as long on a CPU.
"""

import functools

import jax
import numpy as np
import optax

EPSILON, BETA_2 = 1e-7, 0.999  # of Keras' Adam


def adam(learning_rate):
    """Keras' Adam in optax.

    Optax adds epsilon after the correction of the bias, Keras before it, as
    Kingma and Ba do at the end of section 2: dividing epsilon by the correction is the same.

    Args:
        learning_rate: Float, or function from the number of steps made to a float.
    """
    return optax.inject_hyperparams(optax.adam)(
        learning_rate, b2=BETA_2, eps=lambda count: EPSILON / (1 - BETA_2 ** (count + 1)) ** 0.5
    )


def train(params, loss_of, arrays, config, learning_rate):
    """Minimise a loss by Adam.

    Args:
        params: Dict of arrays, replaced in place by the trained ones.
        loss_of: Function from parameters, key and a batch of each of the `arrays` to the loss.
        arrays: List of NumPy arrays with the same leading axis.
        config: Has `batch_size`, `epochs` and `seed`.
        learning_rate: As for `adam`.

    Yields:
        Losses of the steps of an epoch, array of shape (steps,).
    """
    optimizer = adam(learning_rate)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(carried, batch):
        params, state, key = carried
        key, noise_key = jax.random.split(key)
        loss, gradients = jax.value_and_grad(loss_of)(params, noise_key, *batch)
        updates, state = optimizer.update(gradients, state)
        return (optax.apply_updates(params, updates), state, key), loss

    carried = (dict(params), optimizer.init(params), jax.random.key(config.seed))
    dtype, rng = jax.tree.leaves(params)[0].dtype, np.random.default_rng(config.seed)
    arrays = [array.astype(dtype) if np.issubdtype(array.dtype, np.floating) else array for array in arrays]
    rng.permutation(len(arrays[0]))  # Keras' `fit` draws an order that it does not use
    for _ in range(config.epochs):
        order = rng.permutation(len(arrays[0]))
        shuffled = [array[order] for array in arrays]
        losses = []
        for begin in range(0, len(order), config.batch_size):
            batch = [array[begin : begin + config.batch_size] for array in shuffled]
            carried, loss = step(carried, batch)
            losses.append(loss)
        params.update(carried[0])
        yield np.array(jax.device_get(losses))
