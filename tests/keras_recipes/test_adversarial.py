import numpy as np
import pytest
from keras import ops
from scipy.special import expit

from keras_recipes.losses import ADVERSARIAL_LOSSES, critic_loss, generator_loss, gradient_penalty

REAL, FAKE = np.array([[0.5], [-1.0], [2.0]], "float32"), np.array([[-0.5], [3.0]], "float32")


def critic(kind, real, fake, *smoothing):
    return as_float(critic_loss(kind, ops.convert_to_tensor(real), ops.convert_to_tensor(fake), *smoothing))


def generator(kind, fake):
    return as_float(generator_loss(kind, ops.convert_to_tensor(fake)))


def as_float(tensor):
    assert tuple(tensor.shape) == ()
    return float(ops.convert_to_numpy(tensor))


def cross_entropy(scores, target):
    return -np.mean(target * np.log(expit(scores)) + (1 - target) * np.log(1 - expit(scores)))


def test_losses_are_those_of_the_papers():
    assert {kind: critic(kind, REAL, FAKE) for kind in ADVERSARIAL_LOSSES} == {
        "non_saturating": pytest.approx(cross_entropy(REAL, 1) + cross_entropy(FAKE, 0), rel=1e-6),
        "least_squares": pytest.approx((np.mean((REAL - 1) ** 2) + np.mean(FAKE**2)) / 2, rel=1e-6),
        "wasserstein": pytest.approx(np.mean(FAKE) - np.mean(REAL), rel=1e-6),
        "hinge": pytest.approx(np.mean([0.5, 2, 0]) + np.mean([0.5, 4]), rel=1e-6),
    }
    assert {kind: generator(kind, FAKE) for kind in ADVERSARIAL_LOSSES} == {
        "non_saturating": pytest.approx(cross_entropy(FAKE, 1), rel=1e-6),
        "least_squares": pytest.approx(np.mean((FAKE - 1) ** 2) / 2, rel=1e-6),
        "wasserstein": pytest.approx(-np.mean(FAKE), rel=1e-6),
        "hinge": pytest.approx(-np.mean(FAKE), rel=1e-6),
    }


def test_label_smoothing_lowers_the_target_of_what_is_real():
    smooth = {kind: critic(kind, REAL, FAKE, 0.1) for kind in ADVERSARIAL_LOSSES}
    assert smooth["non_saturating"] == pytest.approx(cross_entropy(REAL, 0.9) + cross_entropy(FAKE, 0), rel=1e-6)
    assert smooth["least_squares"] == pytest.approx((np.mean((REAL - 0.9) ** 2) + np.mean(FAKE**2)) / 2, rel=1e-6)
    for kind in ("wasserstein", "hinge"):
        assert smooth[kind] == critic(kind, REAL, FAKE)


def test_gradient_penalty_of_a_known_slope():
    """The critic 3a + 4b has slope 5 everywhere; a² has slope 2a."""
    points = np.array([[1.0, 2.0], [-3.0, 0.5]], "float32")
    plane = lambda x: ops.matmul(x, ops.convert_to_tensor(np.array([[3.0], [4.0]], "float32")))  # noqa: E731
    assert as_float(gradient_penalty(plane, ops.convert_to_tensor(points), norm=1)) == pytest.approx(16, rel=1e-6)
    assert as_float(gradient_penalty(plane, ops.convert_to_tensor(points), norm=0)) == pytest.approx(25, rel=1e-6)
    bowl = lambda x: x[:, :1] ** 2  # noqa: E731
    assert as_float(gradient_penalty(bowl, ops.convert_to_tensor(points), norm=0)) == pytest.approx(20, rel=1e-6)
    images = ops.convert_to_tensor(np.ones((2, 2, 2, 1), "float32"))  # the slope is of a whole example
    assert as_float(gradient_penalty(lambda x: ops.sum(x, axis=(1, 2, 3)), images, norm=0)) == pytest.approx(
        4, rel=1e-6
    )


def test_another_kind_is_an_error():
    for function in (lambda: critic("log", REAL, FAKE), lambda: generator("log", FAKE)):
        with pytest.raises(ValueError, match=r"`kind` must be one of 'non_saturating', .* received 'log'"):
            function()


def test_losses_stay_finite_for_scores_of_any_size():
    huge = np.array([[1e4], [-1e4]], "float32")
    for kind in ADVERSARIAL_LOSSES:
        assert np.isfinite(critic(kind, huge, huge))
        assert np.isfinite(generator(kind, huge))
