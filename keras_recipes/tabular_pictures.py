"""Pictures of what a model has learned of a table."""

import numpy as np
from matplotlib.figure import Figure

from keras_recipes.interpretation import calibration_curve
from keras_recipes.interpretation_pictures import calibration_picture, confusion_matrix, confusion_picture
from keras_recipes.pictures import bar_chart, labelled_points, predicted_against_true, principal_plane, save_figure
from keras_recipes.tabular_baselines import table_metrics

MOST_SHOWN = 40  # categories, or columns, in a picture
ROWS_LOOKED_AT = 5000  # of the test part, at most


def tabular_pictures(predict, tables, data, folder):
    """Draw what a model has learned of a table.

    Args:
        predict: Function from rows, a pair of ids and numbers, to predictions as `TableTargets.decode` has them.
        tables: Dict from the name of each categorical column to its embeddings, float array of shape `(ids, dim)`.
        data: `Data` of rows, with `preprocessor` and `targets` among its names.
        folder: `Path`.

    Returns:
        List of the `Path`s of the pictures.
    """
    (ids, numbers), y = data.test[0], data.test[1]
    rows, y = (ids[:ROWS_LOOKED_AT], numbers[:ROWS_LOOKED_AT]), y[:ROWS_LOOKED_AT]
    targets, preprocessor = data.names["targets"], data.names["preprocessor"]
    names = [*preprocessor.categories, *preprocessor.numbers]
    importance = permutation_importance(predict, rows, y, targets)
    order = np.argsort(importance, kind="stable")[-MOST_SHOWN:]
    label = "how much higher the error is with the column shuffled"
    pictures = [bar_chart([names[i] for i in order], importance[order], label, folder / "importance.png")]
    pictures += sureness_pictures(predict(rows), y, targets, folder)
    if tables:
        place, name = max(enumerate(tables), key=lambda pair: importance[pair[0]])
        often = often_used(data.train[0][0][:, place], len(tables[name]))
        texts = np.array(["unknown or missing", *preprocessor.categories[name]])
        if tables[name].shape[1] > 1 and len(often) > 2:
            plane = principal_plane(tables[name][often])
            pictures.append(labelled_points(plane, texts[often], folder / "embeddings.png"))
        effect = partial_dependence(predict, rows, place, often)
        pictures.append(dependence_picture(name, texts[often], effect, targets, folder / "partial_dependence.png"))
    return pictures


def sureness_pictures(predictions, y, targets, folder):
    """Draw predictions against truth, or how often the model is right when it is so sure, and what it confuses."""
    if targets.task == "regression":
        truth, found = targets.decode(y)[:, 0], predictions[:, 0]
        return [predicted_against_true(truth, found, targets.names[0], folder / "predicted_against_true.png")]
    if targets.task == "multi_class":
        both, labels, classes = predictions, y, targets.classes
    else:  # yes or no, of each label
        yes = predictions.ravel()
        both, labels, classes = np.stack([1 - yes, yes], axis=1), y.ravel().astype(int), ["no", "yes"]
        classes = targets.classes if targets.task == "binary" else classes
    matrix = confusion_matrix(labels, both.argmax(axis=1), len(classes))
    pictures = [calibration_picture(*calibration_curve(both, labels), folder / "calibration.png")]
    return [*pictures, confusion_picture(matrix, classes, folder / "confusion.png")]


def permutation_importance(predict, rows, y, targets, seed=0):
    """How much worse predictions become when the values of a column are given to other rows.

    Args:
        predict: Function from rows to predictions.
        rows: Pair of ids and numbers, arrays of shape `(n, columns)`.
        y: Targets.
        targets: `TableTargets`.
        seed: Integer, of the order of the values.

    Returns:
        Float array with an entry for each column, of ids and then of numbers: by how much
        the root mean squared error, or the log-loss, grows.

    Reference:
        Breiman, 2001, https://doi.org/10.1023/A:1010933404324, section 10.
    """
    name = "rmse" if targets.task == "regression" else "log_loss"
    before = table_metrics(targets, y, predict(rows))[name]
    found = []
    for part, array in enumerate(rows):
        for column in range(array.shape[1]):
            changed = array.copy()
            changed[:, column] = np.random.default_rng(seed).permutation(array[:, column])
            shuffled = tuple(changed if number == part else other for number, other in enumerate(rows))
            found.append(table_metrics(targets, y, predict(shuffled))[name] - before)
    return np.array(found)


def partial_dependence(predict, rows, column, ids, most_rows=500):
    """The mean prediction if all rows had the same category.

    Args:
        predict: Function from rows to predictions.
        rows: Pair of ids and numbers, arrays of shape `(n, columns)`.
        column: Integer, the column of ids.
        ids: Sequence of integers, the categories.
        most_rows: Integer, the rows over which the mean is taken, at most.

    Returns:
        Float array of shape `(ids, outputs)`.

    Reference:
        Friedman, 2001, https://doi.org/10.1214/aos/1013203451, section 8.2.
    """
    some, numbers = rows[0][:most_rows].copy(), rows[1][:most_rows]
    found = []
    for category in ids:
        some[:, column] = category
        found.append(predict((some, numbers)).mean(axis=0))
    return np.stack(found)


def often_used(ids, num_ids):
    """The ids that come most often, at most `MOST_SHOWN`, as an integer array in their own order."""
    counts = np.bincount(ids, minlength=num_ids)
    return np.sort(np.argsort(-counts, kind="stable")[: min(MOST_SHOWN, int((counts > 0).sum()))])


def dependence_picture(name, texts, effect, targets, path):
    """Draw the mean prediction for each category of a column; of several classes each as a dot."""
    figure = Figure(figsize=(8, 1.2 + 0.25 * len(texts)), layout="constrained")
    axes = figure.subplots()
    order = np.argsort(effect[:, 0], kind="stable")
    labels = targets.classes[1:] if targets.task == "binary" else targets.classes or targets.names
    for output, label in enumerate(labels):
        axes.plot(effect[order, output], np.arange(len(texts)), "o", label=label)
    axes.set_yticks(np.arange(len(texts)), labels=texts[order], fontsize=8)
    axes.set(xlabel="mean prediction if all rows were so", title=name)
    axes.legend(fontsize=8)
    return save_figure(figure, path)
