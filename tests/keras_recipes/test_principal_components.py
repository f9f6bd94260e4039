import numpy as np
import pytest

from keras_recipes.principal_components import largest_principal_angle, principal_components


@pytest.mark.parametrize("shape", [(5000, 6), (40, 6), (6, 40)], ids=["chunks", "many", "few"])
def test_components_are_those_of_an_independent_reference(shape):
    from sklearn.decomposition import PCA

    vectors = np.random.default_rng(1).normal(size=shape) * np.linspace(3, 1, shape[1]) + 7
    mean, components = principal_components(vectors.astype("float32"), 3)
    reference = PCA(3, svd_solver="full").fit(vectors.astype("float32").astype("float64"))
    np.testing.assert_allclose(mean, reference.mean_, rtol=1e-12)
    np.testing.assert_allclose(np.abs(components @ reference.components_.T), np.eye(3), atol=1e-8)


def test_there_are_no_more_components_than_dimensions():
    vectors = np.random.default_rng(2).normal(size=(50, 4))
    _, components = principal_components(vectors, 9)
    np.testing.assert_allclose(components @ components.T, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("degrees", [0.0, 1e-9, 0.5, 45.0, 89.9, 90.0])
def test_angle_of_planes_turned_by_a_known_one(degrees):
    turn = np.radians(degrees)
    plane = np.eye(5)[:2]
    turned = np.stack([np.eye(5)[0], np.cos(turn) * np.eye(5)[1] + np.sin(turn) * np.eye(5)[3]])
    mixed = np.array([[2.0, 1.0], [-3.0, 0.5]]) @ turned  # another basis of the same plane
    assert largest_principal_angle(plane, mixed) == pytest.approx(degrees, rel=1e-5, abs=1e-12)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    assert largest_principal_angle(mixed @ rotation, plane @ rotation) == pytest.approx(degrees, rel=1e-5, abs=1e-10)
