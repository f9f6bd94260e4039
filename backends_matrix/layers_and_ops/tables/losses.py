"""Every loss: variants, reductions, sample weights, and targets at the edges."""

import numpy as np
from keras import losses, ops

from backends_matrix.layers_and_ops.case import op

RNG = np.random.default_rng(3)
TRUE, PREDICTED = RNG.random((6, 5)).astype("float32"), RNG.random((6, 5)).astype("float32")
CLASSES = np.array([0, 4, 2, 2, 1, 3], "int32")
ONE_HOT = np.eye(5, dtype="float32")[CLASSES]
SIGNS = np.sign(RNG.normal(size=(6, 5))).astype("float32")
BITS = (SIGNS + 1) / 2
WEIGHTS = np.array([0.0, 1.0, 2.0, 0.5, 1.0, 3.0], "float32")
ROWS = (6, 5)
PROBABILITIES = (PREDICTED / PREDICTED.sum(axis=1, keepdims=True)).astype("float32")


def loss(name, class_name, true, predicted, sample_weight=None, gradient=True, **arguments):
    """A `Case`: the loss of `predicted`, and its gradient."""

    def function(prediction):
        return getattr(losses, class_name)(**arguments)(ops.convert_to_tensor(true), prediction, sample_weight)

    return op(name, function, predicted, group="losses", gradient=gradient)


def cases():
    """List of `Case`."""
    numbers = ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError",
               "CosineSimilarity", "Huber", "LogCosh", "KLDivergence", "Poisson", "Dice", "Tversky")  # fmt: skip
    found = [loss(name, name, TRUE, PREDICTED) for name in numbers]
    # The cosine's gradient at the target is 0: only rounding would be compared.
    found += [loss(f"{name} at the target", name, TRUE, TRUE, gradient=name != "CosineSimilarity") for name in numbers]
    found += [loss(name, name, SIGNS, ROWS) for name in ("Hinge", "SquaredHinge")]
    return [*found, *of_classes(), *of_bits(), *reduced(), *at_edges()]


def of_classes():
    """Losses of one class among several."""
    return [
        loss("CategoricalHinge", "CategoricalHinge", ONE_HOT, ROWS),
        loss("CategoricalCrossentropy", "CategoricalCrossentropy", ONE_HOT, PROBABILITIES),
        loss("CategoricalCrossentropy not normalized", "CategoricalCrossentropy", ONE_HOT, PREDICTED),
        loss("CategoricalCrossentropy logits", "CategoricalCrossentropy", ONE_HOT, ROWS, from_logits=True),
        loss("CategoricalCrossentropy smoothed", "CategoricalCrossentropy", ONE_HOT, ROWS, from_logits=True,
             label_smoothing=0.1),
        loss("CategoricalFocalCrossentropy", "CategoricalFocalCrossentropy", ONE_HOT, PROBABILITIES),
        loss("CategoricalFocalCrossentropy logits", "CategoricalFocalCrossentropy", ONE_HOT, ROWS, from_logits=True),
        loss("CategoricalGeneralizedCrossEntropy", "CategoricalGeneralizedCrossEntropy", CLASSES, PROBABILITIES),
        loss("SparseCategoricalCrossentropy", "SparseCategoricalCrossentropy", CLASSES, PROBABILITIES),
        loss("SparseCategoricalCrossentropy logits", "SparseCategoricalCrossentropy", CLASSES, ROWS, from_logits=True),
        loss("SparseCategoricalCrossentropy ignored class", "SparseCategoricalCrossentropy", CLASSES, ROWS,
             from_logits=True, ignore_class=2),
        loss("Circle", "Circle", CLASSES // 2, ROWS),
        loss("CTC", "CTC", np.array([[1, 2, 2], [3, 1, 4]], "int32"), (2, 9, 5)),
    ]  # fmt: skip


def of_bits():
    """Losses of independent bits."""
    return [
        loss("BinaryCrossentropy", "BinaryCrossentropy", BITS, PREDICTED),
        loss("BinaryCrossentropy logits", "BinaryCrossentropy", BITS, ROWS, from_logits=True),
        loss("BinaryCrossentropy smoothed", "BinaryCrossentropy", BITS, ROWS, from_logits=True, label_smoothing=0.1),
        loss("BinaryFocalCrossentropy", "BinaryFocalCrossentropy", BITS, PREDICTED, apply_class_balancing=True),
        loss("BinaryFocalCrossentropy logits", "BinaryFocalCrossentropy", BITS, ROWS, from_logits=True),
    ]


def reduced():
    """Reductions and sample weights, one of them 0."""
    reductions = ("sum", "sum_over_batch_size", "mean_with_sample_weight", None)
    return [
        loss(f"MeanSquaredError weighted {way}", "MeanSquaredError", TRUE, PREDICTED, WEIGHTS, reduction=way)
        for way in reductions
    ]


def at_edges():
    """Extreme logits, probabilities of 0 and 1, targets of 0."""
    extreme = np.array([[-200.0, 200.0, 0.0, 50.0, -50.0]] * 6, "float32")
    sure = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]] * 6, "float32")
    zeros = np.zeros((6, 5), "float32")
    return [
        loss("BinaryCrossentropy extreme logits", "BinaryCrossentropy", BITS, extreme, from_logits=True),
        loss("BinaryCrossentropy sure", "BinaryCrossentropy", BITS, sure),
        loss("CategoricalCrossentropy extreme logits", "CategoricalCrossentropy", ONE_HOT, extreme, from_logits=True),
        loss("CategoricalCrossentropy sure", "CategoricalCrossentropy", ONE_HOT, sure),
        loss("SparseCategoricalCrossentropy sure", "SparseCategoricalCrossentropy", CLASSES, sure),
        loss("SparseCategoricalCrossentropy extreme logits", "SparseCategoricalCrossentropy", CLASSES, extreme,
             from_logits=True),
        loss("CosineSimilarity of zeros", "CosineSimilarity", TRUE, zeros),
        loss("KLDivergence of zeros", "KLDivergence", zeros, PREDICTED),
        loss("LogCosh far off", "LogCosh", zeros, extreme),
        loss("Huber at delta", "Huber", zeros, np.full((6, 5), 1.0, "float32")),
    ]  # fmt: skip
