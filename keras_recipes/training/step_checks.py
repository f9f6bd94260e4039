"""What can be wrong with a `StepModel`, found on every backend before it does harm on one."""

import keras

PLACE_TAKEN = ("loss", "loss_weights", "metrics", "weighted_metrics")  # of these options of `compile`, by `step`


def require_no_loss(options):
    """Raise ValueError for an option of `compile` that would have no effect."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ValueError(f"`{given[0]}` must be left out: name in `logs` what `step` returns instead")


def require_logs(found, logs):
    """Raise ValueError unless what `step` has returned is what `logs` names."""
    if not isinstance(found, dict) or set(found) != set(logs):
        received = sorted(found) if isinstance(found, dict) else type(found).__name__
        raise ValueError(f"`step` must return a dict of what `logs` names, {sorted(logs)}, received {received}")


def layers_of(model, part):
    """List of what an attribute of a model holds; of None, if there is no such attribute."""
    layers = getattr(model, part, None)
    return layers if isinstance(layers, (list, tuple)) else [layers]


def require_parts(model, parts):
    """Raise ValueError for a part that a model does not have."""
    for part in parts:
        layers = layers_of(model, part)
        if not layers or not all(isinstance(layer, keras.layers.Layer) for layer in layers):
            raise ValueError(
                f"`optimizer` must name parts of {type(model).__name__}, attributes that hold a layer or a list of "
                f"layers, received {part!r}, of {list(parts)}"
            )


def require_built(model):
    """Raise ValueError if a layer of a model has not got its weights yet."""
    for layer in model.layers:
        if not layer.built:
            raise ValueError(
                f"All parts must be built before `compile`, received {layer.name!r}, which is not: "
                "give it an Input, or call it on a batch first"
            )
        if isinstance(layer, keras.Model):
            require_built(layer)


def require_trained(optimizer, variables, name):
    """Raise ValueError unless an optimizer was built for these variables, and there are some."""
    if not variables:
        raise ValueError(f"{name!r} must have trainable variables to minimize a loss, received none: is it frozen?")
    known = getattr(optimizer, "inner_optimizer", optimizer)._trainable_variables
    if [id(variable) for variable in known] != [id(variable) for variable in variables]:
        raise ValueError(
            f"{name!r} must be frozen or unfrozen before `compile`, received {len(variables)} trainable variables "
            f"for an optimizer of {len(known)}: compile again, with a new optimizer"
        )
