"""JAX: what a function writes to variables, as values that can be handed on."""

import keras


class Scope(keras.StatelessScope):
    """A `keras.StatelessScope` that can lie within another one.

    A variable that it does not hold is read from the scope around it, and what
    is written while it is open can be written again outside.

    Args:
        variables: List of `keras.Variable` that have other values inside.
        values: List of tensors, these values.
    """

    def __init__(self, variables=(), values=()):
        super().__init__(list(zip(variables, values, strict=True)), collect_losses=True)
        self.written = {}  # from the id of a variable to the variable

    def get_current_value(self, variable):
        """The value of a variable, or None if neither this scope nor one around it holds it."""
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            value = self.original_scope.get_current_value(variable)
        return value

    def add_update(self, update):
        """Note that a variable is written to."""
        super().add_update(update)
        self.written[id(update[0])] = update[0]

    def updates(self):
        """List of the latest values of the variables written to, in the order of the first writing."""
        return [self.get_current_value(variable) for variable in self.written.values()]

    def commit(self, values):
        """Write values, as `updates` returned them, to the same variables in the scope that is open now."""
        for variable, value in zip(self.written.values(), values, strict=True):
            variable.assign(value)


def in_scope(function, variables=(), values=()):
    """Call a function that reads and writes variables as if it were pure.

    Args:
        function: Takes no arguments.
        variables: List of `keras.Variable` that have other values inside.
        values: List of tensors, these values.

    Returns:
        Tuple of what `function` returns, the values that it has written, and
        the `Scope`, whose `commit` takes these.
    """
    with Scope(variables, values) as scope:
        value = function()
    return value, scope.updates(), scope


def training_state(model):
    """Tuple of lists of variables: what a train step on JAX takes and gives the values of, in this order."""
    weights = (model.trainable_variables, model.non_trainable_variables)
    return (*weights, model.optimizer.variables, model.metrics_variables)


def assign_state(groups, state):
    """Assign values to variables; both come in groups, as of `training_state`."""
    for group, values in zip(groups, state, strict=True):
        for variable, value in zip(group, values, strict=True):
            variable.assign(value)


def keeping_weights(model, run):
    """A train function that gives the weights back when a step fails: `fit` detaches them on JAX, and would lose them.

    Args:
        model: Compiled `keras.Model`.
        run: Its `train_function`.
    """

    def guarded(state, iterator):
        try:
            return run(state, iterator)
        except Exception:
            assign_state(training_state(model), state)
            raise

    return guarded if keras.config.backend() == "jax" else run


def with_values(function, groups, args):
    """Call a function of a batch, which reads and writes variables, as Keras calls a train step on each backend.

    Args:
        function: Takes the batch, and returns a dict of what is logged.
        groups: Tuple of lists of variables.
        args: Tuple of the batch, or, on JAX, of the variables' values, in such groups, and the batch.

    Returns:
        The dict; on JAX a tuple of it and of the variables' new values.
    """
    *state, data = args
    if not state:
        return function(data)
    variables, values = ([member for group in some for member in group] for some in (groups, state[0]))
    with Scope(variables, values) as scope:
        logs = function(data)
    return logs, tuple([scope.get_current_value(variable) for variable in group] for group in groups)
