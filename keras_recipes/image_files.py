"""Pictures in files, read when they are needed: a folder may be larger than the memory."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from keras_recipes.config import require
from keras_recipes.fetch import fetch_folder
from keras_recipes.images import SUFFIXES, readable

FAST_AI = "https://s3.amazonaws.com/fast-ai-sample/"
ARCHIVES = {  # name: (address, sum), https://github.com/fastai/fastai/blob/main/fastai/data/checks.txt
    "mnist_sample": (
        "https://s3.amazonaws.com/fast-ai-sample/mnist_sample.tgz",
        "md5:2dbc7ec6f9259b583af0072c55816a88",
    ),
    "cats_dogs": (f"{FAST_AI}dogscats.tgz", "md5:3e483c8d6ef2175e9d395a6027eb92b7"),
}
TRAIN_FOLDERS = ("train", "training", "training_set")
TEST_FOLDERS = ("test", "testing", "test_set", "valid", "val", "validation")
YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


class ImageFiles:
    """Pictures that look like an array of bytes, and are read from their files where they are looked at.

    Args:
        files: Sequence of `Path`.
        size: Tuple of integers, `(height, width)`; see `read_fitted`.
        channels: Integer, 1 or 3.

    Attributes:
        shape: Tuple `(n, height, width, channels)`.
        dtype: `numpy.uint8`.
        nbytes: Integer, the bytes that all of them would need.
    """

    def __init__(self, files, size, channels=3):
        self.files, self.size, self.channels = list(files), tuple(size), channels
        self.shape, self.dtype = (len(self.files), *self.size, channels), np.dtype("uint8")
        self.nbytes = int(np.prod(self.shape))

    def __len__(self):
        return len(self.files)

    def __getitem__(self, rows):
        """Array of bytes of shape `(…, height, width, channels)` for a slice or an integer array of shape `(…)`."""
        rows = np.arange(len(self))[rows]
        with ThreadPoolExecutor() as pool:
            pictures = list(pool.map(lambda row: read_fitted(self.files[row], self.size, self.channels), rows.ravel()))
        return np.stack(pictures).reshape(*rows.shape, *self.shape[1:])

    def __array__(self, dtype=None, copy=None):
        """All of them, in memory."""
        return self[:].astype(dtype or self.dtype)


def read_fitted(file, size, channels):
    """A picture as bytes of a size, resized so far that it covers it; what juts out on two sides is cut off.

    Args:
        file: `Path`.
        size: Tuple of integers, `(height, width)`.
        channels: Integer, 1 or 3.

    Returns:
        Array of bytes of shape `(height, width, channels)`.

    Raises:
        ValueError: If it can't be read.
    """
    with readable(file), Image.open(file) as picture:
        picture.draft(None, size[::-1])  # a photograph is read as small as will do
        upright = ImageOps.exif_transpose(picture).convert("L" if channels == 1 else "RGB")
        array = np.asarray(ImageOps.fit(upright, size[::-1], Image.Resampling.BILINEAR))
    return array.reshape(*size, channels)


def load_image_files(dataset, seed, size=None, channels=3, task="multi_class", known=()):
    """Pictures of a folder and their classes, in a training and a test part.

    Args:
        dataset: String, "mnist_sample" or "cats_dogs"; or a path. Of a folder with
            a folder of pictures per class, or with such folders for
            training and for testing (`train`, and `test` or `valid`, whichever holds
            some). Or of a CSV file with names of pictures, relative to it, in its first
            column, and their classes in its second one; a column `is_valid` may say which
            ones are for testing ("true", "yes" or "1"). Where nothing says so, a fifth is.
        seed: Integer, seed of the split.
        size: Tuple of integers, `(height, width)`, or None for that of the first picture.
        channels: Integer, 1 or 3; 0 for that of the first picture.
        task: String, "multi_class", or "multi_label" for several classes, separated by spaces, per picture.
        known: Sequence of strings, what else could have been asked for, for the error.

    Returns:
        Tuple `(train, test, classes)`: two pairs of `ImageFiles` and targets,
        int32 of shape `(n,)`, or float32 of shape `(n, classes)` for several
        per picture; and the list of the names of the classes.

    Raises:
        ValueError: If the path does not exist or holds no pictures for training or for
            testing, or too few classes; or if a file can't be read.
    """
    files, labels, for_test = find_files(dataset, known)
    stored = [channels_of(file) for file in files]
    size, channels = size or upright_size(files[0]), channels or stored[0]
    targets, classes = targets_of(labels, task)
    if for_test is None:
        order = np.random.default_rng(seed).permutation(len(files))
        train, test = np.split(order, [int(0.8 * len(files))])
    else:
        train, test = np.flatnonzero(~for_test), np.flatnonzero(for_test)
    numbers = f"{len(train)} and {len(test)} in {dataset}"
    require(len(train) > 0 and len(test) > 0, "dataset", "pictures for training and for testing", numbers)
    parts = [(ImageFiles([files[row] for row in rows], size, channels), targets[rows]) for rows in (train, test)]
    return *parts, classes


def find_files(dataset, known):
    """Files of `load_image_files`, a list of labels for each, and which of them are for testing, or None."""
    expected = ", ".join(
        [*map(repr, [*known, *ARCHIVES]), "a folder of class folders, or a CSV file of files and labels"]
    )
    path = fetch_folder(f"{dataset}/{dataset}", *ARCHIVES[dataset]) if dataset in ARCHIVES else Path(dataset)
    is_table = path.is_file() and path.suffix.lower() == ".csv"
    require(str(dataset) != "" and (is_table or path.is_dir()), "dataset", expected, str(dataset))
    files, labels, for_test = read_table(path) if is_table else read_class_folders(path)
    require(len(files) > 0, "dataset", "pictures (" + " ".join(SUFFIXES) + ") in folders of their classes", str(path))
    return files, labels, for_test


def in_batches(function, images, size=100):
    """What a function makes of pictures, of which only some are in memory at a time.

    Args:
        function: Function from bytes of shape `(n, height, width, channels)` to an array of shape `(n, …)`.
        images: `ImageFiles`, or an array.
        size: Integer of at least 1, how many at a time; a last batch of fewer is filled up with its first picture,
            so that the function is compiled for one shape.

    Returns:
        Array of shape `(len(images), …)`.
    """
    size, found = min(size, len(images)), []
    for start in range(0, len(images), size):
        some = images[start : start + size]
        filled = np.concatenate([some, np.repeat(some[:1], size - len(some), axis=0)])
        found.append(function(filled)[: len(some)])
    return np.concatenate(found)


def read_class_folders(folder):
    """Files, a list of one label for each, and which of them are for testing, or None."""
    parts = [[folder / name for name in names if (folder / name).is_dir()] for names in (TRAIN_FOLDERS, TEST_FOLDERS)]
    is_split = all(parts)
    found = [
        next(filter(None, map(pictures_of_classes, places)), [])  # a folder of pictures without classes is passed over
        for places in (parts if is_split else [[folder]])
    ]
    files = [file for pictures in found for file in pictures]
    labels = [[file.parent.name] for file in files]
    return files, labels, np.arange(len(files)) >= len(found[0]) if is_split else None


def pictures_of_classes(folder):
    """The pictures in the folders of a folder, sorted."""
    return [
        file
        for place in sorted(folder.iterdir())
        if place.is_dir() and not place.name.startswith(".")
        for file in sorted(place.iterdir())
        if file.suffix.lower() in SUFFIXES
    ]


def read_table(path):
    """The same of a CSV file with a header."""
    with readable(path), path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    require(len(header) > 1, "dataset", "a CSV file with columns of files and of labels", header)
    short = [row for row in rows if len(row) != len(header)]
    require(not short, "dataset", f"a CSV file with {len(header)} columns in each row", short[:1])
    files = [file_of(path.parent / row[0]) for row in rows]
    labels = [row[1].replace(";", " ").split() for row in rows]
    if "is_valid" not in header:
        return files, labels, None
    words = [row[header.index("is_valid")].strip().lower() for row in rows]
    unknown = sorted(set(words) - set(YES_OR_NO))
    require(not unknown, "dataset", f"a CSV file whose `is_valid` is one of {list(YES_OR_NO)}", unknown[:3])
    return files, labels, np.array([YES_OR_NO[word] for word in words], bool)


def file_of(path):
    """A file that may have been named without its suffix."""
    candidates = [path, *(path.with_name(path.name + suffix) for suffix in SUFFIXES)]
    existing = [candidate for candidate in candidates if candidate.is_file()]
    require(len(existing) > 0, "dataset", "a CSV file of files that exist", str(path))
    return existing[0]


def channels_of(file):
    """Channels of a picture, without reading all of it."""
    with readable(file), Image.open(file) as picture:
        mode = picture.mode
    require(not mode.startswith(("I", "F")), "dataset", "pictures of 8 bits per channel", f"{file.name} {mode}")
    return 1 if mode in ("1", "L") else 3


def upright_size(file):
    """Height and width of a picture as it is read, which a photograph may be stored across."""
    with readable(file), Image.open(file) as picture:
        upright = ImageOps.exif_transpose(picture)
    return upright.height, upright.width


def targets_of(labels, task):
    """Targets for lists of labels, and the names of the classes, sorted."""
    classes = sorted({label for several in labels for label in several})
    fewest = 1 if task == "multi_label" else 2
    require(len(classes) >= fewest, "dataset", f"pictures of classes, {fewest} or more", classes)
    numbers = {label: number for number, label in enumerate(classes)}
    if task == "multi_label":
        targets = np.zeros((len(labels), len(classes)), "float32")
        for row, several in enumerate(labels):
            targets[row, [numbers[label] for label in several]] = 1
        return targets, classes
    wrong = [several for several in labels if len(several) != 1]
    require(not wrong, "task", "'multi_label' for pictures that have not one class each", wrong[:1])
    return np.array([numbers[label] for (label,) in labels], "int32"), classes
