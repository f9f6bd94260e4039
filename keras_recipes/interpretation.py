"""What a classifier gets wrong, and how sure it is: NumPy only."""

import numpy as np

from keras_recipes.config import require


def confusion_matrix(labels, predicted, num_classes):
    """Count how often each class was taken for each.

    Args:
        labels: Integer array of shape `(n,)`, in [0, num_classes).
        predicted: Integer array of shape `(n,)`, likewise.
        num_classes: Integer.

    Returns:
        Integer array of shape `(num_classes, num_classes)`: rows are the classes, columns what they were taken for.

    Raises:
        ValueError: If the lengths differ, or a class is out of range.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    require(labels.shape == predicted.shape, "predicted", f"of shape {labels.shape}", predicted.shape)
    for name, array in (("labels", labels), ("predicted", predicted)):
        inside = array.size == 0 or (array.min() >= 0 and array.max() < num_classes)
        require(bool(inside), name, f"in [0, {num_classes})", None if inside else [int(array.min()), int(array.max())])
    counts = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def most_confused(matrix, names, at_least=1):
    """Pairs of classes that are taken for each other, the most frequent first.

    Args:
        matrix: Integer array, as `confusion_matrix` returns it.
        names: Sequence of strings, of the classes.
        at_least: Integer, how often it must have happened.

    Returns:
        List of tuples: the class, what it was taken for, how often.
    """
    wrong = matrix * (1 - np.eye(len(matrix), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")
    pairs = [(names[i // len(matrix)], names[i % len(matrix)], int(wrong.flat[i])) for i in order]
    return [pair for pair in pairs if pair[2] >= max(1, at_least)]


def class_report(matrix, names):
    """Precision, recall and their harmonic mean for each class.

    Args:
        matrix: Integer array, as `confusion_matrix` returns it.
        names: Sequence of strings, of the classes.

    Returns:
        Dict from name to a dict of floats: `precision`, `recall`, `f1` (0 where
        nothing was predicted or there is nothing), and `support`, the examples.
    """
    right, taken, there = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    precision, recall = right / np.maximum(taken, 1), right / np.maximum(there, 1)
    f1 = 2 * right / np.maximum(taken + there, 1)
    columns = zip(names, precision, recall, f1, there, strict=True)
    keys = ("precision", "recall", "f1", "support")
    return {name: dict(zip(keys, map(float, values), strict=True)) for name, *values in columns}


def log_losses(probabilities, labels):
    """The negative logarithm of the probability of the right class, of each example, float64 of shape `(n,)`.

    Args:
        probabilities: Float array of shape `(n, num_classes)`.
        labels: Integer array of shape `(n,)`.
    """
    right = np.take_along_axis(np.asarray(probabilities, "float64"), np.asarray(labels)[:, None], axis=1)[:, 0]
    return -np.log(np.clip(right, np.finfo("float32").tiny, 1))


def label_losses(probabilities, targets):
    """The negative log-likelihood of several labels per example, the mean over the labels, float64 of shape `(n,)`.

    Args:
        probabilities: Float array of shape `(n, labels)`.
        targets: Boolean or 0–1 array of shape `(n, labels)`.
    """
    right = np.where(np.asarray(targets, bool), probabilities, 1 - np.asarray(probabilities, "float64"))
    return -np.log(np.clip(right, np.finfo("float32").tiny, 1)).mean(axis=1)


def top_losses(losses, number):
    """The examples with the highest losses.

    Args:
        losses: Float array of shape `(n,)`.
        number: Integer, how many.

    Returns:
        Integer array of at most that length, the highest loss first.
    """
    return np.argsort(-np.asarray(losses), kind="stable")[:number]


def calibration_curve(probabilities, labels, bins=10):
    """How often predictions of which the model is so sure are right.

    Args:
        probabilities: Float array of shape `(n, num_classes)`.
        labels: Integer array of shape `(n,)`.
        bins: Integer of at least 1, intervals of the probability of the predicted class.

    Returns:
        Tuple `(confidence, accuracy, counts, error)`: float arrays of shape
        `(bins,)`, means of the bin, NaN in an empty one; the examples there;
        and the expected calibration error, a float.

    Reference:
        Guo, Pleiss, Sun and Weinberger, 2017, https://arxiv.org/abs/1706.04599, section 2, equation 3.
    """
    require(bins >= 1, "bins", "an integer of at least 1", bins)
    probabilities, labels = np.asarray(probabilities, "float64"), np.asarray(labels)
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    places = np.minimum((sure * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence, accuracy = (np.bincount(places, values, minlength=bins) / counts for values in (sure, right))
    error = float(np.nansum(np.abs(confidence - accuracy) * counts) / max(1, len(labels)))
    return confidence, accuracy, counts, error


def f_beta(targets, predicted, beta=2.0):
    """The F score of several labels per example, the mean over the examples.

    Args:
        targets: Boolean or 0–1 array of shape `(n, labels)`.
        predicted: Likewise.
        beta: Float above 0, how many times as much as precision recall weighs.

    Returns:
        Float in [0, 1]; an example without labels and predictions counts as 1.
    """
    targets, predicted = np.asarray(targets, bool), np.asarray(predicted, bool)
    right = (targets & predicted).sum(axis=1)
    weighted = beta**2 * targets.sum(axis=1) + predicted.sum(axis=1)
    return float(np.mean(np.where(weighted == 0, 1.0, (1 + beta**2) * right / np.maximum(weighted, 1e-30))))


def class_metrics(probabilities, labels):
    """How good predictions of one class per example are.

    Args:
        probabilities: Float array of shape `(n, num_classes)`.
        labels: Integer array of shape `(n,)`.

    Returns:
        Dict of `accuracy` and of `log_loss`, the mean, in nats.
    """
    right = probabilities.argmax(axis=1) == labels
    return {"accuracy": float(np.mean(right)), "log_loss": float(log_losses(probabilities, labels).mean())}


def multi_label_metrics(probabilities, targets, threshold):
    """How good predictions of several labels per example are.

    Args:
        probabilities: Float array of shape `(n, labels)`.
        targets: Boolean or 0–1 array of shape `(n, labels)`.
        threshold: Float, the probability from which on a label is said to be there; see `best_threshold`.

    Returns:
        Dict of `f2`, as `f_beta` has it, of `log_loss`, the mean over labels and examples, and of `threshold`.
    """
    f2, losses = f_beta(targets, probabilities >= threshold), label_losses(probabilities, targets)
    return {"f2": f2, "log_loss": float(losses.mean()), "threshold": threshold}


def best_threshold(probabilities, targets, beta=2.0):
    """The probability above which labels are to be predicted for the highest `f_beta`.

    To be chosen on other examples than those on which it is judged.

    Args:
        probabilities: Float array of shape `(n, labels)`.
        targets: Boolean or 0–1 array of shape `(n, labels)`.
        beta: Float above 0.

    Returns:
        Tuple of the threshold, a hundredth of a whole number, and the score there.
    """
    thresholds = np.arange(1, 100) / 100
    scores = [f_beta(targets, probabilities >= threshold, beta) for threshold in thresholds]
    best = int(np.argmax(scores))
    return float(thresholds[best]), scores[best]


def decode(probabilities, classes, top=5):
    """The most probable classes of one example.

    Args:
        probabilities: Float array of shape `(num_classes,)`.
        classes: Sequence of strings, the names of the classes.
        top: Integer of at least 1, how many at most.

    Returns:
        List of pairs of name and probability, a float, the most probable first.

    Raises:
        ValueError: If there is not a name for each probability.
    """
    probabilities = np.asarray(probabilities)
    require(probabilities.shape == (len(classes),), "probabilities", f"of shape ({len(classes)},)", probabilities.shape)
    return [(classes[number], float(probabilities[number])) for number in top_losses(probabilities, top)]
