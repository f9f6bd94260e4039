import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from keras_recipes.image_datasets import DIGITS_SHA256, load_cifar10, load_digits, load_image_split, load_mnist


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(gzip.compress(header + array.astype("uint8").tobytes()))


def test_mnist_files(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    rng = np.random.default_rng(0)
    bytes_of = {}
    for part, num in (("train", 5), ("t10k", 3)):
        bytes_of[part] = rng.integers(0, 256, size=(num, 28, 28)), rng.integers(0, 10, size=num)
        write_idx(tmp_path / "mnist" / f"{part}-images-idx3-ubyte.gz", bytes_of[part][0])
        write_idx(tmp_path / "mnist" / f"{part}-labels-idx1-ubyte.gz", bytes_of[part][1])
    for (images, labels), part in zip(load_mnist(), ("train", "t10k"), strict=True):
        assert images.dtype == np.float32
        np.testing.assert_allclose(images[..., 0] * 255, bytes_of[part][0], atol=1e-4)
        np.testing.assert_array_equal(labels, bytes_of[part][1])


def write_cifar10(path, images, labels):
    """The archive of the original, of a few images: a class and then the colours' planes, one image after the other."""
    path.parent.mkdir()
    rows = np.concatenate([labels[:, None], images.transpose(0, 3, 1, 2).reshape(len(images), -1)], axis=1)
    with tarfile.open(path, "w:gz") as archive:
        names = ["test_batch", *(f"data_batch_{i}" for i in (3, 1, 5, 2, 4))]  # in another order, as the original
        for name, content in zip(names, np.split(rows.astype("uint8"), 6), strict=True):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = content.size
            archive.addfile(member, io.BytesIO(content.tobytes()))


def test_cifar10_archive(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, size=(18, 32, 32, 3)), rng.integers(0, 10, size=18)
    write_cifar10(tmp_path / "cifar10" / "cifar-10-binary.tar.gz", images, labels)
    train, test = load_cifar10()
    order = np.concatenate([np.arange(i, i + 3) for i in (6, 12, 3, 15, 9)])  # of data_batch_1 to 5
    for (found, classes), part in ((train, order), (test, np.arange(3))):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found * 255, images[part], atol=1e-4)
        np.testing.assert_array_equal(classes, labels[part])
    assert [len(part) for part, _ in load_image_split("cifar10", 0)] == [15, 3]


def test_broken_downloads_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"a file that can be read, received .*train-images"):
        load_mnist()
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"a file that can be read, received .*cifar-10-binary.tar.gz"):
        load_cifar10()
    with tarfile.open(tmp_path / "cifar10" / "cifar-10-binary.tar.gz", "w:gz"):
        pass
    with pytest.raises(ValueError, match=r"a file that can be read, received .*data_batch_1.bin"):
        load_cifar10()


def test_digits_are_those_of_scikit_learn(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    (tmp_path / "digits").mkdir()
    original = Path(sklearn.datasets.__file__).with_name("data") / "digits.csv.gz"
    (tmp_path / "digits" / "digits.csv.gz").write_bytes(original.read_bytes())
    images, labels = load_digits()
    assert images.dtype == np.float32
    reference = sklearn.datasets.load_digits()
    np.testing.assert_array_equal(images[..., 0] * 16, reference.images)
    np.testing.assert_array_equal(labels, reference.target)
    (train, classes), (test, _) = load_image_split("digits", 0)
    assert (len(train), len(test), set(classes)) == (1437, 360, set(range(10)))


def test_the_sum_of_the_digits_is_that_of_the_file():
    original = Path(sklearn.datasets.__file__).with_name("data") / "digits.csv.gz"
    assert hashlib.sha256(original.read_bytes()).hexdigest() == DIGITS_SHA256


def test_an_unknown_name_is_a_value_error():
    expected = (
        "must be 'synthetic', 'digits', 'mnist', 'cifar10', a folder of pictures, or an .npz file, received 'cifar'"
    )
    with pytest.raises(ValueError, match=expected):
        load_image_split("cifar", 0)
