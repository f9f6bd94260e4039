"""Finds the private parts of Keras on which the matrix relies, or says which are gone.

A path is a module and an attribute in it, such as
`keras.src.random.seed_generator:SeedGenerator.next`. Private parts may move with
any release of Keras; then the matrix must stop at once, with the list of what
moved, instead of comparing numbers that were drawn in two ways.
"""

import functools
import importlib
from typing import Any

import keras


def find(path) -> Any:
    """Find the object at a path.

    Args:
        path: str, `module:attribute`, the attribute possibly dotted.

    Returns:
        The object.

    Raises:
        ImportError: if there is no such module.
        AttributeError: if the module has no such attribute.
    """
    module, _, attributes = path.partition(":")
    return functools.reduce(getattr, attributes.split("."), importlib.import_module(module))


def missing_paths(paths):
    """List the paths at which there is nothing.

    Args:
        paths: iterable of str, as for `find`.

    Returns:
        list of str, in the given order.
    """
    return [path for path in paths if not _exists(path)]


def _exists(path):
    try:
        find(path)
    except (AttributeError, ImportError):
        return False
    return True


def require_none_missing(missing, purpose):
    """Stop if private parts of Keras are gone.

    Args:
        missing: list of str, names of the missing parts.
        purpose: str, what relies on them.

    Raises:
        RuntimeError: if the list is not empty; names the version of Keras and every missing part.
    """
    if missing:
        raise RuntimeError(
            f"{purpose} relies on private parts of Keras that Keras {keras.__version__} "
            f"({keras.backend.backend()} backend) does not have: {', '.join(missing)}. "
            "Adapt it to this version, or install an earlier one."
        )
