"""Points of the plane around known centres: what a generative model must find, and how to tell."""

import numpy as np

from keras_recipes.config import require

MIXTURES = ("synthetic", "synthetic_ring", "synthetic_grid")


def synthetic_mixture(name, num_points, seed):
    """Draw from equally likely normal distributions in the plane, of standard deviation 0.05.

    Args:
        name: String, "synthetic_ring", or "synthetic" for short, for 8 on a circle of
            radius 2; "synthetic_grid" for 25 on a grid of distance 1.
        num_points: Integer of at least 1.
        seed: Integer, seed of the draw.

    Returns:
        Tuple `(points, labels, centres)`: float32 of shape `(n, 2)`, int32 of
        shape `(n,)`, which tells the centre of each point, and float64 of shape
        `(centres, 2)`.

    Raises:
        ValueError: For another name.

    Reference:
        Both mixtures: Lin, Khetan, Fanti and Oh, 2018,
        https://arxiv.org/abs/1712.04086, section 4.1, there at other scales.
    """
    require(name in MIXTURES, "dataset", "one of " + ", ".join(map(repr, MIXTURES)), name)
    if name == "synthetic_grid":
        line = np.arange(-2.0, 3.0)
        centres = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    else:
        angle = 2 * np.pi * np.arange(8) / 8
        centres = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(centres), size=num_points)
    points = centres[labels] + STANDARD_DEVIATION * rng.standard_normal((num_points, 2))
    return points.astype("float32"), labels.astype("int32"), centres


STANDARD_DEVIATION = 0.05  # of each normal distribution


def mixture_quality(points, centres):
    """How many of the centres were found, and how many of the points lie where they should.

    Args:
        points: Float array of shape `(n, 2)`.
        centres: Float array of shape `(centres, 2)`.

    Returns:
        Dict of floats: `high_quality`, the share of the points within three
        standard deviations of a centre (0.989 for the mixture itself);
        `modes`, the number of centres that have such points; and `kl`, the Kullback-Leibler divergence,
        in nats, of these points' distribution over the centres from a uniform one.

    Reference:
        Srivastava, Valkov, Russell, Gutmann and Sutton, 2017 (VEEGAN),
        https://arxiv.org/abs/1705.07761, section 4.1.
    """
    distance = np.linalg.norm(np.asarray(points, "float64")[:, None] - centres, axis=2)  # (n, centres)
    near = distance.min(axis=1) <= 3 * STANDARD_DEVIATION
    counts = np.bincount(distance.argmin(axis=1)[near], minlength=len(centres))
    shares = counts[counts > 0] / max(1, counts.sum())
    kl = float(np.sum(shares * np.log(shares * len(centres)))) if counts.sum() else float(np.log(len(centres)))
    return {"high_quality": float(np.mean(near)), "modes": float(np.sum(counts > 0)), "kl": kl}
