import dataclasses

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from keras_recipes.losses import ADVERSARIAL_LOSSES
from recipes import cyclegan as recipe
from tests.marks import on_one_backend
from tests.recipes.training import trained

TINY = dataclasses.replace(
    recipe.PRESETS["smoke"], learning_rate=5e-3, filters=1, residual_blocks=0, batch_size=4, buffer_size=4
)


def model_of(config):
    data = recipe.load_data(config)
    return recipe.build_model(config, data), data


def first_images(data, number):
    return tuple(images[:number] for images in data.train[0])


@on_one_backend
def test_the_mapping_is_found_without_a_pair():
    """Stripes that are blurred, or missing, are further off than half of what the images themselves are."""
    config = dataclasses.replace(recipe.PRESETS["smoke"], filters=4, batch_size=8, epochs=2, learning_rate=5e-3)
    data, model = trained(recipe, config)
    found = recipe.evaluate(model, data, config)
    assert found["error"] < found["identity_error"] / 2
    assert found["cycle_error"] < found["identity_error"] / 3
    assert found["in_target_domain"] > 0.95
    assert found["classifier_accuracy"] > 0.95


def numpy_distance(one, other):
    return np.mean(np.abs(ops.convert_to_numpy(one) - ops.convert_to_numpy(other)))


@on_one_backend
def test_losses_are_those_of_the_paper():
    """Equations 1 to 3, and that of section 5.2, from the networks' outputs."""
    model, data = model_of(dataclasses.replace(TINY, cycle_weight=3.0, identity_weight=2.0))
    a, b = first_images(data, 4)
    fake_b, fake_a = model.to_b(a), model.to_a(b)
    loss, cycle, *fakes = (ops.convert_to_numpy(x) for x in model.translation_loss(a, b, training=False))
    np.testing.assert_allclose(fakes[0], ops.convert_to_numpy(fake_a), atol=1e-6)
    np.testing.assert_allclose(fakes[1], ops.convert_to_numpy(fake_b), atol=1e-6)
    assert cycle == pytest.approx(
        numpy_distance(model.to_a(fake_b), a) + numpy_distance(model.to_b(fake_a), b), rel=1e-5
    )
    kept = numpy_distance(model.to_b(b), b) + numpy_distance(model.to_a(a), a)
    scores = {name: ops.convert_to_numpy(x) for name, x in
              {"fake_b": model.critic_b(fake_b), "fake_a": model.critic_a(fake_a),
               "b": model.critic_b(b), "a": model.critic_a(a)}.items()}  # fmt: skip
    fooled = sum(np.mean((scores[name] - 1) ** 2) / 2 for name in ("fake_b", "fake_a"))
    assert loss == pytest.approx(fooled + 3 * cycle + 2 * kept, rel=1e-5)
    judged = sum(np.mean((scores[name] - 1) ** 2) + np.mean(scores["fake_" + name] ** 2) for name in "ab") / 2
    assert ops.convert_to_numpy(model.judgement_loss((a, b), (fake_a, fake_b))) == pytest.approx(judged, rel=1e-5)


@on_one_backend  # losses have tests of their own
@pytest.mark.parametrize("kind", ADVERSARIAL_LOSSES)
def test_critics_learn_to_tell_translations(kind):
    """With generators that stand still."""
    model, data = model_of(
        dataclasses.replace(TINY, filters=4, adversarial_loss=kind, identity_weight=0.0, buffer_size=0)
    )
    model.compile({"generators": keras.optimizers.SGD(0.0), "critics": keras.optimizers.Adam(1e-2)})
    images, target = first_images(data, 128), data.train[1][:128]
    model.fit(images, target, batch_size=8, epochs=2, verbose=0)
    fakes = recipe.translate(model, images)[::-1]
    for critic, real, fake in zip(model.critics, images, fakes, strict=True):
        assert critic.predict(real, verbose=0).mean() > critic.predict(fake, verbose=0).mean()


def test_critics_see_translations_of_earlier_steps():
    model, data = model_of(TINY)
    batch = (first_images(data, 4), data.train[1][:4], None)
    kept = []
    for training in (False, True, False):
        model.step(batch, training)
        kept.append([ops.convert_to_numpy(buffer.kept) for buffer in model.buffers])
    fake_b, fake_a = model(batch[0])
    for empty, filled, later, fake in zip(*kept, (fake_a, fake_b), strict=True):
        np.testing.assert_array_equal(empty, 0)
        np.testing.assert_allclose(filled, ops.convert_to_numpy(fake), atol=1e-6)
        np.testing.assert_array_equal(later, filled)


def test_rates_stay_and_then_fall():
    config = dataclasses.replace(TINY, epochs=2, batch_size=250, buffer_size=0, constant_share=0.25)
    model, _ = model_of(config)  # 500 images of each domain: 4 steps
    rate = model.optimizer.parts["critics"]._learning_rate
    rates = [float(ops.convert_to_numpy(rate(step))) for step in range(5)]
    np.testing.assert_allclose(rates, 5e-3 * np.array([1, 1, 2 / 3, 1 / 3, 0]), rtol=1e-6)


@on_one_backend
def test_two_folders(tmp_path):
    rng = np.random.default_rng(0)
    for name, number in (("cats", 10), ("dogs", 20)):
        (tmp_path / name).mkdir()
        for i in range(number):
            Image.fromarray(rng.integers(0, 256, (16, 20, 3), "uint8")).save(tmp_path / name / f"{i}.png")
    config = dataclasses.replace(TINY, dataset=str(tmp_path))
    model, data = model_of(config)
    assert [images.shape for images in data.train[0]] == [(16, 16, 20, 3)] * 2  # 8 cats, each of them twice
    assert set(recipe.evaluate(model, data, config)) == {"cycle_error", "in_target_domain", "classifier_accuracy"}
    names = [path.name for path in recipe.show(model, data, config, tmp_path)]
    assert names == ["translations.png"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"adversarial_loss": "gan"}, "`adversarial_loss` must be one of 'non_saturating', 'least_squares'"),
        ({"buffer_size": 3}, "`buffer_size` must be 0, or at least `batch_size`, 4, received 3"),
        ({"constant_share": 1.0}, r"`constant_share` must be in \[0, 1\)"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(ValueError, match=message):
        recipe.Config(**values)
