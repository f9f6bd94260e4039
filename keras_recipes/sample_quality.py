"""How near two sets of pictures are, seen through the features of a classifier."""

import numpy as np

from keras_recipes.config import require


def frechet_distance(one, other):
    """The Fréchet distance of two normal distributions fitted to two sets of features.

    Args:
        one: Float array of shape `(n, features)`, n at least 2.
        other: Float array of shape `(m, features)`.

    Returns:
        Float of at least 0. It is biased: small sets look further apart.

    Reference:
        Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, 2017,
        https://arxiv.org/abs/1706.08500, equation 6 (FID, there with the
        features of Inception).
    """
    one, other = checked(one, other)
    means = one.mean(axis=0), other.mean(axis=0)
    covariances = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    # The trace of the root of a product of covariances is the sum of the roots of its eigenvalues.
    roots = [symmetric_root(covariance) for covariance in covariances]
    product = np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum()
    trace = np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * product
    return float(max(0.0, np.sum((means[0] - means[1]) ** 2) + trace))


def symmetric_root(matrix):
    """The symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def kernel_distance(one, other, subsets=20, subset_size=500, seed=0):
    """The squared maximum mean discrepancy of two sets of features under a cubic kernel, without bias.

    Args:
        one: Float array of shape `(n, features)`, n at least 2.
        other: Float array of shape `(m, features)`.
        subsets: Integer of at least 2, over how many random subsets to average.
        subset_size: Integer of at least 2, examples in a subset of each, at
            most what there are.
        seed: Integer, seed of the subsets.

    Returns:
        Tuple `(mean, standard_deviation)` of floats over the subsets; the mean
        can be a little below 0 for sets that are alike.

    Reference:
        Bińkowski, Sutherland, Arbel and Gretton, 2018,
        https://arxiv.org/abs/1801.01401, section 4 (KID).
    """
    one, other = checked(one, other)
    rng, size = np.random.default_rng(seed), min(subset_size, len(one), len(other))
    found = []
    for _ in range(subsets):
        x, y = (array[rng.choice(len(array), size, replace=False)] for array in (one, other))
        within = [np.sum(kernel) - np.trace(kernel) for kernel in (cubic(x, x), cubic(y, y))]
        found.append(sum(within) / (size * (size - 1)) - 2 * cubic(x, y).mean())
    return float(np.mean(found)), float(np.std(found, ddof=1))


def cubic(x, y):
    """The kernel `(x·y / features + 1)³` between all rows."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def checked(one, other):
    """Both as float64 arrays, if they can be compared."""
    one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
    for name, array in (("one", one), ("other", other)):
        require(array.ndim == 2 and len(array) >= 2, name, "of shape (n, features), n at least 2", array.shape)
        require(bool(np.isfinite(array).all()), name, "finite", "NaN or infinity")
    require(one.shape[1] == other.shape[1], "other", f"of {one.shape[1]} features", other.shape[1])
    return one, other
