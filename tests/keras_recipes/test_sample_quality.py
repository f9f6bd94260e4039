import numpy as np
import pytest
import scipy.linalg
from sklearn.metrics.pairwise import polynomial_kernel

from keras_recipes.sample_quality import frechet_distance, kernel_distance

RNG = np.random.default_rng(0)
ONE, OTHER = RNG.normal(size=(300, 5)), RNG.normal(1, 2, size=(400, 5))


def test_frechet_distance_of_known_normal_distributions():
    """Two sets whose means and covariances are exact: |m|² + Σ (s - t)²."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    scale = np.sqrt((len(signs) - 1) / len(signs))  # so that the covariance is that of s and t
    one, other = scale * signs * [1, 2, 3], scale * signs * [2, 2, 5] + [3, 0, 4]
    assert frechet_distance(one, other) == pytest.approx(25 + 1 + 0 + 4, rel=1e-12)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-12)


def test_frechet_distance_against_the_root_of_the_product():
    covariances = [np.cov(array, rowvar=False) for array in (ONE, OTHER)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((ONE.mean(0) - OTHER.mean(0)) ** 2) + np.trace(sum(covariances) - 2 * root)
    assert frechet_distance(ONE, OTHER) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(OTHER, ONE) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_against_scikit_learn():
    """With subsets as large as the smaller set, of one set each subset is all of it."""
    one, other = ONE[:50], OTHER[:50]
    kernels = [polynomial_kernel(x, y, degree=3, coef0=1) for x, y in ((one, one), (other, other), (one, other))]
    off = [kernel.sum() - np.trace(kernel) for kernel in kernels[:2]]
    expected = sum(off) / (50 * 49) - 2 * kernels[2].mean()
    mean, spread = kernel_distance(one, other, subset_size=50)
    assert mean == pytest.approx(expected, rel=1e-9)
    assert spread == pytest.approx(0, abs=1e-9)


def test_kernel_distance_is_unbiased_and_tells_its_spread():
    same = [kernel_distance(*RNG.normal(size=(2, 200, 4)), subset_size=50, seed=i)[0] for i in range(20)]
    assert abs(np.mean(same)) < 3 * np.std(same) / 20**0.5
    mean, spread = kernel_distance(ONE, OTHER, subset_size=50)
    assert 0 < spread < mean
    assert kernel_distance(ONE, OTHER, subset_size=50) == (mean, spread)


@pytest.mark.parametrize("function", [frechet_distance, kernel_distance])
@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (ONE[0], OTHER, r"`one` must be of shape \(n, features\)"),
        (ONE, OTHER[:1], r"`other` must be of shape \(n, features\), n at least 2, received \(1, 5\)"),
        (ONE, OTHER[:, :4], "`other` must be of 5 features, received 4"),
        (ONE * np.nan, OTHER, "`one` must be finite"),
    ],
)
def test_bad_input(function, one, other, message):
    with pytest.raises(ValueError, match=message):
        function(one, other)
