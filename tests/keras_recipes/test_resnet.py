import keras
import numpy as np
import pytest
from keras import ops

from keras_recipes.layers import GlobalConcatPooling2D
from keras_recipes.resnet import adapt_first_layer, resnet, resnet9
from tests.marks import on_one_backend
from tests.weights import count


def parameters(depth, **options):
    """Trainable weights of a network with a head for ImageNet."""
    model = resnet((None, None, 3), depth, **options)
    return count(model.trainable_weights) + (model.output_shape[-1] + 1) * 1000


@on_one_backend
@pytest.mark.parametrize(("depth", "number"), [(18, 11_689_512), (34, 21_797_672), (50, 25_557_032)])
def test_has_as_many_weights_as_torchvisions(depth, number):
    assert parameters(depth) == number


@pytest.mark.parametrize(("stem", "size"), [("large", 2), ("small", 8)])
def test_stages_shrink_the_image(stem, size):
    model = resnet((64, 64, 3), 18, filters=4, stem=stem)
    assert model.output_shape == (None, size, size, 32)
    stages = [model.get_layer(f"resnet_stage{number}").output.shape for number in (1, 2, 3, 4)]
    assert [shape[-1] for shape in stages] == [4, 8, 16, 32]
    assert [shape[1] for shape in stages] == [8 * size, 4 * size, 2 * size, size]


@on_one_backend
def test_a_bottleneck_strides_where_it_looks_around():
    convolutions = [layer for layer in resnet((64, 64, 3), 50, filters=4).layers if layer.name.endswith("conv1")]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert sum(layer.strides == (2, 2) for layer in convolutions) == 3


@pytest.mark.parametrize("depth", [18, 50])
def test_blocks_begin_as_what_goes_around_them(depth):
    model = resnet((32, 32, 3), depth, filters=4, stem="small")
    parts = {layer.name: layer for layer in model.layers}
    block = "resnet_stage1_block1"
    inner = keras.Model(model.input, [parts["resnet_stage1_relu0"].output, parts[f"{block}_sum"].output])
    images = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
    before, after = inner.predict(images, verbose=0)
    np.testing.assert_array_equal(before, after)
    assert before.std() > 0
    assert not any(layer.use_bias for layer in model.layers if isinstance(layer, keras.layers.Conv2D))


@on_one_backend
def test_nine_layers_have_as_many_weights_as_pages():
    """6,563,520 of convolutions and 4,480 of batch normalization; his head for ten classes has no bias."""
    model = resnet9((None, None, 3))
    assert count(model.trainable_weights) + 512 * 10 == 6_573_120
    assert not any(layer.use_bias for layer in model.layers if isinstance(layer, keras.layers.Conv2D))


def test_nine_layers_go_around_in_the_first_and_the_last_stage():
    model = resnet9((32, 24, 3), filters=4)
    parts = {layer.name: layer.output for layer in model.layers}
    stages = [parts[f"resnet9_stage{number}"] for number in (1, 2, 3)]
    assert [stage.shape for stage in stages] == [(None, 16, 12, 8), (None, 8, 6, 16), (None, 4, 3, 32)]
    assert model.output_shape == (None, 4, 3, 32)
    names = [f"resnet9_stage{stage}_{part}" for stage in (1, 3) for part in ("pool", "inner1_relu")]
    inner = keras.Model(model.input, [parts[name] for name in names] + [stages[0], stages[2]])
    images = np.random.default_rng(0).random((2, 32, 24, 3), "float32")
    around1, inner1, around3, inner3, first, last = inner.predict(images, verbose=0)
    assert min(inner1.std(), inner3.std()) > 0
    np.testing.assert_allclose(first, around1 + inner1, rtol=1e-6)
    np.testing.assert_allclose(last, around3 + inner3, rtol=1e-6)


def test_pooling_is_that_of_numpy():
    x = np.random.default_rng(0).normal(size=(3, 5, 4, 2)).astype("float32")
    layer = GlobalConcatPooling2D()
    expected = np.concatenate([x.max(axis=(1, 2)), x.mean(axis=(1, 2))], axis=1)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-5, atol=1e-6)
    assert layer.compute_output_shape((None, 5, 4, 2)) == (None, 4)


def test_first_layers_for_other_channels():
    rng = np.random.default_rng(0)
    kernel, grey = rng.normal(size=(3, 3, 3, 8)), rng.random((1, 6, 6, 1))

    def response(images, kernel):
        return ops.convert_to_numpy(ops.conv(images.astype("float32"), kernel.astype("float32"), padding="valid"))

    expected = response(np.repeat(grey, 3, axis=3), kernel)
    np.testing.assert_allclose(response(grey, adapt_first_layer(kernel, 1)), expected, rtol=1e-4, atol=1e-5)
    # Two channels alike count as much as three.
    two = adapt_first_layer(np.repeat(kernel[:, :, :1], 3, axis=2), 2)
    np.testing.assert_allclose(two.sum(axis=2), 3 * kernel[:, :, 0], rtol=1e-9)
    colours = rng.random((1, 6, 6, 5))
    five = response(colours, adapt_first_layer(kernel, 5))
    np.testing.assert_allclose(five, response(colours[..., :3], kernel), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(adapt_first_layer(kernel, 3), kernel)


def test_bad_arguments():
    with pytest.raises(ValueError, match="`depth` must be one of 10, 18, 34, 50, received 20"):
        resnet((32, 32, 3), 20)
    with pytest.raises(ValueError, match="`stem` must be one of 'large', 'small', received 'tiny'"):
        resnet((32, 32, 3), 18, stem="tiny")
    with pytest.raises(ValueError, match=r"`input_shape` must be .* at least 8, received \(7, 32, 3\)"):
        resnet9((7, 32, 3))
    with pytest.raises(ValueError, match=r"`kernel` must be of shape \(height, width, 3, filters\)"):
        adapt_first_layer(np.zeros((3, 3, 1, 8)), 2)
    with pytest.raises(ValueError, match="`channels` must be an integer of at least 1"):
        adapt_first_layer(np.zeros((3, 3, 3, 8)), 0)
