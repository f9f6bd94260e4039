"""Finds uses of what differs between backends in a source text.

A use is written as `keras.layers.Embedding`, `keras.ops.max_pool without strides`,
`keras.ops.average_pool with padding='same'`, or `augmented assignment in call`.
"""

import ast
import functools
import inspect

import keras

IN_PLACE = "augmented assignment in call"


def uses(source, avoid):
    """What a source text does that it should not.

    Args:
        source: String, Python.
        avoid: List of strings, the uses, as above.

    Returns:
        List of tuples `(line, use)`.

    Raises:
        ValueError: If Keras has nothing of such a name.
    """
    tree = ast.parse(source)
    names = imported_names(tree)
    found = []
    for use in avoid:
        if use == IN_PLACE:
            found += [(line, use) for line in in_place(tree)]
            continue
        full, _, condition = use.partition(" ")
        target = resolve(full)
        if target is None:
            raise ValueError(f"`avoid`: Keras {keras.__version__} has no {full!r}")
        for node in ast.walk(tree):
            reference = node.func if condition and isinstance(node, ast.Call) else node
            if (condition and reference is node) or resolve(dotted(reference, names)) is not target:
                continue
            if not condition or applies(condition, node, target):
                found.append((node.lineno, use))
    return sorted(set(found))


def imported_names(tree):
    """Dict from a local name to the full name that it was imported from."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                package = alias.name.partition(".")[0]
                names[alias.asname or package] = alias.name if alias.asname else package
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def dotted(node, names):
    """The full name behind a name or an attribute, such as "keras.ops.take"; "" if there is none."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value, names)):
        return f"{owner}.{node.attr}"
    return ""


@functools.cache
def resolve(full):
    """What a full name stands for, if it is Keras'; so aliases such as `keras.ops.nn.max_pool` are seen through."""
    package, _, attributes = full.partition(".")
    if package != "keras" or not attributes:
        return None
    try:
        return functools.reduce(getattr, attributes.split("."), keras)
    except AttributeError:
        return None


def applies(condition, call, target):
    """Whether a call meets "with name=value" or "without name"."""
    word, _, argument = condition.partition(" ")
    name, _, value = argument.partition("=")
    positions = [p for p in inspect.signature(target).parameters if p != "self"]
    given = dict(zip(positions, call.args, strict=False)) | {keyword.arg: keyword.value for keyword in call.keywords}
    if word == "without":
        return name not in given and None not in given  # None: **arguments
    return name in given and ast.unparse(given[name]) == value


def in_place(tree):
    """Lines of `x += …` and the like in methods called `call`, unless what changes is a plain number."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name == "call":
            yield from (node.lineno for node in ast.walk(function) if isinstance(node, ast.AugAssign))
