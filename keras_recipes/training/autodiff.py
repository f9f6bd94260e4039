"""Differentiate and update: the same three functions on every backend.

They work anywhere: in a training step that `fit` compiles, in one another, and in a plain Python
loop. The functions that they are given take what they need from their surroundings, may write
to variables (statistics of batch norm, seeds, metrics), and hand tensors on by returning them.
"""

import contextlib

import keras
from keras import ops

from keras_recipes.config import require
from keras_recipes.training.closures import not_assigned, nothing_left_behind
from keras_recipes.training.jax_scope import Scope, in_scope
from keras_recipes.training.row_gradients import Lookups, RowGradient, is_table, noting

NO_DEPENDENCE = (
    "`loss_fn` must compute its loss from the variables that it is minimized for: whatever depends on them, "
    "such as the output of a layer, must be computed inside `loss_fn`; received a loss that does not depend on {}"
)


def value_and_grad(loss_fn, variables):
    """Compute a loss and its gradients.

    Args:
        loss_fn: Function of no arguments that returns the loss, a float tensor
            of shape `()`, or a tuple of it and whatever else should come out.
            Everything that is to be differentiated must be computed inside. For
            tables JAX calls it once more, to see what it looks up.
        variables: List of at least one trainable `keras.Variable`.

    Returns:
        Tuple `(value, gradients)`: what `loss_fn` returns, cut off from
        differentiation, and a list of tensors, each of the shape of its
        variable; zeros for a variable that the loss does not depend on. Of the
        table of a `SparseEmbedding` the gradient is a `RowGradient`.

    Raises:
        ValueError: If `variables` is empty, if the loss is no scalar or depends
            on none of the variables, if `loss_fn` assigns to one of them, or if
            it leaves a tensor in a variable of its surroundings.
    """
    if not variables:
        raise ValueError("`variables` must hold at least one trainable variable, received an empty list")
    differentiate = {"jax": jax_gradients, "tensorflow": tensorflow_gradients, "torch": torch_gradients}
    tables = [variable for variable in variables if is_table(variable)]
    others = [variable for variable in variables if not is_table(variable)]
    with nothing_left_behind("loss_fn", loss_fn), not_assigned("loss_fn", variables):
        value, *slopes = differentiate[keras.config.backend()](loss_fn, others, tables)
    found = dict(zip(map(id, [*others, *tables]), [*slopes[0], *slopes[1]], strict=True))
    # Cut off also from the function that this call may lie in.
    return keras.tree.map_structure(cut_off, (value, [found[id(variable)] for variable in variables]))


