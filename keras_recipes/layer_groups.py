"""Groups of layers that learn at different rates, or not at all."""

import keras
import numpy as np

from keras_recipes.config import require


def layer_groups(model, starts):
    """Cut the layers of a model into groups, from its input to its output.

    Args:
        model: Built `keras.Model`; models inside it are taken apart.
        starts: List of strings, names of the layers with which a new group
            begins, in the order of the model; for a model inside, its own name
            or that of one of its layers.

    Returns:
        List of lists of the layers that hold weights, one more than `starts`.

    Raises:
        ValueError: If a name is not found, comes in another order, or leaves a group empty.
    """
    groups, left = [[]], list(starts)
    for layer, names in leaves(model, ()):
        if left and left[0] in names:
            groups.append([])
            left.pop(0)
        if layer.weights:
            groups[-1].append(layer)
    require(not left, "starts", "names of layers in the order of the model", left)
    empty = [start for start, group in zip(["", *starts], groups, strict=True) if not group]
    require(not empty, "starts", "names that cut groups with weights", list(starts))
    return groups


def leaves(model, entered):
    """Layers of a model, each with its name and those of the models that begin with it."""
    for index, layer in enumerate(model.layers):
        names = (*(entered if index == 0 else ()), layer.name)
        if isinstance(layer, keras.Model):
            yield from leaves(layer, names)
        else:
            yield layer, names


def group_numbers(groups):
    """The group of each weight, as `AdamW` and `SGD` take it.

    Args:
        groups: List of lists of layers.

    Returns:
        Dict from the path of a weight to the number of its group.
    """
    return {weight.path: number for number, group in enumerate(groups) for layer in group for weight in layer.weights}


def spread_rates(lowest, highest, number):
    """Learning rates for groups of layers: the last one learns fastest, each other one slower by the same factor.

    Args:
        lowest: Float above 0, the rate of the first group.
        highest: Float, the rate of the last group.
        number: Integer of at least 1, groups.

    Returns:
        List of floats; of one group, the highest.

    Reference:
        Howard and Ruder, 2018, https://arxiv.org/abs/1801.06146, section 3.2;
        fastai's `slice(lowest, highest)`.
    """
    require(lowest > 0 and highest > 0, "lowest", "above 0, as `highest` must be", (lowest, highest))
    return [float(rate) for rate in np.geomspace(lowest, highest, number)] if number > 1 else [float(highest)]


def freeze_to(model, groups, first, batch_norm="frozen"):
    """Let the groups from one on learn, and no others; compiles the model again.

    The optimizer is a new one of the same configuration: the old one knows
    other weights, and not every backend says so.

    Args:
        model: Compiled `keras.Model`.
        groups: List of lists of its layers, as `layer_groups` returns it.
        first: Integer, the first group that learns; negative ones count from
            the end, so that -1 means the last group only.
        batch_norm: String, what batch normalization does in groups that do not
            learn: "frozen", it uses its running averages and leaves them as
            they are; "trained", it goes on learning, as in fastai.

    Raises:
        ValueError: If there is no such group or policy.
    """
    require(-len(groups) <= first < len(groups), "first", f"the number of one of {len(groups)} groups", first)
    policies = ("frozen", "trained")
    require(batch_norm in policies, "batch_norm", "one of " + ", ".join(map(repr, policies)), batch_norm)
    for number, group in enumerate(groups):
        for layer in group:
            normalizes = isinstance(layer, keras.layers.BatchNormalization) and batch_norm == "trained"
            layer.trainable = number >= first % len(groups) or normalizes
    compile_again(model)


def unfreeze(model, groups):
    """Let all groups learn; as `freeze_to` from the first one on."""
    freeze_to(model, groups, 0)


def compile_again(model):
    """Compile a model as it was, with a new optimizer of the same configuration.

    Args:
        model: Compiled `keras.Model`, whose loss and metrics Keras can save.

    Raises:
        ValueError: If the model has not been compiled.
    """
    config = model.get_compile_config()
    require(bool(config), "model", "compiled", "one that is not")
    model.compile_from_config(config)
