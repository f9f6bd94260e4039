"""Pictures that recipes draw, each saved as a PNG file."""

import io

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from keras_recipes.files import write_file


def save_figure(figure, path):
    """Write a matplotlib `Figure` to `path`, whole or not at all, and return `path`."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=120, metadata={"Software": None})
    write_file(path, png.getvalue())
    return path


def image_grid(rows, path, row_labels=(), title=""):
    """Draw rows of images.

    Args:
        rows: Float array of shape `(rows, columns, height, width, channels)`
            with 1 or 3 channels and values in [0, 1].
        path: `Path` of the picture.
        row_labels: Sequence of a string per row, or empty.
        title: String above the grid.

    Returns:
        `path`.
    """
    rows = np.clip(np.asarray(rows, dtype="float32"), 0, 1)
    num_rows, num_columns, height, _, channels = rows.shape
    margin = 1  # pixels between images
    padded = np.pad(rows, ((0, 0), (0, 0), (0, margin), (0, margin), (0, 0)), constant_values=1)
    picture = padded.transpose(0, 2, 1, 3, 4).reshape(num_rows * (height + margin), -1, channels)
    figure = Figure(figsize=(0.6 * num_columns + 1.2, 0.6 * num_rows + 0.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(picture.squeeze(-1) if channels == 1 else picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    centres = np.arange(len(row_labels)) * (height + margin) + height / 2
    axes.set_yticks(centres, labels=list(row_labels))
    axes.tick_params(length=0)
    axes.set_frame_on(False)
    axes.set_title(title, fontsize=10)
    return save_figure(figure, path)


def training_curves(history, path):
    """Draw what was logged after each epoch, a plot for each name, `val_` of it included.

    Args:
        history: Dict from name to list of floats, as `fit` returns it.
        path: `Path` of the picture.

    Returns:
        `path`.
    """
    names = [name for name in history if name.removeprefix("val_") not in history or not name.startswith("val_")]
    figure = Figure(figsize=(3.5 * len(names), 2.8), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for label, values in (("training", history[name]), ("validation", history.get(f"val_{name}", []))):
            if len(values) > 0:
                axes.plot(np.arange(1, len(values) + 1), values, marker="." if len(values) < 50 else "", label=label)
        if f"val_{name}" in history:
            axes.legend()
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(title=name.replace("_", " "), xlabel="epoch")
    return save_figure(figure, path)


def capacity_picture(widths, errors, path):
    """Draw errors on what models were trained on, and on what was held back, against their width.

    Args:
        widths: Sequence of integers, rising.
        errors: Sequence of as many pairs of floats in [0, 1]: shares of wrong answers in training and in validation.
        path: `Path` of the picture.

    Returns:
        `path`.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    training, validation = 100 * np.asarray(errors, "float64").T
    axes.plot(widths, training, "o-", label="images that it was trained on")
    axes.plot(widths, validation, "o-", label="images that were held back")
    axes.fill_between(widths, training, validation, alpha=0.15, label="what it has learned by heart")
    axes.set_xscale("log", base=2)
    axes.set_xticks(widths, labels=[str(width) for width in widths])
    axes.set(xlabel="width: too small on the left, more than needed on the right", ylabel="wrong answers, %")
    axes.set_ylim(0, None)
    axes.legend(fontsize=9)
    return save_figure(figure, path)


def labelled_points(points, labels, path):
    """Draw points of the plane, float array of shape `(n, 2)`, with a string beside each."""
    figure = Figure(figsize=(10, 8), layout="constrained")
    axes = figure.subplots()
    axes.scatter(points[:, 0], points[:, 1], s=12)
    middle = (points[:, 0].min() + points[:, 0].max()) / 2
    for (x, y), label in zip(points, labels, strict=True):
        side, shift = ("left", 3) if x < middle else ("right", -3)  # towards the middle, inside the frame
        axes.annotate(shortened(label), (x, y), (shift, 3), textcoords="offset points", ha=side, fontsize=7)
    axes.set_title("Alike where near: the two directions in which their embeddings differ most", fontsize=10)
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second principal component")
    return save_figure(figure, path)


