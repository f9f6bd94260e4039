import numpy as np
import pytest
from PIL import Image

from keras_recipes.images import load_images, synthetic_blobs


def save(path, size, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(path)


def test_folder_of_class_folders(tmp_path):
    save(tmp_path / "dogs" / "b.png", (8, 4), (255, 0, 0))
    save(tmp_path / "cats" / "a.png", (8, 4), (0, 255, 0))
    save(tmp_path / "cats" / "c.png", (8, 4), 51)
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    images, labels = load_images(str(tmp_path))
    assert images.shape == (3, 4, 8, 3)
    assert images.dtype == np.float32
    assert list(labels) == [0, 0, 1]
    np.testing.assert_allclose(images[:, 0, 0], [[0, 1, 0], [0.2, 0.2, 0.2], [1, 0, 0]], atol=1e-6)


def test_flat_folder_of_grey_pictures(tmp_path):
    save(tmp_path / "1.png", (4, 4), 0)
    save(tmp_path / "2.jpg", (4, 4), 255)
    images, labels = load_images(str(tmp_path))
    assert images.shape == (2, 4, 4, 1)
    assert labels is None


@pytest.mark.parametrize("shape", [(3, 4, 8), (3, 4, 8, 3)])
def test_npz_of_bytes_and_of_floats(shape, tmp_path):
    numbers = np.random.default_rng(0).integers(0, 256, size=shape).astype("uint8")
    np.savez(tmp_path / "bytes.npz", images=numbers, labels=np.array(["b", "a", "b"]))
    images, labels = load_images(str(tmp_path / "bytes.npz"))
    assert images.shape == (3, 4, 8, shape[3] if len(shape) == 4 else 1)
    assert list(labels) == [1, 0, 1]
    np.savez(tmp_path / "floats.npz", images=numbers / 255)
    again, labels = load_images(str(tmp_path / "floats.npz"))
    assert labels is None
    np.testing.assert_allclose(again, images, atol=1e-6)


def test_images_of_different_sizes_are_named(tmp_path):
    save(tmp_path / "1.png", (4, 4), 0)
    save(tmp_path / "2.png", (4, 6), 0)
    with pytest.raises(ValueError, match=r"pictures of one size, \(4, 4\) as 1.png, received '2.png \(6, 4\)'"):
        load_images(str(tmp_path))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((2, 4, 4), "float32") + np.nan}, r"`images` must be bytes, or floats in \[0, 1\]"),
        ({"images": np.full((2, 4, 4), 2.0)}, r"`images` must be bytes, or floats in \[0, 1\], received \[2.0, 2.0\]"),
        ({"images": np.zeros((2, 4))}, "`images` must be of shape"),
        ({"images": np.zeros((0, 4, 4))}, r"`images` must be of shape .*, received \(0, 4, 4\)"),
        ({"images": np.zeros((2, 0, 4))}, r"`images` must be of shape .*, received \(2, 0, 4\)"),
        ({"images": np.array(1.0)}, r"`images` must be of shape .*, received \(\)"),
        ({"images": np.zeros((2, 4, 4)), "labels": np.zeros(3)}, r"`labels` must be of shape \(2,\), received \(3,\)"),
        ({"pictures": np.zeros((2, 4, 4))}, "an .npz file with an array `images`"),
    ],
)
def test_bad_npz_is_a_value_error(arrays, message, tmp_path):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_images(str(tmp_path / "mine.npz"))


def test_pictures_of_sixteen_bits_are_refused(tmp_path):
    Image.fromarray(np.full((4, 4), 40000, "uint16")).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"pictures of 8 bits per channel, received 'deep.png I;16'"):
        load_images(str(tmp_path))


def test_other_files_and_empty_folders_are_value_errors(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="a folder with pictures"):
        load_images(str(tmp_path / "empty"))
    with pytest.raises(ValueError, match="must be 'mine', a folder of pictures"):
        load_images(str(tmp_path / "none"), ["mine"])


def test_broken_files_are_value_errors_that_name_them(tmp_path):
    np.savez(tmp_path / "whole.npz", images=np.zeros((2, 4, 4)))
    np.save(tmp_path / "array.npy", np.zeros((2, 4, 4)))
    (tmp_path / "text.npz").write_text("no arrays")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "half.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:200])
    for name in ("text.npz", "empty.npz", "half.npz", "array.npy"):
        with pytest.raises(ValueError, match=r"array `images`|a file that can be read"):
            load_images(str(tmp_path / name))
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"a file that can be read, received .*broken.png"):
        load_images(str(tmp_path / "pictures"))


def test_hidden_folders_are_no_classes_and_loose_pictures_beside_classes_are_refused(tmp_path):
    save(tmp_path / "1.png", (4, 4), 0)
    (tmp_path / ".checkpoints").mkdir()
    assert load_images(str(tmp_path))[1] is None
    save(tmp_path / "cats" / "2.png", (4, 4), 0)
    with pytest.raises(ValueError, match=r"one of class folders only, received \['1.png'\]"):
        load_images(str(tmp_path))


def test_synthetic_blobs_are_dots_of_two_sizes():
    images, labels = synthetic_blobs(50, seed=0)
    assert images.shape == (50, 28, 28, 1)
    assert images.min() == np.float32(1e-30)  # numbers below 1e-38 are 0 to XLA, and not to PyTorch
    assert images.max() <= 1
    weight = images.sum(axis=(1, 2, 3))  # the integral of a Gaussian bell: 2 π r²
    np.testing.assert_allclose(weight[labels == 0], 2 * np.pi * 4, rtol=0.05)
    assert weight[labels == 1].min() > 2 * weight[labels == 0].max()
