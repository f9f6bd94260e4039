import numpy as np
from PIL import Image

from keras_recipes.pictures import (
    bar_chart,
    image_grid,
    labelled_points,
    points_by_class,
    predicted_against_true,
    principal_plane,
    training_curves,
)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"), dtype=float)


def test_image_grid_shows_each_image_where_it_belongs(tmp_path):
    rows = np.zeros((2, 3, 8, 8, 1))
    dark = pixels(image_grid(rows, tmp_path / "dark.png", ["first", "second"], "title"))
    rows[0, 2] = 1.0
    bright = pixels(image_grid(rows, tmp_path / "bright.png", ["first", "second"], "title"))
    changed = np.argwhere(np.abs(bright - dark).sum(axis=-1) > 0)
    height, width = dark.shape[:2]
    assert len(changed) > 0.05 * height * width
    assert changed[:, 0].max() < 0.6 * height  # the upper row
    assert changed[:, 1].min() > 0.5 * width  # the last column


def test_image_grid_in_colour_and_out_of_range(tmp_path):
    rows = np.full((1, 2, 8, 8, 3), -1.0)
    rows[..., 0] = 2.0
    drawn = pixels(image_grid(rows, tmp_path / "red.png"))
    assert np.mean(np.all(drawn == [255, 0, 0], axis=-1)) > 0.2


def test_charts_are_drawn(tmp_path):
    points = np.random.default_rng(0).normal(size=(5, 2))
    paths = [
        labelled_points(points, ["a", "$b", "$i_0^_$", "d" * 99, "e"], tmp_path / "points.png"),
        bar_chart(["a", "$b", "$i_0^_$", "d" * 99, "e"], points[:, 0], "bias", tmp_path / "bars.png"),
        points_by_class(points, np.arange(5), ("x", "y"), tmp_path / "classes.png"),
        points_by_class(points, np.zeros(5, int), ("x", "y"), tmp_path / "class.png"),
        points_by_class(points, np.array([0, 1, 30, 2, 3]), ("x", "y"), tmp_path / "many_classes.png"),
        predicted_against_true(points[:, 0], points[:, 1], "rating", tmp_path / "few.png"),
        predicted_against_true(np.arange(50.0), np.arange(50.0), "rating", tmp_path / "many.png"),
        predicted_against_true(np.ones(9), np.arange(9.0), "rating", tmp_path / "one.png"),
        training_curves({"loss": [3, 2, 1.5], "mae": [1, 2, 1], "val_loss": [4, 3, 3]}, tmp_path / "curves.png"),
        training_curves({"critic_loss": [0.5]}, tmp_path / "epoch.png"),
    ]
    assert all(pixels(path).std() > 5 for path in paths)


def test_principal_plane_is_that_of_an_independent_reference():
    from sklearn.decomposition import PCA

    vectors = np.random.default_rng(1).normal(size=(30, 5)) * [5, 3, 1, 1, 1]
    plane = principal_plane(vectors)
    reference = PCA(2).fit_transform(vectors)
    np.testing.assert_allclose(np.abs(plane), np.abs(reference), atol=1e-10)
    np.testing.assert_allclose(principal_plane(-vectors), -plane, atol=1e-10)
    assert principal_plane(vectors[:, :1]).shape == (30, 2)