def point_clouds(clouds, path):
    """Draw sets of points of the plane side by side, on the same axes.

    Args:
        clouds: Dict from a title to a float array of shape `(n, 2)`.
        path: `Path` of the picture.

    Returns:
        `path`.
    """
    columns = min(5, len(clouds))
    rows = -(-len(clouds) // columns)
    figure = Figure(figsize=(3 * columns, 3 * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    everything = np.concatenate(list(clouds.values()))
    reach = 1.1 * np.quantile(np.abs(everything[np.isfinite(everything).all(axis=1)]), 0.995)
    for place in axes[len(clouds) :]:
        place.set_axis_off()
    for place, (title, points) in zip(axes, clouds.items(), strict=False):
        place.scatter(points[:, 0], points[:, 1], s=2, alpha=0.4)
        place.set(title=title, xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    return save_figure(figure, path)


def points_by_class(points, labels, axis_names, path):
    """Draw points of the plane, coloured by their class, with a legend.

    Args:
        points: Float array of shape `(n, 2)`.
        labels: Integer array of shape `(n,)`, the classes, counted from 0.
        axis_names: Pair of strings.
        path: `Path` of the picture.

    Returns:
        `path`.
    """
    num_classes = int(labels.max()) + 1
    shades = matplotlib.colormaps["tab10" if num_classes <= 10 else "turbo"]
    colours = shades(np.arange(10) if num_classes <= 10 else np.linspace(0, 1, num_classes))
    figure = Figure(figsize=(7.5, 6.5), layout="constrained")
    axes = figure.subplots()
    # All at once and in their own order, so that no class hides the others.
    axes.scatter(points[:, 0], points[:, 1], s=4, alpha=0.6, linewidths=0, color=colours[labels])
    if num_classes > 1:
        dots = [axes.scatter([], [], s=40, color=colours[label], label=str(label)) for label in range(num_classes)]
        columns = -(-num_classes // 25)
        axes.legend(handles=dots, title="class", loc="center left", bbox_to_anchor=(1, 0.5), ncols=columns)
    axes.set(xlabel=axis_names[0], ylabel=axis_names[1])
    return save_figure(figure, path)


def graph_picture(points, edges, labels, names, path):
    """Draw a graph.

    Args:
        points: Float array of shape `(nodes, 2)`.
        edges: Integer array of shape `(n, 2)`.
        labels: Integer array of shape `(nodes,)`, which colours nodes, or None.
        names: Sequence of strings, written beside the nodes of a small graph.
        path: `Path` of the picture.

    Returns:
        `path`.
    """
    figure = Figure(figsize=(9, 8), layout="constrained")
    axes = figure.subplots()
    few = len(points) <= 150
    lines = LineCollection(points[edges], colors="gray", linewidths=0.6 if few else 0.2, alpha=0.5, zorder=1)
    axes.add_collection(lines)
    colours = "tab:blue" if labels is None else matplotlib.colormaps["tab10"](np.asarray(labels) % 10)
    axes.scatter(points[:, 0], points[:, 1], s=40 if few else 6, color=colours, zorder=2)
    for name, place in zip(names, points, strict=True) if few else ():
        axes.annotate(shortened(name), place, (4, 3), textcoords="offset points", fontsize=7)
    axes.set(xlabel="first principal component", ylabel="second principal component")
    return save_figure(figure, path)


def bar_chart(labels, values, value_name, path):
    """Draw a horizontal bar for each value, float array of shape `(n,)`, the first at the bottom."""
    figure = Figure(figsize=(8, 1 + 0.25 * len(values)), layout="constrained")
    axes = figure.subplots()
    axes.barh(np.arange(len(values)), values, color=np.where(np.asarray(values) < 0, "tab:red", "tab:blue"))
    axes.set_yticks(np.arange(len(values)), labels=[shortened(label) for label in labels], fontsize=8)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(value_name)
    return save_figure(figure, path)


def shortened(label, length=40):
    """A label as a string of at most `length` characters; its dollars are no mathematics to matplotlib."""
    text = str(label).replace("$", r"\$")
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def predicted_against_true(truth, predicted, name, path):
    """Draw how predictions spread around each true value; both are float arrays of shape `(n,)`.

    A box per value where there are few, such as stars, else points.
    """
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.subplots()
    values = np.unique(truth)
    if 1 < len(values) <= 20:
        groups = [predicted[truth == value] for value in values]
        axes.boxplot(groups, positions=values, widths=0.6 * np.diff(values).min(), whis=(5, 95), showfliers=False)
        axes.set_xticks(values, labels=[f"{value:g}" for value in values])
    else:
        axes.scatter(truth, predicted, s=4, alpha=0.4)
    axes.axline((values[0], values[0]), slope=1, color="tab:red", linewidth=1)
    axes.set_xlabel(f"true {name}")
    axes.set_ylabel(
        f"predicted {name} (box: middle half, whiskers: 5 to 95 %)" if len(values) <= 20 else f"predicted {name}"
    )
    return save_figure(figure, path)


def principal_plane(vectors):
    """Project vectors, float array of shape `(n, dim)`, on their first two principal components.

    Returns:
        Float array of shape `(n, 2)`. The sign of each component is such that
        its largest loading is positive, so that pictures do not flip.
    """
    centred = np.asarray(vectors, dtype="float64") - np.mean(vectors, axis=0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    components = np.pad(components[:2], ((0, max(0, 2 - len(components))), (0, 0)))
    largest = np.abs(components).argmax(axis=1)
    signs = np.where(components[np.arange(2), largest] < 0, -1, 1)
    return centred @ (components * signs[:, None]).T