def gradient(function, x):
    """Differentiate the sum of a function's outputs, so that the result can be differentiated again.

    For losses that contain gradients, such as a gradient penalty: as each
    example's output depends on that example only, row `i` is the gradient of
    output `i`.

    Args:
        function: Takes a tensor like `x`; returns a float tensor of any shape.
        x: Float tensor.

    Returns:
        Tensor of the shape of `x`.
    """
    if keras.config.backend() == "jax":
        import jax

        scopes = []

        def summed(x):
            value, updates, scope = in_scope(lambda: ops.sum(function(x)))
            scopes.append(scope)
            return value, updates

        slope, updates = jax.grad(summed, has_aux=True)(ops.convert_to_tensor(x))
        scopes[-1].commit(updates)
        return slope
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(function(x))
        return tape.gradient(total, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    import torch

    with torch.enable_grad():
        x = ops.convert_to_tensor(x)
        x = x if x.requires_grad else x.detach().requires_grad_()
        total = function(x).sum()
        return torch.autograd.grad(total, x, create_graph=True, materialize_grads=True)[0]


def apply(optimizer, gradients, variables):
    """Update variables by an optimizer.

    Args:
        optimizer: Built `keras.optimizers.Optimizer`.
        gradients: List of tensors, as `value_and_grad` returns them.
        variables: List of `keras.Variable`, those that the optimizer was built with.

    Raises:
        ValueError: If a gradient is one of rows, and the optimizer can't update rows.
    """
    by_rows = any(isinstance(gradient, RowGradient) for gradient in gradients)
    expected = "SparseAdam, or another one that updates rows, for a SparseEmbedding (and no scaling of losses: \
in place of mixed_float16 there is mixed_bfloat16)"
    require(not by_rows or hasattr(optimizer, "update_rows"), "optimizer", expected, type(optimizer).__name__)
    if keras.config.backend() == "jax":  # where only this way knows how to skip a step that overflows
        slots = optimizer.variables
        values = [variable.value for variable in variables]
        values, slot_values = optimizer.stateless_apply([slot.value for slot in slots], gradients, values)
        for variable, value in zip([*variables, *slots], [*values, *slot_values], strict=True):
            variable.assign(value)
    else:
        with undifferentiated():
            optimizer.apply(gradients, variables)


def undifferentiated():
    """Context in which nothing is noted for differentiation, but by `value_and_grad` and `gradient`."""
    if keras.config.backend() == "torch":
        import torch

        return torch.no_grad()
    return contextlib.nullcontext()  # JAX and TensorFlow note nothing unless they are told to


def loss_of(value):
    """The loss among what a loss function returns; raises ValueError if it is no scalar."""
    loss = value[0] if isinstance(value, tuple) and value else value
    received = type(loss).__name__
    if ops.is_tensor(loss):
        dtype, shape = keras.backend.standardize_dtype(loss.dtype), tuple(loss.shape)
        if shape == () and "float" in dtype:
            return loss
        received = f"{dtype} of shape {shape}"
    raise ValueError(f"`loss_fn` must return a scalar float loss, or a tuple that begins with it, received {received}")


def cut_off(leaf):
    """A tensor cut off from differentiation; anything else as it is."""
    return ops.stop_gradient(leaf) if ops.is_tensor(leaf) else leaf


def jax_gradients(loss_fn, variables, tables):
    """Differentiate a function of the variables' values, and of what is added to looked up rows, all zeros."""
    import jax

    scopes, lookups, reached = [], [], []
    watched = watch_for(reached)

    def function(values, added):
        remaining = iter(added)
        lookups.append(Lookups(tables, lambda rows: rows + next(remaining)))
        with noting(lookups[-1]):
            value, updates, scope = in_scope(loss_fn, variables, values)
        scopes.append(scope)
        return watched(loss_of(value)), (value, updates, lookups[-1].ids())

    values = [variable.value for variable in variables]
    added = rows_looked_up(loss_fn, variables, tables, values) if tables else []
    differentiated = jax.value_and_grad(function, argnums=(0, 1), has_aux=True)
    (_, (value, updates, ids)), (gradients, slopes) = differentiated(values, added)
    require_dependence(reached, [*variables, *tables])
    scopes[-1].commit(updates)
    return value, gradients, lookups[-1].gradients(ids, slopes)


def watch_for(reached):
    """The identity, which adds to a list when JAX differentiates through it: if its argument depends on anything."""
    import jax

    @jax.custom_vjp
    def watched(loss):
        return loss

    def forward(loss):
        reached.append(True)
        return loss, None

    watched.defvjp(forward, lambda _, cotangent: (cotangent,))
    return watched


def rows_looked_up(loss_fn, variables, tables, values):
    """Zeros of the shapes of all rows that a loss function looks up, found without computing it."""
    import jax

    shapes = []

    def look(values):
        with noting(Lookups(tables, lambda rows: shapes.append((rows.shape, rows.dtype)) or rows)):
            return in_scope(loss_fn, variables, values)[1]

    jax.eval_shape(look, values)
    return [ops.zeros(shape, dtype) for shape, dtype in shapes]


def tensorflow_gradients(loss_fn, variables, tables):
    """Differentiate on a tape."""
    import tensorflow as tf

    before = [variable.value for variable in variables]
    with tf.GradientTape() as tape, noting(Lookups(tables, lambda rows: tape.watch(rows) or rows)) as lookups:
        value = loss_fn()
        loss = loss_of(value)
        # Gradients of replicas are summed.
        loss = loss / tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, loss.dtype)
    rows = lookups.rows()
    gradients = dense(tape.gradient(loss, [*before, *rows]), [*variables, *rows], [*variables, *tables])
    return value, gradients[: len(before)], lookups.gradients(lookups.ids(), gradients[len(before) :])


def torch_gradients(loss_fn, variables, tables):
    """Differentiate through the graph that autograd notes."""
    import torch

    # Autograd has noted what came before, if it is on, and would differentiate through it: not by these leaves.
    apart = torch.is_grad_enabled()
    leaves = [variable.value for variable in variables]
    leaves = [leaf.detach().requires_grad_() for leaf in leaves] if apart else leaves
    with torch.enable_grad(), noting(Lookups(tables, lambda rows: rows.detach().requires_grad_())) as lookups:
        value, updates, scope = in_scope(loss_fn, variables, leaves) if apart else (loss_fn(), [], Scope())
        loss = loss_of(value)
    require_dependence(loss.requires_grad, [*variables, *tables])
    rows = lookups.rows()
    gradients = torch.autograd.grad(loss, [*leaves, *rows], allow_unused=True)
    scope.commit(updates)
    gradients = dense(gradients, [*variables, *rows], [*variables, *tables])
    return value, gradients[: len(leaves)], lookups.gradients(lookups.ids(), gradients[len(leaves) :])


def dense(gradients, like, variables):
    """Gradients as JAX has them: zeros, not None, for what the loss does not depend on."""
    require_dependence(any(slope is not None for slope in gradients), variables)
    return [ops.zeros_like(v) if slope is None else slope for slope, v in zip(gradients, like, strict=True)]


def require_dependence(depends, variables):
    """Raise ValueError unless a loss depends on its variables."""
    if not depends:
        raise ValueError(NO_DEPENDENCE.format(", ".join(variable.path for variable in variables[:3])))
