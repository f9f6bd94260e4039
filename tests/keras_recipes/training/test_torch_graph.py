"""PyTorch: a recorded step loses what is constant or twice there, and no number."""

import keras
import pytest

if keras.config.backend() != "torch":
    pytest.skip("graphs are recorded on PyTorch only", allow_module_level=True)

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from keras_recipes.training.torch_graph import simplify


def graph_of(function, *inputs):
    recorded = make_fx(function)(*inputs)
    before = len(recorded.graph.nodes)
    simplify(recorded)
    recorded.recompile()
    return recorded, before - len(recorded.graph.nodes)


def test_simplify_keeps_the_numbers_and_drops_what_is_constant_or_twice_there():
    x = torch.randn(4, 3)

    def function(x):
        ones = torch.ones_like(x) * torch.tensor(3.0) + torch.tensor([1.0, 2.0, 3.0])
        return (x.exp() + x.exp() * ones).detach() * torch.tensor(1.0)

    recorded, dropped = graph_of(function, x)
    assert dropped >= 6
    assert sum("exp" in str(node.target) for node in recorded.graph.nodes) == 1
    y = torch.randn(4, 3)
    assert torch.equal(recorded(y), function(y))


def test_simplify_leaves_alone_what_is_written_to():
    weight = torch.nn.Parameter(torch.zeros(3), requires_grad=False)
    buffer = torch.zeros(3)

    def function(x):
        before = weight * torch.tensor(1.0)
        weight.add_(x)
        buffer.add_(x)
        total = torch.zeros_like(x).add_(x)
        return before + weight + buffer + total

    x = torch.ones(3)
    recorded, _ = graph_of(function, x)
    weight.zero_()
    buffer.zero_()
    assert torch.equal(recorded(x), torch.full((3,), 3.0))
    assert torch.equal(recorded(x), torch.full((3,), 1.0 + 2 + 2 + 1))


def test_simplify_drops_what_changes_nothing():
    weight = torch.nn.Parameter(torch.randn(5, 3), requires_grad=False)

    def function(ids, x):
        rows = torch.nn.functional.embedding(ids, weight * torch.tensor(1.0))
        total = (rows * 1).pow(1.0).sum().sum() * torch.tensor([1.0, 1.0])
        weight.add_(x)
        return total

    ids, x = torch.tensor([1, 4]), torch.randn(5, 3)
    before = weight.clone()
    recorded, _ = graph_of(function, ids, x)
    names = [str(node.target) for node in recorded.graph.nodes if node.op == "call_function"]
    assert names == ["aten.embedding.default", "aten.sum.default", "aten.mul.Tensor", "aten.add_.Tensor"]
    weight.copy_(before)
    expected = function(ids, x)
    weight.copy_(before)
    assert torch.equal(recorded(ids, x), expected)


@pytest.mark.parametrize("shape", [(3,), ()])
def test_simplify_keeps_what_changes_shape_or_type(shape):
    def function(x):
        return x * torch.ones(shape, dtype=torch.float64), x.int().sum()

    x = torch.tensor(1.0)
    recorded, _ = graph_of(function, x)
    for found, expected in zip(recorded(x), function(x), strict=True):
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype


def test_simplify_keeps_the_copy_of_a_weight_that_a_view_shows_after_a_write():
    weight = torch.nn.Parameter(torch.zeros(3), requires_grad=False)

    def function(x):
        shown = (weight * torch.tensor(1.0))[:2]
        weight.add_(x)
        return shown + 0

    recorded, _ = graph_of(function, torch.ones(3))
    weight.zero_()
    assert torch.equal(recorded(torch.ones(3)), torch.zeros(2))
