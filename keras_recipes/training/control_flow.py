"""Branch and repeat inside a training step: the same two functions on every backend.

What they are given may write to variables, and may call `value_and_grad` and `apply`.
"""

import keras
from keras import ops

from keras_recipes.training.jax_scope import in_scope


def cond(predicate, function):
    """Call a function for what it writes to variables, but only if a condition holds.

    Args:
        predicate: Boolean tensor of shape `()`.
        function: Takes no arguments; what it returns is dropped.
    """
    if keras.config.backend() == "jax":
        import jax

        def writes():  # and returns nothing that JAX would have to know
            function()

        scope, _, _ = traced(writes)  # finds out what is written
        unchanged = [variable.value for variable in scope.written.values()]
        scope.commit(jax.lax.cond(predicate, lambda: in_scope(writes)[1], lambda: unchanged))
    elif keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.cond(predicate, lambda: [function(), tf.constant(0)][1], lambda: tf.constant(0))
    elif bool(predicate):
        function()


def repeat(count, function):
    """Call a function several times, and let the time to compile not grow with their number.

    It does grow on JAX on a CPU, if there is a convolution in the function: XLA
    computes those several times slower inside a loop, so there is none then.

    Args:
        count: Integer of at least 1.
        function: Takes the number of the call, counted from 0: an integer, or
            an integer tensor of shape `()`. Returns nested tensors, of the same
            shapes each time, or None.

    Returns:
        What the last call returns.

    Raises:
        ValueError: If `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"`count` must be an integer of at least 1, received {count}")
    loops = {"jax": jax_repeat, "tensorflow": tensorflow_repeat}
    loop = loops.get(keras.config.backend(), plain_repeat) if count > 1 else plain_repeat

    def something(index):  # not None, which is no state of a loop
        value = function(index)
        return () if value is None else value

    value = loop(count, something)
    return None if isinstance(value, tuple) and not value else value


def plain_repeat(count, function):
    """A loop in Python."""
    value = None
    for index in range(count):
        value = function(index)
    return value


def jax_repeat(count, function):
    """A loop that XLA runs, whose state is what the function returns and all that it writes."""
    import jax

    scope, jaxpr, (value, _) = traced(lambda: function(ops.convert_to_tensor(0)))
    if jax.default_backend() == "cpu" and "conv_general_dilated" in str(jaxpr):
        return plain_repeat(count, function)
    variables = list(scope.written.values())

    def body(index, state):
        value, _, inner = in_scope(lambda: function(index), variables, state[1])
        return value, [inner.get_current_value(variable) for variable in variables]

    nothing_yet = keras.tree.map_structure(lambda like: jax.numpy.zeros(like.shape, like.dtype), value)
    value, updates = jax.lax.fori_loop(0, count, body, (nothing_yet, [variable.value for variable in variables]))
    scope.commit(updates)
    return value


def tensorflow_repeat(count, function):
    """A loop in the graph; the first call, in front of it, tells what the function returns."""
    import tensorflow as tf

    value = function(tf.constant(0))
    state = [tf.constant(1), *keras.tree.flatten(value)]

    def body(index, *_):
        return [index + 1, *keras.tree.flatten(function(index))]

    state = tf.while_loop(lambda index, *_: index < count, body, state, parallel_iterations=1)
    return keras.tree.pack_sequence_as(value, state[1:])


def traced(function):
    """The scope, the jaxpr, and the shapes of value and updates of a function that JAX looks at only."""
    import jax

    scopes = []

    def pure():
        value, updates, scope = in_scope(function)
        scopes.append(scope)
        return value, updates

    jaxpr, shapes = jax.make_jaxpr(pure, return_shape=True)()
    return scopes[-1], jaxpr, shapes
