"""A classifier that tells two sets of images apart, alike on every backend: the eye that judges translated ones."""

import numpy as np

FILTER_SIZE = 5  # height and width, in pixels


def domain_classifier(first, second, num_filters=64, penalty=1e-3, seed=0):
    """Learn to tell two sets of images apart, by ridge regression on what random filters find in them.

    Args:
        first: Float array of shape `(n, height, width, channels)`, sides of at least 5.
        second: Float array of shape `(m, height, width, channels)`.
        num_filters: Integer of at least 1.
        penalty: Float above 0, of the squares of the coefficients.
        seed: Integer, seed of the filters.

    Returns:
        Function from images, float array of shape `(n, height, width, channels)`,
        to scores, float64 of shape `(n,)`, above 0 for those that look like the second set.

    Reference:
        Filters that are not learned: Saxe et al., 2011, "On Random Weights and
        Unsupervised Feature Learning", ICML, section 2.
    """
    rng = np.random.default_rng(seed)
    filters = rng.standard_normal((num_filters, first.shape[-1], FILTER_SIZE, FILTER_SIZE)).astype("float32")
    features = np.concatenate([filtered(first, filters), filtered(second, filters)])
    target = np.repeat([-1.0, 1.0], [len(first), len(second)])
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    standard = (features - mean) / scale
    gram = standard.T @ standard / len(standard) + penalty * np.eye(standard.shape[1])
    coefficients = np.linalg.solve(gram, standard.T @ (target - target.mean()) / len(standard))
    return lambda images: (filtered(images, filters) - mean) / scale @ coefficients + target.mean()


def filtered(images, filters):
    """The mean and the largest response to each filter, float64 of shape `(n, 2 * num_filters)`."""
    stride = max(1, min(images.shape[1:3]) // 16)  # so that large images cost no more
    found = []
    for begin in range(0, len(images), 200):  # which bounds the memory
        part = images[begin : begin + 200].astype("float32")
        windows = np.lib.stride_tricks.sliding_window_view(part, (FILTER_SIZE, FILTER_SIZE), axis=(1, 2))
        windows = windows[:, ::stride, ::stride]  # (n, rows, columns, channels, FILTER_SIZE, FILTER_SIZE)
        responses = np.maximum(np.tensordot(windows, filters, axes=((3, 4, 5), (1, 2, 3))), 0)
        found.append(np.concatenate([responses.mean(axis=(1, 2)), responses.max(axis=(1, 2))], axis=1))
    return np.concatenate(found).astype("float64")
