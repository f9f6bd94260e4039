"""Principal component analysis, and how far two subspaces are apart, in NumPy."""

import numpy as np


def principal_components(vectors, number):
    """The directions in which vectors differ most.

    Args:
        vectors: Float array of shape `(n, dim)`.
        number: Integer of at least 1, how many directions.

    Returns:
        Tuple `(mean, components)`, float64 of shapes `(dim,)` and `(number, dim)`,
        or fewer rows if `n` or `dim` is less. Rows are orthonormal, those with
        the largest variance first.
    """
    mean = np.mean(vectors, axis=0, dtype="float64")
    if len(vectors) <= vectors.shape[1]:
        _, _, components = np.linalg.svd(vectors - mean, full_matrices=False)
        return mean, components[:number]
    scatter = np.zeros((len(mean), len(mean)))
    for begin in range(0, len(vectors), 4096):  # few at a time: a float64 copy of all of them may be large
        centred = vectors[begin : begin + 4096] - mean
        scatter += centred.T @ centred
    _, directions = np.linalg.eigh(scatter)  # (dim, dim), those with the smallest variance first
    return mean, directions[:, ::-1].T[:number]


def largest_principal_angle(one, other):
    """How far two subspaces are apart: the largest of their principal angles.

    Args:
        one: Float array of shape `(k, dim)` with `k` at most `dim`, whose rows
            span the first subspace.
        other: Float array of the same shape, for the second one.

    Returns:
        Float in [0, 90], in degrees. From its sine, which is exact for small
        angles, where the cosine is not.

    Reference:
        Björck and Golub, 1973, https://doi.org/10.1090/S0025-5718-1973-0348991-3.
    """
    first, second = (np.linalg.qr(np.asarray(rows, dtype="float64").T)[0] for rows in (one, other))  # (dim, k)
    outside = second - first @ (first.T @ second)  # (dim, k), what of the second one lies outside the first one
    return float(np.degrees(np.arcsin(min(1.0, np.linalg.norm(outside, 2)))))
