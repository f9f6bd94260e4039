"""Metrics after two updates, with ties."""

import keras
import numpy as np

from backends_matrix.layers_and_ops.case import Case, Subject
from backends_matrix.layers_and_ops.tables.losses import BITS, CLASSES, ONE_HOT, PREDICTED, PROBABILITIES, TRUE

TIES = np.round(PREDICTED * 4) / 4
ROWS = {
    "AUC": ({"num_thresholds": 20}, BITS, PREDICTED),
    "Precision": ({}, BITS, TIES),
    "Recall": ({"top_k": 2}, BITS, PREDICTED),
    "F1Score": ({"threshold": 0.5}, BITS, PREDICTED),
    "R2Score": ({}, TRUE, PREDICTED),
    "PearsonCorrelation": ({}, TRUE, PREDICTED),
    "RootMeanSquaredError": ({}, TRUE, PREDICTED),
    "CategoricalAccuracy": ({}, ONE_HOT, TIES),
    "SparseCategoricalAccuracy": ({}, CLASSES, TIES),
    "TopKCategoricalAccuracy": ({"k": 2}, ONE_HOT, PROBABILITIES),
    "SparseTopKCategoricalAccuracy": ({"k": 2}, CLASSES, TIES),
    "BinaryAccuracy": ({}, BITS, TIES),
    "MeanIoU": ({"num_classes": 5}, CLASSES, CLASSES[::-1].copy()),
}


def cases():
    """List of `Case`."""
    options = {"precisions": ("float64", "float32"), "gradient": False}
    return [Case(f"{name} metric", "metrics", subject_maker(name), **options) for name in ROWS]


def subject_maker(name):
    """Function that makes the `Subject` of a metric."""
    arguments, true, predicted = ROWS[name]

    def function(tensors):
        metric = getattr(keras.metrics, name)(**arguments)
        state = [variable.value for variable in metric.variables]
        state = metric.stateless_update_state(state, tensors["true"], tensors["predicted"])
        state = metric.stateless_update_state(state, tensors["true"][:2], tensors["predicted"][:2])
        return metric.stateless_result(state)

    return lambda rng: Subject(function, {"true": true, "predicted": predicted}, {})
