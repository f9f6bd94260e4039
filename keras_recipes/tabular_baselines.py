"""What a table is worth without a network: a linear model, and boosted trees, on the same rows."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from keras_recipes.interpretation import label_losses, log_losses

MOST_CATEGORIES = 254  # that the trees of scikit-learn take as such; ids of more are numbers to them


def baseline_models(task, cardinalities, seed):
    """A linear model and boosted trees of scikit-learn with its defaults.

    Args:
        task: String, one of `TASKS`.
        cardinalities: List of integers, how many ids each categorical column has.
        seed: Integer, of the trees.

    Returns:
        Dict from "linear" and "trees" to an estimator of rows: ids of the categorical columns, then numbers.
    """
    every = list(range(len(cardinalities)))
    known = [place for place, size in enumerate(cardinalities) if size <= MOST_CATEGORIES]
    options = {"categorical_features": known, "random_state": seed}
    once = ColumnTransformer([("once", OneHotEncoder(handle_unknown="ignore"), every)], remainder="passthrough")
    if task == "regression":
        return {
            "linear": make_pipeline(once, Ridge()),
            "trees": MultiOutputRegressor(boosted(options, regression=True)),
        }
    linear, trees = LogisticRegression(max_iter=2000), boosted(options)
    if task == "multi_label":
        linear, trees = OneVsRestClassifier(linear), OneVsRestClassifier(trees)
    return {"linear": make_pipeline(once, linear), "trees": trees}


def boosted(options, regression=False):
    """Boosted trees with options."""
    return (HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier)(**options)


def baseline_metrics(targets, cardinalities, train, test, seed=0):
    """The metrics of the baselines.

    Args:
        targets: `TableTargets`.
        cardinalities: List of integers, how many ids each categorical column has.
        train: Tuple `((ids, numbers), y)` of arrays.
        test: Likewise.
        seed: Integer.

    Returns:
        Dict from names such as "rmse_of_trees" to floats.
    """
    (rows, goals), (others, _), found = as_matrix(train, targets), as_matrix(test, targets), {}
    for name, model in baseline_models(targets.task, cardinalities, seed).items():
        predictions = predictions_of(model.fit(rows, goals), others, targets)
        metrics = table_metrics(targets, test[1], predictions)
        found.update({f"{metric}_of_{name}": value for metric, value in metrics.items()})
    return found


def as_matrix(part, targets):
    """Rows, ids and then numbers, float64 of shape `(n, columns)`, and targets, as scikit-learn takes them."""
    (ids, numbers), y = part
    rows = np.concatenate([ids, numbers], axis=1).astype("float64")
    return rows, y.ravel() if yes_or_no(targets) else y


def predictions_of(model, rows, targets):
    """Predictions of an estimator as `TableTargets.decode` has them."""
    if targets.task == "regression":
        return targets.decode(model.predict(rows).reshape(len(rows), -1))
    probabilities = model.predict_proba(rows)
    return probabilities[:, 1:] if yes_or_no(targets) else probabilities


def yes_or_no(targets):
    """Whether there is one answer to each row, yes or no, of which scikit-learn gives both probabilities."""
    return targets.task == "binary" or (targets.task == "multi_label" and len(targets.classes) == 1)


def table_metrics(targets, y, predictions):
    """How good predictions are.

    Args:
        targets: `TableTargets`.
        y: Array, as its `encode` returns it.
        predictions: Array, as its `decode` returns it.

    Returns:
        Dict of floats: `rmse`, `mae` and `r2` of a regression, means over its columns; else `accuracy` and
        `log_loss`; and for "binary" `auc`, the area under the ROC curve.
    """
    if targets.task == "regression":
        truth = targets.decode(y)
        error = predictions - truth
        r2 = 1 - (error**2).sum(axis=0) / np.maximum(((truth - truth.mean(axis=0)) ** 2).sum(axis=0), 1e-30)
        rmse = np.sqrt((error**2).mean(axis=0)).mean()
        return {"rmse": float(rmse), "mae": float(np.abs(error).mean()), "r2": float(r2.mean())}
    if targets.task == "multi_class":
        right = predictions.argmax(axis=1) == y
        return {"accuracy": float(right.mean()), "log_loss": float(log_losses(predictions, y).mean())}
    right = (predictions >= 0.5) == (y == 1)
    found = {"accuracy": float(right.mean()), "log_loss": float(label_losses(predictions, y).mean())}
    both = targets.task == "binary" and len(np.unique(y)) == 2
    return {**found, "auc": float(roc_auc_score(y.ravel(), predictions.ravel()))} if both else found


def verdict(metrics):
    """A sentence that says who is best, from the metrics of a network and those of `baseline_metrics`."""
    headline = "rmse" if "rmse" in metrics else "log_loss"
    named = {
        "this network": headline,
        "boosted trees": f"{headline}_of_trees",
        "a linear model": f"{headline}_of_linear",
    }
    best = min(named, key=lambda name: metrics[named[name]])
    return f"By {headline.replace('_', ' ')} {best} is best here."
