"""PyTorch: leave out of a recorded train step what need not be computed again and again."""

COPIES = ("aten.detach.default", "aten.alias.default", "aten.lift_fresh_copy.default")
FILLED_WITH = {"aten.ones_like.default": 1, "aten.zeros_like.default": 0}


def simplify(recorded):
    """Let a recorded graph compute each value once: what is constant now, equal calls in one place.

    Nothing is touched that is written to, or read from what is written to, so
    that the numbers stay the same to the bit.

    Args:
        recorded: `torch.fx.GraphModule` from `make_fx`, changed in place. Its
            attributes `_tensor_constant…` are constants, all others are weights.
    """
    constants, calls = {}, {}
    for node in list(recorded.graph.nodes):
        if any(map(writes, [node, *node.users])):
            continue
        if node.op == "get_attr" and node.target.startswith("_tensor_constant"):
            constants[node] = getattr(recorded, node.target)
        if not is_function(node):
            continue
        same = same_as(node, constants) or calls.get(call := f"{node.target} {node.args} {node.kwargs}")
        value = None if same else constant_value(node, constants)
        if same:
            node.replace_all_uses_with(same)
        elif value is None:
            calls[call] = node
        else:
            constants[node] = value
            setattr(recorded, f"constant_{node.name}", value)
            node.op, node.target, node.args, node.kwargs = "get_attr", f"constant_{node.name}", (), {}
    recorded.graph.eliminate_dead_code()


def is_function(node):
    """Whether a node is an operation that returns the same for the same arguments."""
    return node.op == "call_function" and "nondeterministic_seeded" not in str(getattr(node.target, "tags", "unknown"))


def writes(node):
    """Whether an operation writes to one of its arguments."""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and schema.is_mutable


def same_as(node, constants):
    """The node that holds the value of this one already, or None."""
    name, source = str(node.target), node.args[0] if node.args else None
    if name in COPIES:
        return source
    if name == "aten.clone.default" and "memory_format" in node.kwargs:
        while str(source.target) == name:
            source = source.args[0]
        in_order = source.meta["val"].is_contiguous(memory_format=node.kwargs["memory_format"])
        return source if in_order and source.op == "call_function" else None
    if name == "aten.mul.Tensor" and node.args[1] in constants and source.op == "call_function":
        factor = constants[node.args[1]]
        is_one = factor.shape == () and bool(factor == 1)
        return source if is_one and factor.dtype == source.meta["val"].dtype else None
    return None


def constant_value(node, constants):
    """What an operation returns at every replay, or None if that varies."""
    import torch
    from torch.fx.node import map_arg

    if str(node.target) in FILLED_WITH:  # whatever the input holds
        like = node.meta["val"]
        return torch.full(like.shape, FILLED_WITH[str(node.target)], dtype=like.dtype, device=like.device)
    if not all(source in constants for source in node.all_input_nodes):
        return None
    return node.target(*map_arg(node.args, constants.__getitem__), **map_arg(node.kwargs, constants.__getitem__))
