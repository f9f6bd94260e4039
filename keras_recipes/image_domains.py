"""Two sets of images that are to be translated into each other, and pairs to judge by where they are known."""

import numpy as np

from keras_recipes.config import require
from keras_recipes.data import split
from keras_recipes.image_datasets import load_mnist
from keras_recipes.images import load_images

KNOWN_DOMAINS = ("synthetic", "synthetic_small", "mnist_negative", "mnist_rotated")


def load_domains(dataset, seed):
    """Images of two domains, unpaired, in a training and a test part.

    Args:
        dataset: String, "synthetic" for `synthetic_shapes`, or "synthetic_small" for
            fewer of half their size; "mnist_negative" or "mnist_rotated" for digits and
            other digits with light and dark exchanged, or turned by 90 degrees to the
            left; or a path of a folder with two folders of pictures, or of an `.npz` file
            with labels of two classes, as for `load_images`, a fifth for testing.
        seed: Integer, seed of the split and of the synthetic images.

    Returns:
        Tuple `(train, test, truth)`: two pairs of float32 arrays of shape
        `(n, height, width, channels)` in [0, 1], an array per domain, of one
        length, for which the images of the smaller domain are repeated; and a
        pair of what the test images are in the other domain, or None.

    Raises:
        ValueError: As `load_images` does, if there are not two classes, or if
            sides are no multiples of 4 of at least 16.
    """
    if dataset in KNOWN_DOMAINS:
        train, test, truth = known_domains(dataset, seed)
    else:
        train, test = domains_of_classes(*load_images(dataset, KNOWN_DOMAINS), seed)
        truth = None
    height, width = train[0].shape[1:3]
    sides = height % 4 == width % 4 == 0 and min(height, width) >= 16
    require(sides, "dataset", "images whose sides are multiples of 4, of at least 16", (height, width))
    return even(train), even(test), truth


def known_domains(dataset, seed):
    """Training and test images of two domains between which a mapping is known, and the test images mapped."""
    if dataset.startswith("synthetic"):
        size, numbers = (16, (1000, 200)) if dataset == "synthetic_small" else (32, (2000, 400))
        shapes = [synthetic_shapes(number, size, seed + i) for i, number in enumerate(numbers)]
    else:
        turn = dataset == "mnist_rotated"
        change = (lambda x: np.ascontiguousarray(np.rot90(x, axes=(1, 2)))) if turn else (lambda x: 1 - x)
        shapes = [(images, change(images)) for images, _ in load_mnist()]
    # The first half of the images shows its one side only, the second half its other one: no pairs.
    (train_a, train_b), (test_a, test_b) = (halves(*sides) for sides in shapes)
    return (train_a[0], train_b[1]), (test_a[0], test_b[1]), (test_b[0], test_a[1])


def halves(a, b):
    """Both sides of the images, cut in the middle."""
    middle = len(a) // 2
    return (a[:middle], a[middle:]), (b[:middle], b[middle:])


def domains_of_classes(images, labels, seed):
    """Training and test images of two classes, a fifth of each for testing."""
    found = 0 if labels is None else int(labels.max()) + 1
    require(found == 2, "dataset", "images of two classes, such as two folders of pictures", f"{found} classes")
    rng = np.random.default_rng(seed)
    parts = [split([x], rng.permutation(len(x)), test_fraction=0.2) for x in (images[labels == 0], images[labels == 1])]
    return tuple(train for (train,), _ in parts), tuple(test for _, (test,) in parts)


def even(domains):
    """Both domains with as many images as the larger one has, those of the other one repeated."""
    longest = max(map(len, domains))
    return tuple(np.resize(images, (longest, *images.shape[1:])) for images in domains)


def synthetic_shapes(num_images, size, seed):
    """Plain orange discs, squares and triangles on light ground, and the same ones with stripes.

    All are orange, because any exchange of colours, or of kinds that differ in colour, would be a mapping as good.

    Args:
        num_images: Integer of at least 1.
        size: Integer, height and width.
        seed: Integer, seed of kinds, places, sizes, shades and light.

    Returns:
        Pair `(plain, striped)` of float32 arrays of shape `(n, size, size, 3)`
        in [0, 1]: two sides of the same things. In the striped ones every second
        pair of columns of a shape is black, and every second pair of rows of the ground dark.
    """
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, size=(num_images, 1, 1))
    centre = size * rng.uniform(0.35, 0.65, size=(2, num_images, 1, 1))
    radius = size * rng.uniform(0.2, 0.3, size=(num_images, 1, 1))
    rows, columns = np.mgrid[:size, :size]
    down, right = rows - centre[0], columns - centre[1]  # (n, size, size)
    square = np.maximum(abs(down), abs(right)) <= 0.85 * radius
    triangle = (down <= 0.7 * radius) & (2 * abs(right) <= down + radius)
    inside = np.choose(kind, [np.hypot(down, right) <= radius, square, triangle])[..., None]  # (n, size, size, 1)
    colour = np.array([1.0, 0.5, 0.1]) * rng.uniform(0.6, 1, size=(num_images, 1, 1, 1))
    ground = rng.uniform(0.8, 0.95, size=(num_images, 1, 1, 1))
    # Light from one side, so that no two pixels are alike.
    angle = rng.uniform(0, 2 * np.pi, size=(num_images, 1, 1))
    light = 0.9 + 0.1 * (np.cos(angle) * (columns / size - 0.5) + np.sin(angle) * (rows / size - 0.5))
    plain = np.where(inside, colour, ground) * light[..., None]
    upright, level = ((side // 2 % 2)[..., None] for side in (columns, rows))  # (size, size, 1)
    striped = plain * np.where(inside, upright, np.maximum(level, 0.25))
    return plain.astype("float32"), striped.astype("float32")
