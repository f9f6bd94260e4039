"""Images as arrays: a folder of pictures, an `.npz` file, or planted ones."""

import contextlib
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from keras_recipes.config import require

ARCHIVE_ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error)
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff")


@contextlib.contextmanager
def readable(path):
    """Turn what readers raise about a broken file into a ValueError that names it."""
    try:
        yield
    except (OSError, EOFError, KeyError, TypeError, ValueError, *ARCHIVE_ERRORS) as error:
        require(False, "dataset", "a file that can be read", f"{path}: {error}")


def load_images(path, known=()):
    """Read the user's own images.

    Args:
        path: String, a folder of pictures, or of one folder of pictures per
            class (sorted by name); or an `.npz` file that holds `images` of
            shape `(n, height, width)` or `(n, height, width, channels)`, bytes
            or floats in [0, 1], and, if known, `labels` of shape `(n,)`.
        known: Sequence of strings, what else could have been asked for, for the error.

    Returns:
        Tuple `(images, labels)`: float32 of shape `(n, height, width, channels)`
        in [0, 1], and int32 of shape `(n,)` counted from 0, or None.

    Raises:
        ValueError: If the path does not exist or holds no images, if images
            differ in size, or if values are not finite or outside [0, 1].
    """
    expected = ", ".join([*map(repr, known), "a folder of pictures, or an .npz file"])
    require(Path(path).exists() and str(path) != "", "dataset", expected, str(path))
    images, labels = read_folder(Path(path)) if Path(path).is_dir() else read_npz(Path(path))
    images = as_unit_floats(images)
    inside = bool(np.all((images >= 0) & (images <= 1)))  # false for NaN
    require(inside, "images", "bytes, or floats in [0, 1]", [float(images.min()), float(images.max())])
    return images, labels


def read_folder(folder):
    """Images and labels, or None, of a folder; one channel if all pictures are grey, else three."""
    visible = sorted(child for child in folder.iterdir() if not child.name.startswith("."))
    classes = [child for child in visible if child.is_dir()]
    loose = [child.name for child in visible if child.suffix.lower() in SUFFIXES]
    require(not (classes and loose), "dataset", "a folder of pictures, or one of class folders only", loose[:1])
    found = [(file, label) for label, place in enumerate(classes or [folder]) for file in sorted(place.iterdir())]
    found = [(file, label) for file, label in found if file.suffix.lower() in SUFFIXES]
    require(len(found) > 0, "dataset", "a folder with pictures (" + " ".join(SUFFIXES) + ")", str(folder))
    pictures = [read_picture(file) for file, _ in found]
    size = pictures[0].shape[:2]
    for (file, _), picture in zip(found, pictures, strict=True):
        expected = f"pictures of one size, {size} as {found[0][0].name}"
        require(picture.shape[:2] == size, "dataset", expected, f"{file.name} {picture.shape[:2]}")
    channels = max(picture.shape[2] for picture in pictures)
    images = np.stack([np.broadcast_to(picture, (*size, channels)) for picture in pictures])
    return images, np.array([label for _, label in found], "int32") if classes else None


def read_picture(file):
    """A picture as bytes of shape `(height, width, channels)`: 1 channel if it is grey, else 3."""
    with readable(file), Image.open(file) as picture:
        mode = picture.mode
        array = np.asarray(picture.convert("L" if mode in ("1", "L") else "RGB"))
    require(not mode.startswith(("I", "F")), "dataset", "pictures of 8 bits per channel", f"{file.name} {mode}")
    return array[..., None] if array.ndim == 2 else array


def read_npz(path):
    """Images and labels, or None, of an `.npz` file."""
    require(zipfile.is_zipfile(path), "dataset", "an .npz file with an array `images`", str(path))
    with readable(path), path.open("rb") as file:
        loaded = np.load(file)
        arrays = {name: loaded[name] for name in ("images", "labels") if name in loaded}
    require("images" in arrays, "dataset", "an .npz file with an array `images`", str(path))
    images, labels = arrays["images"], arrays.get("labels")
    require(
        images.ndim in (3, 4) and images.size > 0, "images", "of shape (n, height, width[, channels])", images.shape
    )
    images = images[..., None] if images.ndim == 3 else images
    if labels is not None:
        require(labels.shape == images.shape[:1], "labels", f"of shape ({len(images)},)", labels.shape)
        labels = np.unique(labels, return_inverse=True)[1].astype("int32")
    return images, labels


def as_unit_floats(images):
    """Bytes scaled from 0–255 to [0, 1]; floats as they are; float32."""
    return images.astype("float32") / np.float32(255) if images.dtype == np.uint8 else images.astype("float32")


def synthetic_blobs(num_images, seed):
    """Blurred dots somewhere in the image, of two sizes: two numbers and a class tell all.

    Args:
        num_images: Integer of at least 1.
        seed: Integer, seed of places and sizes.

    Returns:
        Tuple `(images, labels)`: float32 of shape `(n, 28, 28, 1)` in (0, 1];
        int32 of shape `(n,)`, 0 for small dots and 1 for large ones.
    """
    rng = np.random.default_rng(seed)
    centre = rng.uniform(7, 21, size=(num_images, 2, 1, 1))
    labels = rng.integers(0, 2, size=num_images)
    radius = np.where(labels == 1, 4.0, 2.0)[:, None, None]
    rows, columns = np.mgrid[:28, :28]
    distance = (rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2  # (n, 28, 28)
    images = np.maximum(np.exp(-distance / (2 * radius**2)), 1e-30)  # XLA takes numbers below 1e-38 for 0
    return images[..., None].astype("float32"), labels.astype("int32")
