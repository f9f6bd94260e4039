"""Pictures of what a classifier gets wrong, and of how sure it is."""

import numpy as np
from matplotlib.figure import Figure

from keras_recipes.config import require
from keras_recipes.images import as_unit_floats
from keras_recipes.interpretation import (
    calibration_curve,
    confusion_matrix,
    f_beta,
    label_losses,
    log_losses,
    top_losses,
)
from keras_recipes.pictures import bar_chart, save_figure, shortened


def classifier_pictures(images, labels, probabilities, classes, folder, worst=15):
    """Draw what a classifier confuses, how sure it is, and the images that it finds hardest.

    Args:
        images: Array of bytes, or of floats in [0, 1], of shape `(n, height, width, channels)`, or `ImageFiles`.
        labels: Integer array of shape `(n,)`.
        probabilities: Float array of shape `(n, num_classes)`.
        classes: Sequence of strings, the names of the classes.
        folder: `Path`.
        worst: Integer of at least 1, how many images to draw.

    Returns:
        List of the `Path`s of `confusion.png`, `calibration.png` and `top_losses.png`.
    """
    predicted, losses = probabilities.argmax(axis=1), log_losses(probabilities, labels)
    hardest = top_losses(losses, worst)
    captions = [
        loss_caption(losses[row], classes[labels[row]], classes[predicted[row]], probabilities[row, labels[row]])
        for row in hardest
    ]
    return [
        confusion_picture(confusion_matrix(labels, predicted, len(classes)), classes, folder / "confusion.png"),
        calibration_picture(*calibration_curve(probabilities, labels), folder / "calibration.png"),
        top_losses_picture(as_unit_floats(images[hardest]), captions, folder / "top_losses.png"),
    ]


def multi_label_pictures(images, targets, probabilities, classes, threshold, folder, worst=15):
    """Draw how well each class is told, where an image has several, and the images that are hardest.

    Args:
        images: As `classifier_pictures` takes them.
        targets: Array of 0 and 1 of shape `(n, num_classes)`.
        probabilities: Float array of shape `(n, num_classes)`, of each class by itself.
        classes: Sequence of strings, the names of the classes.
        threshold: Float, the probability from which on a class is said to be there.
        folder: `Path`.
        worst: Integer of at least 1, how many images to draw, with the classes they have.

    Returns:
        List of the `Path`s of `scores.png`, the F2 score of each class that is there, and `top_losses.png`.
    """
    # Of one class the mean over examples would be its accuracy: all examples count together.
    scores = {
        name: f_beta(there[None], found[None] >= threshold)
        for name, there, found in zip(classes, targets.T, probabilities.T, strict=True)
        if there.any()
    }
    hardest = top_losses(label_losses(probabilities, targets), worst)
    captions = [" ".join(np.array(classes)[targets[row] > 0]) or "none" for row in hardest]
    return [
        bar_chart([*scores], [*scores.values()], f"F2 score, from {threshold:.2f} on", folder / "scores.png"),
        top_losses_picture(as_unit_floats(images[hardest]), captions, folder / "top_losses.png"),
    ]


def confusion_picture(matrix, names, path):
    """Draw a confusion matrix: how many, and, as shades, which share of the class.

    Args:
        matrix: Integer array of shape `(classes, classes)`, as `confusion_matrix` returns it.
        names: Sequence of strings, of the classes.
        path: `Path` of the picture.

    Returns:
        `path`.

    Raises:
        ValueError: If there is not a name for each class.
    """
    require(len(names) == len(matrix), "names", f"a name for each of {len(matrix)} classes", len(names))
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    side = 1.8 + 0.45 * len(names)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(matrix), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, int(matrix[row, column]), ha="center", va="center", color=colour, fontsize=8)
    labels = [shortened(name, 20) for name in names]
    axes.set_xticks(range(len(names)), labels=labels, rotation=90)
    axes.set_yticks(range(len(names)), labels=labels)
    axes.set(xlabel="taken for", ylabel="class")
    return save_figure(figure, path)


def calibration_picture(confidence, accuracy, counts, error, path):
    """Draw how often predictions are right against how sure the model is of them.

    Args:
        confidence: Float array of shape `(bins,)`; this and the next three as `calibration_curve` returns them.
        accuracy: Float array of shape `(bins,)`.
        counts: Integer array of shape `(bins,)`.
        error: Float, the expected calibration error.
        path: `Path` of the picture.

    Returns:
        `path`.

    Reference:
        Guo, Pleiss, Sun and Weinberger, 2017, https://arxiv.org/abs/1706.04599, figure 1.
    """
    figure = Figure(figsize=(4.5, 5.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    edges = np.linspace(0, 1, len(counts) + 1)
    upper.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="as often as the model says")
    there = np.asarray(counts) > 0
    upper.plot(confidence[there], accuracy[there], "o-", label=f"found, {error:.3f} off on average")
    upper.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    upper.legend(fontsize=8)
    lower.bar(edges[:-1], counts, width=1 / len(counts), align="edge", edgecolor="white")
    lower.set(xlabel="probability of the predicted class", ylabel="examples")
    return save_figure(figure, path)


def top_losses_picture(images, captions, path, columns=5):
    """Draw images, such as those with the highest losses, with a few words above each.

    Args:
        images: Float array of shape `(n, height, width, channels)` with 1 or 3 channels and values in [0, 1].
        captions: Sequence of `n` strings, as `loss_caption` makes them.
        path: `Path` of the picture.
        columns: Integer of at least 1, images in a row.

    Returns:
        `path`.

    Raises:
        ValueError: If there are no images, or not as many captions.
    """
    require(len(images) > 0, "images", "at least one", 0)
    require(len(captions) == len(images), "captions", f"{len(images)} strings", len(captions))
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.9 * columns, 2.3 * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places:
        axes.set_axis_off()
    for axes, image, caption in zip(places, images, captions, strict=False):
        grey = image.shape[-1] == 1
        axes.imshow(np.clip(image[..., 0] if grey else image, 0, 1), cmap="gray", vmin=0, vmax=1)
        axes.set_title(caption, fontsize=8)
    return save_figure(figure, path)


def loss_caption(loss, label, predicted, probability):
    """What stands above an image: what it was taken for, what it is, the loss, and the probability of what it is.

    Args:
        loss: Float, in nats.
        label: String, the name of the class.
        predicted: String, the name of the class it was taken for.
        probability: Float in [0, 1], of the class.
    """
    return f"{shortened(predicted, 14)} for {shortened(label, 14)}\nloss {loss:.2f}, probability {probability:.2f}"
