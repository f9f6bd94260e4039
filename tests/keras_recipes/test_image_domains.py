import numpy as np
import pytest

from keras_recipes import image_domains
from keras_recipes.image_domains import load_domains, synthetic_shapes


def test_stripes_are_where_they_should_be():
    plain, striped = synthetic_shapes(50, 32, seed=0)
    assert plain.shape == striped.shape == (50, 32, 32, 3)
    assert plain.dtype == striped.dtype == "float32"
    inside = np.ptp(plain, axis=3) > 0.1  # what is coloured, on grey ground
    assert 0.05 < inside.mean() < 0.4
    rows, columns = np.mgrid[:32, :32]
    black, dark = columns // 2 % 2 == 0, rows // 2 % 2 == 0
    factor = np.where(inside, np.where(black, 0, 1), np.where(dark, 0.25, 1))[..., None]
    np.testing.assert_allclose(striped, plain * factor, rtol=1e-6)
    assert plain.min() > 0
    assert plain.max() < 1
    assert (synthetic_shapes(50, 32, seed=1)[0] != plain).any()


@pytest.mark.parametrize(("name", "size", "number"), [("synthetic", 32, 1000), ("synthetic_small", 16, 500)])
def test_domains_hold_no_pairs_and_the_truth_is_known(name, size, number):
    train, test, truth = load_domains(name, seed=0)
    plain, striped = synthetic_shapes(2 * number, size, seed=0)
    np.testing.assert_array_equal(train[0], plain[:number])
    np.testing.assert_array_equal(train[1], striped[number:])
    few = number // 5
    plain, striped = synthetic_shapes(2 * few, size, seed=1)
    for found, expected in zip((*test, *truth), (plain[:few], striped[few:], striped[:few], plain[few:]), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("name", "change"), [("negative", lambda x: 1 - x), ("rotated", lambda x: np.rot90(x))])
def test_digits_of_two_styles(name, change, monkeypatch):
    rng = np.random.default_rng(0)
    digits = [(rng.random((n, 28, 28, 1), "float32"), np.zeros(n, "int32")) for n in (6, 4)]
    monkeypatch.setattr(image_domains, "load_mnist", lambda: digits)
    train, test, truth = load_domains(f"mnist_{name}", seed=0)
    np.testing.assert_array_equal(train[0], digits[0][0][:3])
    np.testing.assert_array_equal(train[1], [change(x) for x in digits[0][0][3:]])
    np.testing.assert_array_equal(truth[0], [change(x) for x in test[0]])
    np.testing.assert_array_equal([change(x) for x in truth[1]], test[1])


def test_two_classes_become_two_domains_of_one_length(tmp_path):
    images = np.arange(30, dtype="uint8")[:, None, None] * np.ones((1, 16, 16), "uint8")
    labels = np.array([0] * 10 + [1] * 20)
    np.savez(tmp_path / "two.npz", images=images, labels=labels)
    (train_a, train_b), (test_a, test_b), truth = load_domains(str(tmp_path / "two.npz"), seed=0)
    assert truth is None
    assert [len(x) for x in (train_a, train_b, test_a, test_b)] == [16, 16, 4, 4]
    number = lambda x: sorted(np.round(x[:, 0, 0, 0] * 255).astype(int).tolist())  # noqa: E731
    assert sorted({*number(train_a), *number(test_a)}) == list(range(10))
    assert sorted(number(train_b) + number(test_b)) == list(range(10, 30))


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((16, 16), 3, "`dataset` must be images of two classes, such as two folders of pictures, received '3 classes'"),
        ((12, 16), 2, r"`dataset` must be images whose sides are multiples of 4, of at least 16, received \(12, 16\)"),
        ((16, 18), 2, r"multiples of 4, of at least 16, received \(16, 18\)"),
    ],
)
def test_other_images_are_value_errors(shape, classes, message, tmp_path):
    images, labels = np.zeros((12, *shape), "uint8"), np.arange(12) % classes
    np.savez(tmp_path / "images.npz", images=images, labels=labels)
    with pytest.raises(ValueError, match=message):
        load_domains(str(tmp_path / "images.npz"), seed=0)
