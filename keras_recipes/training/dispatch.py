"""Many train steps at the price of one call, on each backend.

The steps are those of `model.train_step`. What is saved is what Keras' `fit` does around
each of them. Batches come stacked: arrays of shape (steps, batch, …).
"""

import keras
import numpy as np

from keras_recipes.training.jax_scope import assign_state, training_state
from keras_recipes.training.torch_step import recorded_step


def epoch_trainer(model):
    """The quickest way to train a model for an epoch.

    Args:
        model: Built and compiled `keras.Model`.

    Returns:
        Function of an iterable of stacked batches, each a tuple of nested
        NumPy arrays of shape (steps, batch, …), that makes all these steps.
    """
    trainers = {"jax": jax_trainer, "tensorflow": tensorflow_trainer, "torch": torch_trainer}
    return trainers[keras.config.backend()](model)


def jax_trainer(model):
    """Compiled loops over the steps, which own all variables until the epoch is over."""
    variables = training_state(model)
    run = jax_steps(model)

    def train(stacks):
        state = tuple([variable.value for variable in group] for group in variables)
        try:
            for stack in stacks:
                for values in run(state, stack):
                    state = values  # the latest, also when an interrupt comes
        finally:
            assign_state(variables, state)

    return train


def jax_steps(model):
    """Function from the values of all variables and a stack of batches to an iterator of the values after steps."""
    import jax

    def step(state, batch):
        return model.train_step(state, batch)[1]

    def loop(state, stack, count):
        return jax.lax.fori_loop(0, count, lambda index, state: step(state, batch_of(stack, index)), state)

    one, many = jax.jit(step, donate_argnums=0), jax.jit(loop, donate_argnums=0)
    capacity = {}  # steps of the compiled loop, for each shape of a batch; 1 for no loop

    def run(state, stack):
        steps, batch = steps_of(stack), batch_of(stack, 0)
        shapes = str(keras.tree.map_structure(np.shape, batch))
        if shapes not in capacity:
            # On the CPU XLA computes convolutions much slower inside a loop than outside.
            slow = jax.default_backend() == "cpu" and "conv_general_dilated" in str(one.trace(state, batch).jaxpr)
            capacity[shapes] = 1 if slow else steps
        if 1 < steps <= capacity[shapes]:
            yield many(state, padded(stack, capacity[shapes]), steps)
        else:
            for index in range(steps):
                state = one(state, batch_of(stack, index))
                yield state

    return run


def tensorflow_trainer(model):
    """A loop inside the graph, fed with arrays: no Python and no queue between two steps."""
    import tensorflow as tf

    step = model.train_step
    if model.jit_compile:
        step = tf.function(step, autograph=False, jit_compile=True)

    def run(stack, count):
        def body(index):
            step(batch_of(stack, index))
            return [index + 1]

        tf.while_loop(lambda index: index < count, body, [tf.constant(0)], parallel_iterations=1)

    compiled = tf.function(run, autograph=False, reduce_retracing=True)

    def train(stacks):
        for stack in stacks:
            compiled(keras.tree.map_structure(tf.constant, stack), tf.constant(steps_of(stack)))

    return train


def torch_trainer(model):
    """A recorded step."""
    step = recorded_step(model)

    def train(stacks):
        model.train()  # layers written for PyTorch ask for it, as in `fit`
        for stack in stacks:
            stacked = [keras.ops.convert_to_tensor(leaf) for leaf in keras.tree.flatten(stack)]
            for leaves in zip(*stacked, strict=True):
                step(stack, list(leaves))
        model.eval()

    return train


def steps_of(stack):
    """How many batches a stack holds."""
    return len(keras.tree.flatten(stack)[0])


def batch_of(stack, index):
    """The batch at an index of a stack."""
    return keras.tree.map_structure(lambda array: array[index], stack)


def padded(stack, steps):
    """A stack with its last batch repeated so that it holds `steps`."""

    def pad(array):
        return np.concatenate([array, np.repeat(array[-1:], steps - len(array), axis=0)])

    return stack if steps_of(stack) == steps else keras.tree.map_structure(pad, stack)
