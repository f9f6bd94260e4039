import numpy as np
import pytest

from keras_recipes.points import STANDARD_DEVIATION, mixture_quality, synthetic_mixture


@pytest.mark.parametrize(("name", "number", "radius"), [("synthetic", 8, 2.0), ("synthetic_grid", 25, 8**0.5)])
def test_points_lie_around_their_centres(name, number, radius):
    points, labels, centres = synthetic_mixture(name, 20000, seed=0)
    assert (points.dtype, labels.dtype, centres.shape) == ("float32", "int32", (number, 2))
    assert np.linalg.norm(centres, axis=1).max() == pytest.approx(radius)
    assert np.bincount(labels).min() > 0.8 * 20000 / number
    assert np.std(points - centres[labels]) == pytest.approx(STANDARD_DEVIATION, rel=0.02)
    apart = np.linalg.norm(centres[:, None] - centres, axis=2)
    assert apart[apart > 0].min() > 10 * STANDARD_DEVIATION
    assert (synthetic_mixture(name, 20000, seed=0)[0] == points).all()
    assert (synthetic_mixture(name, 20000, seed=1)[0] != points).any()


def test_the_mixture_itself_is_of_high_quality():
    points, _, centres = synthetic_mixture("synthetic_ring", 20000, seed=0)
    found = mixture_quality(points, centres)
    assert found["modes"] == 8
    assert found["high_quality"] == pytest.approx(1 - np.exp(-4.5), abs=0.003)  # of a normal distribution in the plane
    assert found["kl"] == pytest.approx(0, abs=0.002)


def test_what_is_missed_counts():
    _, _, centres = synthetic_mixture("synthetic_grid", 1, seed=0)
    far = centres[:4] + np.array([0, 3.1 * STANDARD_DEVIATION])
    near = centres[4:6] + np.array([2.9 * STANDARD_DEVIATION, 0])
    found = mixture_quality(np.concatenate([far, near]), centres)
    assert found == {"high_quality": pytest.approx(1 / 3), "modes": 2.0, "kl": pytest.approx(np.log(25 / 2))}
    assert mixture_quality(far, centres) == {"high_quality": 0.0, "modes": 0.0, "kl": pytest.approx(np.log(25))}


def test_another_name_is_an_error():
    with pytest.raises(ValueError, match="`dataset` must be one of 'synthetic', 'synthetic_ring', 'synthetic_grid'"):
        synthetic_mixture("spiral", 10, seed=0)
