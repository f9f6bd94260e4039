"""Where the bins of numbers begin and end: for `PiecewiseLinearEncoding`."""

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from keras_recipes.config import require

BIN_EDGES = ("quantile", "tree")


def bin_edges(kind, numbers, targets, bins, seed=0):
    """Edges of the bins of each column.

    Args:
        kind: String: "quantile", for bins of equally many numbers; or "tree", for those whose targets differ most:
            where a decision tree on the column alone splits.
        numbers: Float array of shape `(n, columns)`.
        targets: Array of shape `(n,)` or `(n, outputs)`; integers are classes.
        bins: Integer of at least 1, how many bins at most.
        seed: Integer, of the trees.

    Returns:
        List with a list of growing floats for each column.

    Raises:
        ValueError: If `kind` is none of these.

    Reference:
        Gorishniy, Rubachev and Babenko, 2022, https://arxiv.org/abs/2203.05556, section 3.2.
    """
    require(kind in BIN_EDGES, "bin_edges", f"one of {BIN_EDGES}", kind)
    columns = np.asarray(numbers, "float64").T
    if kind == "quantile":
        return [spaced(np.quantile(column, np.linspace(0, 1, bins + 1))) for column in columns]
    classes = np.isin(targets, (0, 1)).all() or np.asarray(targets).dtype.kind == "i"
    tree = DecisionTreeClassifier if classes else DecisionTreeRegressor
    found = []
    for column in columns:
        options = {
            "max_leaf_nodes": max(2, bins),
            "min_samples_leaf": max(5, len(column) // 2000),
            "random_state": seed,
        }
        splits = tree(**options).fit(column[:, None], targets).tree_
        thresholds = splits.threshold[splits.feature >= 0]
        found.append(spaced(np.concatenate([thresholds, [column.min(), column.max()]])))
    return found


def spaced(edges):
    """Growing edges, two or more, as a list; without those so near the one before that their bin has no width."""
    edges = np.unique(edges)
    wide = np.diff(edges) > 1e-6 * max(1.0, float(np.ptp(edges)))
    kept = edges[np.concatenate([[True], wide])].tolist()
    return kept if len(kept) > 1 else [kept[0], kept[0] + 1.0]
