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
    constants, calls, lasting = {}, {}, read_before_written(recorded)
    for node in list(recorded.graph.nodes):
        if any(map(writes, [node, *node.users])):
            continue
        if node.op == "get_attr" and node.target.startswith("_tensor_constant"):
            constants[node] = getattr(recorded, node.target)
        if not is_function(node):
            continue
        same = same_as(node, constants, lasting) or calls.get(call := f"{node.target} {node.args} {node.kwargs}")
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


def read_before_written(recorded):
    """Function from two nodes, one the source of the other, to whether what reads the latter may read the former.

    Not if that is written to, or a weight written to before it is read for the last time.
    """
    place = {node: number for number, node in enumerate(recorded.graph.nodes)}
    first_write = {}  # from the address of a tensor, or None for any, to the place of the first write

    def address(node):
        return getattr(recorded, node.target).data_ptr() if node.op == "get_attr" else None

    for node in filter(writes, recorded.graph.nodes):
        for written in written_by(node):
            first_write.setdefault(address(written), place[node])

    def lasting(source, node):
        if source.op == "call_function":
            return is_new(source) and not any(map(writes, source.users))
        write = min(first_write.get(key, len(place)) for key in (address(source), None))
        return all(place[user] < write and is_new(user) for user in node.users)

    return lasting


def written_by(node):
    """The nodes to whose tensors an operation writes."""
    arguments = node.target._schema.arguments
    values = dict(zip((argument.name for argument in arguments), node.args, strict=False)) | node.kwargs
    for argument in arguments:
        if argument.name in values and argument.alias_info is not None and argument.alias_info.is_write:
            value = values[argument.name]
            yield from value if isinstance(value, list) else [value]


def is_new(node):
    """Whether an operation's result has memory of its own, and is no view of its argument."""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and all(result.alias_info is None for result in schema.returns)


def same_as(node, constants, lasting):
    """The node that holds the value of this one already, or None."""
    name, source = str(node.target), node.args[0] if node.args else None
    if name in COPIES:
        return source
    if name == "aten.clone.default" and "memory_format" in node.kwargs:
        while str(source.target) == name:
            source = source.args[0]
        in_order = source.meta["val"].is_contiguous(memory_format=node.kwargs["memory_format"])
        return source if in_order and source.op == "call_function" else None
    return source if changes_nothing(name, node, constants) and lasting(source, node) else None


def changes_nothing(name, node, constants):
    """Whether an operation returns its first argument: times 1, to the power of 1, the sum of one number."""
    if name == "aten.sum.default":
        alike = node.args[0].meta["val"].shape == ()
    elif name in ("aten.mul.Tensor", "aten.pow.Tensor_Scalar"):
        by = node.args[1]
        by = constants.get(by) if hasattr(by, "op") else by  # a node's value if that is constant, or a Python number
        alike = by is not None and getattr(by, "shape", ()) == () and bool(by == 1)
    else:
        return False
    return alike and node.args[0].meta["val"].dtype == node.meta["val"].dtype


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
