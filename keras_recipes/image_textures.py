"""Planted textures: what they show is how often their stripes repeat, and nothing else."""

import numpy as np

from keras_recipes.config import require


def synthetic_textures(num_images, size, num_classes, seed, several=False):
    """Images with stripes in some direction, whose number across the image is the class.

    Args:
        num_images: Integer of at least 1.
        size: Integer, height and width.
        num_classes: Integer of at least 2.
        seed: Integer, seed of classes, directions, phases, colours and noise.
        several: Boolean, whether an image may show several kinds of stripes, or none.

    Returns:
        Tuple `(images, targets)`: bytes of shape `(n, size, size, 3)`; int32 of
        shape `(n,)`, or with `several` float32 of shape `(n, num_classes)`.

    Raises:
        ValueError: If stripes of a class would be finer than four pixels.
    """
    finest = 2 * 2.0 ** (num_classes - 1)
    require(
        num_classes >= 2 and finest <= size / 4, "num_classes", f"from 2 to what {size} pixels can show", num_classes
    )
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, num_classes, size=num_images)
    there = rng.random((num_images, num_classes)) < 0.4 if several else np.eye(num_classes, dtype=bool)[classes]
    rows, columns = np.mgrid[:size, :size] / size
    frequency = 2 * np.pi * 2 * 2.0 ** np.arange(num_classes)[:, None, None]  # (classes, 1, 1)
    angle, phase = 2 * np.pi * rng.random((2, num_images, num_classes, 1, 1))
    waves = np.sin(frequency * (np.cos(angle) * columns + np.sin(angle) * rows) + phase)  # (n, classes, size, size)
    strength = rng.uniform(0.15, 0.3, size=(num_images, num_classes, 1, 1)) * there[..., None, None]
    grey = (strength * waves).sum(axis=1)[..., None]  # (n, size, size, 1)
    tint = rng.uniform(0.5, 1, size=(num_images, 1, 1, 3))
    noise = 0.05 * rng.standard_normal((num_images, size, size, 3))
    images = np.clip(255 * (0.5 + grey * tint + noise), 0, 255).astype("uint8")
    return images, there.astype("float32") if several else classes.astype("int32")
