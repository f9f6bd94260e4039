import dataclasses

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from keras_recipes.digit_classifier import load_digit_classifier, see
from recipes import gan as recipe
from tests.marks import on_one_backend
from tests.recipes.training import trained

TINY = dataclasses.replace(recipe.TINY, hidden_units=4, batch_size=8)


def first_batch(config, data):
    return keras.tree.map_structure(lambda array: array[: config.batch_size * config.critic_steps], data.train)


@on_one_backend
def test_the_ring_is_found():
    config = dataclasses.replace(recipe.TINY, hidden_units=128, batch_size=128, epochs=25)
    data, model = trained(recipe, config)
    found = recipe.evaluate(model, data, config)
    assert found["modes"] >= 7
    assert found["high_quality"] > 0.5
    assert found["kl"] < 0.2


@on_one_backend
def test_classes_are_obeyed():
    """Each class is one of the eight centres."""
    config = dataclasses.replace(recipe.TINY, conditional=True, hidden_units=64, batch_size=128, epochs=8)
    data, model = trained(recipe, config)
    labels = np.repeat(np.arange(8), 50)
    points = recipe.generate(model, data, np.random.default_rng(0).standard_normal((400, 2)), labels)
    nearest = np.linalg.norm(points[:, None] - data.names["centres"], axis=2).argmin(axis=1)
    assert np.mean(nearest == labels) > 0.95


@on_one_backend
@pytest.mark.parametrize("objective", recipe.OBJECTIVES)
def test_the_critic_learns_before_the_generator_does(objective):
    """With a generator that stands still the critic tells real from fake."""
    config = dataclasses.replace(
        TINY, objective=objective, hidden_units=16, learning_rate=0.0, clip=0.5, penalty_weight=0.1, epochs=2,
        batch_size=128, critic_learning_rate=5e-3,
    )  # fmt: skip
    data, model = trained(recipe, config)
    fake = model.generator.predict(np.random.default_rng(0).standard_normal((500, 2)), verbose=0)
    assert np.median(model.predict(data.test[0], verbose=0)) > np.median(model.critic.predict(fake, verbose=0))


def test_the_critic_makes_its_steps_with_batches_of_their_own():
    config = dataclasses.replace(TINY, critic_steps=3, objective="wgan")
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    model.fit(*first_batch(config, data), batch_size=24, verbose=0)
    steps = {part: int(ops.convert_to_numpy(o.iterations)) for part, o in model.optimizer.parts.items()}
    assert steps == {"critic": 3, "generator": 1}
    weights = np.concatenate([w.numpy().ravel() for w in model.critic.weights])
    assert np.abs(weights).max() <= np.float32(config.clip)
    with pytest.raises(ValueError, match=r"`batch_size` must be at most 12800"):
        recipe.train(model, data, dataclasses.replace(config, batch_size=5000))


@pytest.mark.parametrize("average", [0.0, 0.75])
def test_the_average_follows_the_generator(average):
    config = dataclasses.replace(TINY, average=average)
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    before = [weight.numpy() for weight in model.generator.weights]
    for slow, start in zip(model.average.weights, before, strict=True):
        np.testing.assert_array_equal(slow.numpy(), start)
    model.fit(*first_batch(config, data), batch_size=8, verbose=0)
    for slow, now, start in zip(model.average.weights, model.generator.weights, before, strict=True):
        np.testing.assert_allclose(slow.numpy(), average * start + (1 - average) * now.numpy(), rtol=1e-5, atol=1e-7)
    assert not model.average.trainable_weights


def test_rates_are_of_their_parts_and_decay_to_nothing():
    config = dataclasses.replace(TINY, decay=True, critic_steps=2, batch_size=640, critic_learning_rate=4e-3)
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    rates = {part: optimizer.learning_rate for part, optimizer in model.optimizer.parts.items()}
    assert {part: float(ops.convert_to_numpy(rate)) for part, rate in rates.items()} == {
        "critic": pytest.approx(4e-3), "generator": pytest.approx(1e-3)
    }  # fmt: skip
    recipe.train(model, data, config)
    for optimizer in model.optimizer.optimizers:
        assert float(ops.convert_to_numpy(optimizer.learning_rate)) == pytest.approx(0, abs=1e-7)


@on_one_backend
def test_images_of_ones_own(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(20):
        (tmp_path / str(number % 2)).mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 12, 3), "uint8")).save(tmp_path / str(number % 2) / f"{number}.png")
    config = recipe.Config(dataset=str(tmp_path), latent_dim=2, filters=2, epochs=1, batch_size=8)
    data, model = trained(recipe, config)
    assert data.train[0][0].shape == (16, 8, 12, 3)
    found = recipe.evaluate(model, data, config)
    assert set(found) == {"label_accuracy", "kid", "kid_spread", "fid", "classes", "classifier_accuracy"}
    names = [path.name for path in recipe.show(model, data, config, tmp_path)]
    assert names == ["samples.png", "interpolation.png", "progress.png"]


@on_one_backend
def test_the_classifier_sees_sizes_and_colours_alike():
    """A digit that is drawn larger, or in three channels, keeps its features."""
    images = np.zeros((2, 28, 28, 1), "float32")
    images[0, 4:24, 13:15] = images[1, 6:8, 8:20] = 1
    large = np.repeat(np.repeat(np.repeat(images, 2, axis=1), 2, axis=2), 3, axis=3)
    classifier = load_digit_classifier()
    features, logits = see(classifier, images)
    assert (features.shape, logits.shape) == ((2, 64), (2, 10))
    assert logits[0].argmax() == 1
    for one, other in zip((features, logits), see(classifier, large), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"`images` must be of shape \(n, height, width, channels\)"):
        see(classifier, images[0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"objective": "gan"}, "`objective` must be one of 'dcgan', 'wgan', 'wgan_gp', 'hinge', 'r1'"),
        ({"critic_steps": 0}, "`critic_steps` must be a number of at least 1"),
        ({"average": 1.0}, r"`average` must be in \[0, 1\)"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(ValueError, match=message):
        recipe.Config(**values)
