"""Notice when a loss function hands on a tensor by other ways than returning it."""

import contextlib

import keras


@contextlib.contextmanager
def nothing_left_behind(name, function):
    """Forbid a function to leave tensors in variables of its surroundings.

    JAX would find that they are gone, PyTorch would keep the whole computation
    alive and differentiate through it again, and TensorFlow would do neither:
    so it is an error everywhere.

    Args:
        name: String, how the caller calls the function.
        function: Function that is called inside of the context.

    Raises:
        ValueError: On leaving, if a place that `reachable` finds holds a tensor
            that it did not hold before; names it.
    """
    before = reachable(function)
    yield
    found = [place for place, value in reachable(function).items() if before.get(place) is not value]
    if found:
        raise ValueError(
            f"`{name}` must hand on what it computes by returning it, after the loss, as in `return loss, images`; "
            f"received a function that leaves a tensor in {', '.join(f'`{place}`' for place in found)}"
        )


def reachable(function):
    """Tensors that a function may find in its surroundings.

    Args:
        function: Function.

    Returns:
        Dict from the name of a place, such as `images`, `images[0]` or
        `self.images`, to the tensor there: in the variables of the surroundings,
        in lists, tuples and dicts there, as attributes of layers there, and in
        the surroundings of functions there.
    """
    found, seen = {}, set()

    def look(place, content):
        if keras.ops.is_tensor(content):
            found[place] = content
        elif id(content) not in seen and isinstance(content, (list, tuple, dict)):
            seen.add(id(content))
            entries = content.items() if isinstance(content, dict) else enumerate(content)
            for key, entry in list(entries):
                look(f"{place}[{key!r}]", entry)
        elif isinstance(content, keras.layers.Layer):
            attributes = vars(content).items()
            found.update({f"{place}.{name}": value for name, value in attributes if keras.ops.is_tensor(value)})
        elif id(content) not in seen and getattr(content, "__closure__", None):
            seen.add(id(content))
            for name, cell in zip(content.__code__.co_freevars, content.__closure__, strict=True):
                with contextlib.suppress(ValueError):  # an empty cell
                    look(name, cell.cell_contents)

    look("", function)
    return found


@contextlib.contextmanager
def not_assigned(name, variables):
    """Forbid to assign to variables, where each backend would differentiate by something else.

    Args:
        name: String, how the caller calls the function that runs inside of the context.
        variables: List of `keras.Variable`.

    Raises:
        ValueError: On `assign` to one of them.
    """

    def refuse(value):
        raise ValueError(f"`{name}` must not assign to a variable that it is differentiated by")

    before = [vars(variable).get("assign") for variable in variables]
    for variable in variables:
        vars(variable)["assign"] = refuse
    try:
        yield
    finally:
        for variable, assign in zip(variables, before, strict=True):
            vars(variable).pop("assign")
            if assign is not None:  # of a context around this one
                vars(variable)["assign"] = assign
