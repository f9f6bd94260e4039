import numpy as np
import pytest

from keras_recipes.augmentation import AUGMENTATIONS, Augmentation, SmallAtFirst, ViewBatches, average_of_views, resized

RNG = np.random.default_rng(0)
SQUARE = RNG.integers(0, 256, size=(64, 9, 9, 3)).astype("uint8")
OBLONG = RNG.integers(0, 256, size=(64, 6, 9, 1)).astype("uint8")


def views(augmentation, images, seed=1):
    return augmentation(images, np.random.default_rng(seed))


def shares(images, candidates):
    """How many views are each of some arrays of candidates; each view is exactly one of them."""
    same = np.array([(images == candidate).all(axis=(1, 2, 3)) for candidate in candidates])
    assert (same.sum(axis=0) == 1).all()
    return same.sum(axis=1)


@pytest.mark.parametrize("images", [SQUARE, OBLONG])
def test_flips_half_of_the_images(images):
    found = shares(views(Augmentation(flip="horizontal"), images), [images, images[:, :, ::-1]])
    assert found.min() > 20


def test_squares_lie_in_all_eight_ways():
    ways = [np.rot90(side, k, axes=(1, 2)) for side in (SQUARE, SQUARE[:, :, ::-1]) for k in range(4)]
    assert shares(views(Augmentation(flip="any"), SQUARE), ways).min() >= 1


def test_shifts_by_whole_pixels_into_the_mirror_image():
    padded = np.pad(OBLONG, ((0, 0), (2, 2), (3, 3), (0, 0)), mode="reflect")
    moved = [padded[:, y : y + 6, x : x + 9] for y in range(1, 4) for x in range(1, 6)]
    found = shares(views(Augmentation(shift=0.24), OBLONG), moved)  # by at most 1 of 6 and 2 of 9 pixels
    assert (found > 0).all()


@pytest.mark.parametrize(
    "options",
    [
        {"shift": 0.5},
        {"shift": 0.99},
        {"zoom": 2},
        {"rotation": 45, "zoom": 1.5},
        {"rotation": 180, "zoom": 5, "shift": 0.8},
        {"rotation": 30, "flip": "any", "zoom": 1.5, "shift": 0.3},
    ],
)
@pytest.mark.parametrize("shape", [(9, 9), (6, 20), (20, 6), (1, 1)])
def test_all_that_lies_outside_is_mirrored(options, shape):
    height, width = shape
    white = np.full((200, height, height if "flip" in options else width, 1), 255, "uint8")
    assert views(Augmentation(**options), white).min() == 255


@pytest.mark.parametrize("side", [9, 28, 32, 96])
def test_the_named_ones_mirror_a_third_as_they_always_did(side):
    """So that their views stay what they were, to the bit."""
    assert [one.margin(side, side) for one in AUGMENTATIONS.values()] == [side // 3] * len(AUGMENTATIONS)


def test_turns_and_zooms_around_the_centre():
    rows, columns = np.mgrid[:31, :31] - 15
    disc = np.where(np.hypot(rows, columns) < 8, 255, 0).astype("uint8")[None, ..., None]
    discs = np.repeat(disc, 50, axis=0)
    turned = views(Augmentation(rotation=180), discs)
    assert abs(turned.astype(int) - disc).mean() < 6  # its edge is jagged
    areas = views(Augmentation(zoom=1.5), discs).mean(axis=(1, 2, 3)) / disc.mean()
    assert 1 / 1.5**2 - 0.05 < areas.min() < 0.6
    assert 1.9 < areas.max() < 1.5**2 + 0.1
    assert abs(views(Augmentation(zoom=1.5), discs)[:, 15, 15].astype(int) - 255).max() == 0
    bar = np.where(abs(rows) < 2, 255, 0).astype("uint8")[None, ..., None]
    turned = views(Augmentation(rotation=45), np.repeat(bar, 200, axis=0))
    assert turned[:, 4, 4].max() > 200  # some turn that far, and none farther
    assert turned[:, 1, 15].max() == 0


def test_lights():
    grey = np.full((100, 4, 4, 3), 100, "uint8")
    lit = views(Augmentation(lighting=0.5), grey).astype(int)
    assert 66 <= lit.min() < 75
    assert 135 < lit.max() <= 150
    colours = np.zeros((100, 4, 4, 3), "uint8") + np.array([200, 100, 100], "uint8")
    lit = views(Augmentation(lighting=0.5), colours).astype(float)
    saturation = (lit.max(axis=-1) - lit.min(axis=-1)) / lit.mean(axis=-1)
    assert saturation.max() > 1.2 * 0.75 > 0.75 / 1.2 > saturation.min()


def centres_that_cover(side, length):
    """How many of the places of a side are centres of a length that covers each place."""
    starts = np.arange(side) - length // 2
    return np.array([((starts <= place) & (place < starts + length)).sum() for place in range(side)])


@pytest.mark.parametrize(("images", "height", "width"), [(SQUARE, 3, 3), (OBLONG, 2, 3)])
def test_cutout_covers_one_place_of_any_with_the_mean_colour(images, height, width):
    many = np.repeat(images, 20, axis=0)
    found, covered = views(Augmentation(cutout=0.35), many), np.zeros(images.shape[1:3], int)
    for image, view in zip(many, found, strict=True):
        rows, columns = np.nonzero((view != image).any(axis=-1))
        assert rows.max() - rows.min() < height
        assert columns.max() - columns.min() < width
        place = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
        assert (view[place] == image.mean(axis=(0, 1)).round()).all()
        covered[place] += 1
    # Each pixel is as often a centre; corners are covered, too, as a part may lie outside.
    ways = [centres_that_cover(*sizes) for sizes in zip(covered.shape, (height, width), strict=True)]
    expected = len(many) * np.outer(*ways) / covered.size
    assert (abs(covered - expected) < 5 * np.sqrt(expected)).all()


def test_views_are_of_the_seed_and_of_it_only():
    for augmentation in AUGMENTATIONS.values():
        one = views(augmentation, SQUARE)
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, views(augmentation, SQUARE.copy()))
        assert augmentation == AUGMENTATIONS["none"] or (one != views(augmentation, SQUARE, seed=2)).any()
    np.testing.assert_array_equal(views(AUGMENTATIONS["none"], SQUARE), SQUARE)


