"""The tables: what Keras offers, with arguments and inputs that have edges."""

from fnmatch import fnmatchcase

from backends_matrix.layers_and_ops.tables import (
    augmentation,
    gradients,
    image_ops,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    random,
    recurrent,
    undefined,
)

TABLES = (layers, recurrent, random, augmentation, losses, metrics, optimizers, ops, image_ops, gradients, undefined)


def all_cases(patterns=("*",)):
    """List of every `Case` whose name matches one of the patterns (with * and ?)."""
    cases = [case for table in TABLES for case in table.cases()]
    return [case for case in cases if any(fnmatchcase(case.name, pattern) for pattern in patterns)]
