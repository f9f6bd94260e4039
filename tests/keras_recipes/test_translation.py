"""What image translation is made of: networks, buffer, schedule and the classifier that judges."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_recipes.layers import ImageBuffer
from keras_recipes.schedules import ConstantThenLinear
from keras_recipes.translation_networks import patch_critic, translation_generator
from tests.marks import on_one_backend


@on_one_backend
def test_the_generator_is_that_of_the_paper():
    """Appendix 7.2: c7s1-64, d128, d256, nine of R256, u128, u64, c7s1-3."""
    model = translation_generator((128, 128, 3), filters=64, residual_blocks=9, name="to_b")
    shapes = [tuple(layer.kernel.shape) for layer in model.layers if hasattr(layer, "kernel")]
    inside = [(3, 3, 256, 256)] * 18
    first, last = [(7, 7, 3, 64), (3, 3, 64, 128), (3, 3, 128, 256)], [(3, 3, 128, 256), (3, 3, 64, 128), (7, 7, 64, 3)]
    assert shapes == first + inside + last
    assert model.output_shape == (None, 128, 128, 3)


@on_one_backend
@pytest.mark.parametrize(("strided_layers", "size"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_sees_a_patch(strided_layers, size):
    model = patch_critic((128, 128, 1), filters=2, strided_layers=strided_layers, name="critic")
    kernels = [(layer.kernel_size[0], layer.strides[0]) for layer in model.layers if hasattr(layer, "kernel")]
    seen, step = 1, 1
    for kernel, stride in kernels:
        seen, step = seen + (kernel - 1) * step, step * stride
    assert seen == size
    assert model.output_shape[1:3] == (128 // 2**strided_layers,) * 2


def test_images_are_normalized_each_by_itself_and_continued_as_in_a_mirror():
    model = translation_generator((16, 16, 1), filters=2, residual_blocks=1, name="to_b")
    x = np.random.default_rng(0).random((3, 16, 16, 1), "float32")
    whole, alone = model.predict(x, verbose=0), model.predict(x[1:2], verbose=0)
    np.testing.assert_allclose(whole[1:2], alone, rtol=1e-4, atol=1e-5)
    inner = keras.Model(model.input, model.get_layer("to_b_first_norm").output)
    found = inner.predict(x, verbose=0)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=(1, 2)), 1, rtol=1e-2)
    kernel = ops.convert_to_numpy(model.get_layer("to_b_first").kernel)[..., 0, 0]
    edges = np.pad(x[0, ..., 0], 3, mode="reflect")
    expected = sum(kernel[i, j] * edges[i : i + 16, j : j + 16] for i in range(7) for j in range(7))
    before = keras.Model(model.input, model.get_layer("to_b_first").output).predict(x, verbose=0)[0, ..., 0]
    np.testing.assert_allclose(before, expected, atol=1e-5)


def test_the_buffer_loses_nothing_and_hands_out_half():
    """Images are numbered by their value: what comes in is either kept or handed out, each image once."""
    buffer, kept, exchanged = ImageBuffer(20, seed=0), set(), 0
    for step in range(100):
        new = np.arange(step * 8, step * 8 + 8)
        images = (new[:, None, None, None] * np.ones((1, 2, 2, 1))).astype("float32")
        out = ops.convert_to_numpy(buffer(images))
        assert (out == out[:, :1, :1]).all()
        handed = set(out[:, 0, 0, 0].astype(int).tolist())
        assert len(handed) == 8
        if len(kept) + 8 <= 20:
            assert handed == set(new.tolist())
            kept |= handed
        elif len(kept) == 20:
            assert handed <= kept | set(new.tolist())
            exchanged += len(handed & kept)
            kept = (kept | set(new.tolist())) - handed
        else:  # what is left of the room
            kept = set(ops.convert_to_numpy(buffer.kept)[:, 0, 0, 0].astype(int).tolist())
        numbers = ops.convert_to_numpy(buffer.kept)[:, 0, 0, 0].astype(int)[: min(20, 8 * step + 8)]
        assert set(numbers.tolist()) == kept
    assert exchanged / (97 * 8) == pytest.approx(0.5, abs=0.06)
    assert len(kept) == 20


def test_the_buffer_is_made_again_from_its_config():
    buffer = ImageBuffer.from_config(ImageBuffer(3, seed=5, name="buffer").get_config())
    assert (buffer.size, buffer.seed, buffer.name) == (3, 5, "buffer")
    with pytest.raises(ValueError, match="`size` must be a number of at least 1, received 0"):
        ImageBuffer(0)


def test_a_rate_stays_and_then_falls():
    schedule = ConstantThenLinear.from_config(ConstantThenLinear(0.4, 10, 30).get_config())
    rates = [float(ops.convert_to_numpy(schedule(step))) for step in (0, 10, 15, 29, 30, 50)]
    np.testing.assert_allclose(rates, [0.4, 0.4, 0.3, 0.02, 0, 0], rtol=1e-6, atol=1e-9)
    for steps in (10, 5):
        with pytest.raises(ValueError, match=f"`constant_steps` must be at least 0 and below steps, {steps}"):
            ConstantThenLinear(0.4, 10, steps)
