"""Images for training and for testing, by the name of a public data set, or the user's own."""

import gzip
import tarfile
from pathlib import Path

import numpy as np

from keras_recipes.config import require
from keras_recipes.data import split
from keras_recipes.fetch import fetch
from keras_recipes.image_files import load_image_files
from keras_recipes.image_textures import synthetic_textures
from keras_recipes.images import as_unit_floats, load_images, readable, synthetic_blobs

KNOWN_IMAGES = ("synthetic", "digits", "mnist", "cifar10")
TEXTURES = {"synthetic": (1024, 32, 3), "synthetic_small": (512, 16, 2)}  # number, height and width, classes
MNIST_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
MNIST = {  # file: sha256
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR10_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
DIGITS_URL = "https://raw.githubusercontent.com/scikit-learn/scikit-learn/1.7.2/sklearn/datasets/data/digits.csv.gz"
DIGITS_SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"


def load_image_split(dataset, seed):
    """Images and their classes, in a training and a test part.

    Args:
        dataset: String, "mnist" or "cifar10", in their own splits; "digits", or
            "synthetic" for `synthetic_blobs`, or a path, as for `load_images`, of
            which a fifth is for testing.
        seed: Integer, seed of the split and of the synthetic images.

    Returns:
        Tuple `((train_images, train_labels), (test_images, test_labels))`, as
        `load_images` returns both; without classes labels are None.

    Raises:
        ValueError: As `load_images` does, or if sides are no multiples of 4, or
            there are not 1 or 3 channels.
    """
    if dataset == "mnist":
        return load_mnist()
    if dataset == "cifar10":
        return load_cifar10()
    if dataset == "synthetic":
        images, labels = synthetic_blobs(1024, seed)
    else:
        images, labels = load_digits() if dataset == "digits" else load_images(dataset, KNOWN_IMAGES)
    height, width, channels = images.shape[1:]
    require(height % 4 == width % 4 == 0, "dataset", "images whose sides are multiples of 4", (height, width))
    require(channels in (1, 3), "dataset", "images of 1 or 3 channels", channels)
    order = np.random.default_rng(seed).permutation(len(images))
    if labels is None:
        (train,), (test,) = split([images], order, test_fraction=0.2)
        return (train, None), (test, None)
    return split([images, labels], order, test_fraction=0.2)


def load_class_images(dataset, seed, size=0):
    """Images with classes, as bytes, in a training and a test part.

    Args:
        dataset: String, "synthetic" for `synthetic_textures`, or "synthetic_small" for smaller ones, whose numbers
            are nowhere alike: where many are, the largest of them is one or the other by rounding; or as
            for `load_image_split`, or for `load_image_files`, whose pictures must fit in memory.
        seed: Integer, seed of the split and of the synthetic images.
        size: Integer, height and width to which pictures in files are resized; 0 for those of the first one.

    Returns:
        Tuple `(train, test, classes)`: two pairs of bytes of shape `(n, height,
        width, channels)` and int32 classes of shape `(n,)`, and the list of the names of the classes.

    Raises:
        ValueError: As `load_image_files` and `load_images` do, if images have no
            classes, or if a size is given for images that are not in files.
    """
    in_files = dataset not in (*KNOWN_IMAGES, *TEXTURES) and not str(dataset).endswith(".npz")
    if in_files:
        train, test, classes = load_image_files(dataset, seed, (size, size) if size else None, 0, known=KNOWN_IMAGES)
        parts = [(np.asarray(images), labels) for images, labels in (train, test)]
        return *parts, classes
    require(size == 0, "image_size", "0 for images that are not in files", size)
    if dataset in TEXTURES:
        number, side, num_classes = TEXTURES[dataset]
        images = synthetic_textures(number, side, num_classes, seed)
        train, test = split(images, np.arange(number), test_fraction=0.2)
        return train, test, [f"stripes {which}" for which in range(num_classes)]
    train, test = load_image_split(dataset, seed)
    require(train[1] is not None, "dataset", "images with classes", str(dataset))
    numbers = range(int(max(train[1].max(), test[1].max())) + 1)
    classes = CIFAR10_CLASSES if dataset == "cifar10" else [str(number) for number in numbers]
    parts = [(np.round(255 * images).astype("uint8"), labels) for images, labels in (train, test)]
    return *parts, classes


def load_mnist():
    """MNIST in its own split.

    Returns:
        Tuple `((train_images, train_labels), (test_images, test_labels))`:
        float32 of shape `(n, 28, 28, 1)` in [0, 1], int32 of shape `(n,)`.

    Reference:
        LeCun, Bottou, Bengio and Haffner, 1998, https://doi.org/10.1109/5.726791, section III.
    """
    arrays = [read_idx(fetch(f"mnist/{name}", MNIST_URL + name, sha256)) for name, sha256 in MNIST.items()]
    train_images, train_labels, test_images, test_labels = arrays
    return (
        (as_unit_floats(train_images[..., None]), train_labels.astype("int32")),
        (as_unit_floats(test_images[..., None]), test_labels.astype("int32")),
    )


def load_cifar10():
    """CIFAR-10, small photographs of ten kinds of things, in its own split.

    Returns:
        Tuple `((train_images, train_labels), (test_images, test_labels))`:
        float32 of shape `(n, 32, 32, 3)` in [0, 1], int32 of shape `(n,)`.

    Reference:
        Krizhevsky, 2009, "Learning Multiple Layers of Features from Tiny Images", section 3.
    """
    path = fetch("cifar10/cifar-10-binary.tar.gz", CIFAR10_URL, CIFAR10_SHA256)
    with readable(path), tarfile.open(path) as archive:
        files = {Path(member.name).name: archive.extractfile(member) for member in archive if member.isfile()}
        parts = [[f"data_batch_{i}.bin" for i in range(1, 6)], ["test_batch.bin"]]
        # Of each image its class, then all of its red, all of its green, and all of its blue pixels.
        train, test = (
            np.concatenate([np.frombuffer(files[name].read(), "uint8").reshape(-1, 1 + 3 * 32 * 32) for name in names])
            for names in parts
        )
    return tuple(
        (as_unit_floats(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), rows[:, 0].astype("int32"))
        for rows in (train, test)
    )


def load_digits():
    """Handwritten digits of 8 × 8 pixels: those that scikit-learn brings.

    Returns:
        Tuple `(images, labels)`: float32 of shape `(1797, 8, 8, 1)` in [0, 1], int32 of shape `(1797,)`.

    Reference:
        Alpaydin and Kaynak, 1998, "Optical Recognition of Handwritten Digits",
        UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, its test part.
    """
    path = fetch("digits/digits.csv.gz", DIGITS_URL, DIGITS_SHA256)
    with readable(path):
        rows = np.loadtxt(path, delimiter=",", dtype="int32")  # (n, 8 * 8 + 1), pixels from 0 to 16 and the digit
    return (rows[:, :-1].reshape(-1, 8, 8, 1) / 16).astype("float32"), rows[:, -1]


def read_idx(path):
    """The array of unsigned bytes in a gzipped file of MNIST's `idx` format."""
    with readable(path):
        content = gzip.decompress(Path(path).read_bytes())
    rank = content[3]
    shape = np.frombuffer(content, ">i4", count=rank, offset=4)
    return np.frombuffer(content, "uint8", offset=4 + 4 * rank).reshape(shape)


def condition_on_classes(train, test, conditional):
    """Examples as the input of a model, together with their class if the model is told it.

    Args:
        train: Pair of an array of examples and int32 labels of shape `(n,)`, or None.
        test: Likewise.
        conditional: Boolean, whether the model is told the class.

    Returns:
        Tuple `(train, test, num_classes)` of two pairs and an integer. Each
        pair: the examples, or a tuple of them and the one-hot class, float32 of
        shape `(n, num_classes)`; and the labels, 0 where there are none.

    Raises:
        ValueError: If there are no labels and the model is told the class.
    """
    known = train[1] is not None
    require(known or not conditional, "conditional", "false for examples without classes", conditional)
    num_classes = int(max(train[1].max(), test[1].max())) + 1 if known else 1

    def part(examples, labels):
        labels = labels if known else np.zeros(len(examples), "int32")
        return ((examples, np.eye(num_classes, dtype="float32")[labels]) if conditional else examples), labels

    return part(*train), part(*test), num_classes
