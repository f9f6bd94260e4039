"""PyTorch: record the operations of a train step once, then replay nothing else.

Most of an eager step's time goes into what surrounds the arithmetic: Keras looks at each
argument of each layer, autograd builds a graph, and both come to the same operations
every time. `torch.fx` writes those down, the backward pass and the update of the weights
among them. A model whose step cannot be recorded goes on with Keras' own, and so does one
whose replay differs from it.
"""

import contextlib
import functools
import types

import keras

from keras_recipes.training.torch_graph import simplify
from keras_recipes.training.torch_seeds import seed_recorder


def recorded_step(model):
    """A quicker `model.train_step` for PyTorch.

    Args:
        model: Built and compiled `keras.Model` on the torch backend.

    Returns:
        Function that trains on one batch. Its arguments are a nested structure
        like that of the batch, and the list of the batch's tensors.
    """
    import torch

    replays, seen = {}, {}

    def step(structure, leaves):
        shapes = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        seen[shapes] = seen.get(shapes, 0) + 1
        if seen[shapes] > 3 and replays.get(shapes):
            with torch.no_grad():
                replays[shapes](*leaves)
            return
        batch = keras.tree.pack_sequence_as(structure, leaves)
        if seen[shapes] == 2:  # a shape that comes once, such as that of a last batch, is not worth recording
            replays[shapes] = record(model, batch, leaves)
        elif seen[shapes] == 3 and replays[shapes]:
            replays[shapes] = confirm(model, replays[shapes], batch, leaves)
        else:
            model.train_step(batch)

    return step


def record(model, batch, leaves):
    """Train on a batch, and return a function of its tensors that does so again, or None."""
    from torch.fx.experimental.proxy_tensor import make_fx

    seeds = seed_recorder()

    def train_on(*leaves):
        with seeds:
            model.train_step(keras.tree.pack_sequence_as(batch, list(leaves)))
            seeds.require_none_pending()
        return ()

    before, replay = values_of(model), None
    # Whatever cannot be recorded raises errors of many kinds; Keras can do it.
    with contextlib.suppress(Exception):
        replay = replay_of(make_fx(train_on)(*leaves))
    restore(model, before)  # what runs while it is recorded is not to be relied on
    model.train_step(batch)
    return replay


def confirm(model, replay, batch, leaves):
    """Train on a batch with Keras; return `replay` if it comes to the same numbers, or None."""
    import torch

    before = values_of(model)
    with torch.no_grad():
        replay(*leaves)
    replayed = values_of(model)
    restore(model, before)
    model.train_step(batch)
    return replay if all(map(same, replayed, values_of(model))) else None


def same(one, other):
    """Whether two tensors hold the same numbers: to the bit on a CPU; GPUs add up in varying order."""
    if one.device.type == "cpu" or not one.is_floating_point():
        return bool((one == other).all())
    return bool(((one - other).abs() <= 1e-5 * other.abs().max()).all())


def variables_of(model):
    """All that a train step may change: weights, seeds, metrics, and what the optimizer keeps."""
    variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return list({id(variable): variable for variable in variables}.values())


def values_of(model):
    """Copies of the tensors that a train step may change."""
    return [variable.value.detach().clone() for variable in variables_of(model)]


def restore(model, values):
    """Put the copies back."""
    for variable, value in zip(variables_of(model), values, strict=True):
        variable.assign(value)


def replay_of(recorded):
    """A plain function from the module that `make_fx` returns."""
    simplify(recorded)
    held = {node.target: getattr(recorded, node.target) for node in recorded.graph.nodes if node.op == "get_attr"}
    code = recorded.graph.python_code("self")
    names = dict(code.globals)
    exec(code.src, names)
    return functools.partial(names["forward"], types.SimpleNamespace(**held))  # quicker to read than a module
