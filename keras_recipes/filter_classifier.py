"""A classifier of images of any kind, alike on every backend: the eye that judges generated and translated ones."""

import numpy as np

FILTER_SIZE = 5  # height and width in pixels, of images that are as large


def filter_classifier(images, labels, num_filters=64, penalty=1e-3, seed=0):
    """Learn to tell classes of images apart, by ridge regression on what random filters find in them.

    Args:
        images: Float array of shape `(n, height, width, channels)`.
        labels: Integer array of shape `(n,)`, classes counted from 0.
        num_filters: Integer of at least 1.
        penalty: Float above 0, of the squares of the coefficients.
        seed: Integer, seed of the filters.

    Returns:
        Function from images, float array of shape `(n, height, width, channels)`,
        to a tuple of float64 arrays: features, `(n, 2 * num_filters)`, of mean 0 and
        variance 1 over the images learned from; and scores, `(n, num_classes)`.

    Reference:
        Filters that are not learned: Saxe et al., 2011, "On Random Weights and
        Unsupervised Feature Learning", ICML, section 2.
    """
    rng = np.random.default_rng(seed)
    size = tuple(np.minimum(images.shape[1:3], FILTER_SIZE))
    filters = rng.standard_normal((num_filters, images.shape[-1], *size)).astype("float32")
    found = filtered(images, filters)
    mean, scale = found.mean(axis=0), found.std(axis=0) + 1e-6
    features, target = (found - mean) / scale, np.eye(labels.max() + 1)[labels]
    gram = features.T @ features / len(features) + penalty * np.eye(features.shape[1])
    coefficients = np.linalg.solve(gram, features.T @ (target - target.mean(axis=0)) / len(features))

    def classify(images):
        features = (filtered(images, filters) - mean) / scale
        return features, features @ coefficients + target.mean(axis=0)

    return classify


def filtered(images, filters):
    """The mean and the largest response to each filter, float64 of shape `(n, 2 * num_filters)`."""
    stride = max(1, min(images.shape[1:3]) // 16)  # so that large images cost no more
    found = []
    for begin in range(0, len(images), 200):  # which bounds the memory
        part = images[begin : begin + 200].astype("float32")
        windows = np.lib.stride_tricks.sliding_window_view(part, filters.shape[2:], axis=(1, 2))
        windows = windows[:, ::stride, ::stride]  # (n, rows, columns, channels, 5, 5)
        responses = np.maximum(np.tensordot(windows, filters, axes=((3, 4, 5), (1, 2, 3))), 0)
        found.append(np.concatenate([responses.mean(axis=(1, 2)), responses.max(axis=(1, 2))], axis=1))
    return np.concatenate(found).astype("float64")