def test_channels_move_together():
    grey = np.repeat(SQUARE[..., :1], 3, axis=-1)
    four = np.repeat(SQUARE[..., :1], 4, axis=-1)
    augmentation = Augmentation(rotation=20, zoom=1.2, shift=0.2, flip="any")
    np.testing.assert_array_equal(views(augmentation, four)[..., :3], views(augmentation, grey))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"rotation": 181}, "rotation"),
        ({"zoom": 0.5}, "zoom"),
        ({"shift": 1.0}, "shift"),
        ({"flip": "vertical"}, "flip"),
        ({"lighting": -1}, "lighting"),
        ({"cutout": 1.0}, "cutout"),
    ],
)
def test_refuses(options, named):
    with pytest.raises(ValueError, match=f"`{named}` must be"):
        Augmentation(**options)


def test_refuses_images_that_it_would_spoil():
    with pytest.raises(ValueError, match="`images` must be bytes, received 'float32'"):
        views(Augmentation(), SQUARE.astype("float32"))
    with pytest.raises(ValueError, match=r"square for flips of 'any' kind, received \(6, 9\)"):
        views(Augmentation(flip="any"), OBLONG)


def test_small_at_first():
    small = SmallAtFirst(Augmentation(), 3, epochs=2)
    assert [small(SQUARE, RNG, epoch).shape[1:3] for epoch in range(4)] == [(3, 3), (3, 3), (9, 9), (9, 9)]


def test_resized_takes_averages():
    blocks = np.kron(RNG.integers(0, 256, size=(4, 4)), np.ones((4, 4))).astype("uint8")
    small = resized(np.stack([blocks, blocks])[..., None], 4)
    assert small.shape == (2, 4, 4, 1)
    truth = blocks.reshape(4, 4, 4, 4).mean(axis=(1, 3))
    assert np.corrcoef(small[0].ravel(), truth.ravel())[0, 1] > 0.95


def test_average_of_views():
    def predict(images):
        return images.reshape(len(images), -1)[:, :2].astype(float)

    flip = Augmentation(flip="horizontal")
    plain = predict(SQUARE)
    rngs = [np.random.default_rng([5, view]) for view in range(3)]
    others = np.mean([predict(flip(SQUARE, rng)) for rng in rngs], axis=0)
    found = average_of_views(predict, SQUARE, flip, views=3, weight=0.75, seed=5)
    np.testing.assert_allclose(found, 0.25 * plain + 0.75 * others)
    np.testing.assert_array_equal(average_of_views(predict, SQUARE, flip, views=0), plain)
    np.testing.assert_array_equal(average_of_views(predict, SQUARE, Augmentation(cutout=0.9)), plain)  # as they are
    for options, named in (({"views": -1}, "views"), ({"weight": 1.5}, "weight")):
        with pytest.raises(ValueError, match=f"`{named}` must be"):
            average_of_views(predict, SQUARE, flip, **options)


def moved(x, rng, epoch):
    return x + 100 * epoch + rng.integers(1, 50, size=x.shape)


def test_views_are_drawn_anew_in_each_batch_and_epoch_wherever_training_begins():
    arrays = np.arange(0, 10_000, 1000), np.arange(10)
    one, other = (ViewBatches(arrays, 3, [2, 5], moved) for _ in range(2))
    first = [one[index] for index in range(4)]
    draws = [x - 1000 * y for x, y in first]
    assert all((draw > 0).all() and (draw < 50).all() for draw in draws)
    assert len({tuple(draw) for draw in draws[:3]}) == 3
    np.testing.assert_array_equal(one[2][0], first[2][0])  # whatever came before
    stacks = list(other.stacks(max_steps=2))
    assert [len(stack[0]) for stack in stacks] == [2, 1, 1]
    for place in (0, 1):
        flat = np.concatenate([array for stack in stacks for array in stack[place]])
        np.testing.assert_array_equal(flat, np.concatenate([batch[place] for batch in first]))
    one.on_epoch_end()  # as Keras does before the first epoch
    assert (one[0][0] - 1000 * one[0][1] < 50).all()
    one.on_epoch_end()
    other.skip_epochs(2)
    np.testing.assert_array_equal(one[0][0], other[0][0])
    assert (one[0][0] - 1000 * one[0][1] > 100).all()
    assert list(one[0][0] - 1000 * one[0][1] - 100) != list(draws[0])
