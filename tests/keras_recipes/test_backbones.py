import re

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_recipes.backbones import backbone, cut_groups, pixel_scaling, preprocessing, put_arrays
from keras_recipes.fetch import data_folder
from keras_recipes.layers import PixelScaling
from keras_recipes.squeezenet import squeezenet
from tests.marks import on_one_backend
from tests.weights import count

PIXELS = np.random.default_rng(0).uniform(0, 255, size=(2, 5, 4, 3)).astype("float32")


@pytest.mark.parametrize("module", ["vgg16", "mobilenet", "densenet", "efficientnet"])  # each kind that there is
def test_scales_pixels_as_keras_does(module):
    preprocess = getattr(keras.applications, module).preprocess_input
    layer = PixelScaling(*pixel_scaling(preprocess))
    np.testing.assert_allclose(np.asarray(layer(PIXELS)), preprocess(PIXELS.copy()), rtol=1e-5, atol=1e-4)
    again = PixelScaling.from_config(layer.get_config())
    np.testing.assert_array_equal(np.asarray(again(PIXELS)), np.asarray(layer(PIXELS)))


RANGES = {  # what black and white become in the first channel
    "ConvNeXt|EfficientNet|MobileNetV3": (0, 255),
    "DenseNet": (-0.485 / 0.229, (1 - 0.485) / 0.229),
    r"Inception|MobileNet(V2)?$|NASNet|ResNet\d+V2|Xception": (-1, 1),
    r"ResNet\d+$|VGG": (-103.939, 255 - 103.939),
}
APPLICATIONS = sorted(name for name, value in vars(keras.applications).items() if callable(value))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_knows_what_each_network_of_keras_takes(name):
    matrix, black = pixel_scaling(preprocessing(name))
    [expected] = [pair for names, pair in RANGES.items() if re.match(names, name)]
    assert (black[0], black[0] + 255 * matrix[:, 0].sum()) == pytest.approx(expected, rel=1e-4)


@on_one_backend
def test_mobilenet_v3_scales_bytes_itself():
    scaling, network = backbone("MobileNetV3Small", "", 0.25)
    np.testing.assert_array_equal(np.asarray(scaling(PIXELS)), PIXELS)
    inside = next(layer for layer in network.layers if isinstance(layer, keras.layers.Rescaling))
    np.testing.assert_allclose(np.asarray(inside(PIXELS)), PIXELS / 127.5 - 1, rtol=1e-5, atol=1e-5)


def features(scaling, network):
    images = np.random.default_rng(1).uniform(0, 255, size=(1, 64, 64, 3)).astype("float32")
    return keras.ops.convert_to_numpy(network(scaling(images), training=False))


@on_one_backend
@pytest.mark.parametrize(
    ("name", "width", "channels"),
    [
        pytest.param("MobileNet", 0.25, 256, marks=on_one_backend),
        pytest.param("MobileNetV3Small", 0.25, 144, marks=on_one_backend),
        pytest.param("squeezenet", 1.0, 512, marks=on_one_backend),
        ("resnet10", 0.0625, 32),
    ],
)
def test_networks_make_features(name, width, channels):
    found = features(*backbone(name, "", width))
    assert found.shape[-1] == channels
    assert np.isfinite(found).all()


@on_one_backend
@pytest.mark.filterwarnings("ignore:Skipping nested container")  # what Keras says first of other shapes
def test_weights_of_keras_come_from_its_file(tmp_path):
    path = str(tmp_path / "some.weights.h5")
    one = keras.applications.MobileNet(alpha=0.25, include_top=False, weights=None, input_shape=(None, None, 3))
    one.save_weights(path)
    scaling, other = backbone("MobileNet", path, 0.25)
    np.testing.assert_array_equal(features(scaling, one), features(scaling, other))
    (tmp_path / "broken.weights.h5").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"a file that can be read, received '.*broken.weights"):
        backbone("MobileNet", str(tmp_path / "broken.weights.h5"), 0.25)
    with pytest.raises(ValueError, match=r"a file that can be read, received '.*shape"):
        backbone("MobileNet", path, 0.5)


def renamed(path):
    """As Keras 2 called kernels of depthwise convolutions."""
    return path.replace("depthwise/kernel", "depthwise/depthwise_kernel")


@on_one_backend
def test_weights_come_from_arrays_by_name(tmp_path):
    scaling, one = backbone("MobileNetV2", "", 0.35)
    arrays = {weight.path: np.asarray(weight.numpy()) for weight in one.weights}
    np.savez(tmp_path / "some.npz", **{renamed(path): array for path, array in arrays.items()})
    _, other = backbone("MobileNetV2", str(tmp_path / "some.npz"), 0.35)
    np.testing.assert_array_equal(features(scaling, one), features(scaling, other))
    with pytest.raises(ValueError, match=r"all weights of .*, received \"one without \['Conv1/kernel'"):
        backbone("MobileNetV2", str(tmp_path / "some.npz"), 1.0)  # of other shapes


@on_one_backend
def test_weights_of_a_run_may_hold_more(tmp_path):
    _, one = backbone("resnet10", "", 0.0625)
    arrays = {weight.path: np.array(weight.numpy()) for weight in one.weights}
    save_file({**arrays, "head/kernel": np.zeros((2, 2), "float32")}, tmp_path / "weights.safetensors")
    _, other = backbone("resnet10", str(tmp_path / "weights.safetensors"), 0.0625)
    for weight in other.weights:
        np.testing.assert_array_equal(np.asarray(weight.numpy()), arrays[weight.path])


def write_squeezenet(path, model):
    """A file of weights as keras-squeezenet publishes it."""
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for layer in (layer for layer in model.layers if layer.weights):
            group = file.create_group(layer.name.replace("_", "/", 1))
            kernel, bias = (np.asarray(weight.numpy()) for weight in layer.weights)
            group[f"{layer.name}_b"], group["uniform7"] = bias, kernel


@on_one_backend
def test_squeezenet_reads_its_file(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    one = squeezenet()
    for layer in (layer for layer in one.layers if layer.weights):
        layer.set_weights([np.random.default_rng(0).normal(size=w.shape) * 0.1 for w in layer.get_weights()])
    write_squeezenet(data_folder() / "weights" / "squeezenet.h5", one)
    scaling, other = backbone("squeezenet", "imagenet")
    np.testing.assert_array_equal(features(scaling, one), features(scaling, other))
    (tmp_path / "broken.h5").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="a file that can be read"):
        squeezenet(str(tmp_path / "broken.h5"))


@on_one_backend
def test_squeezenet_has_as_many_weights_as_torchvisions():
    assert count(squeezenet().weights) == 1_235_496 - (512 + 1) * 1000


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("NoNet",), "`backbone` must be a network of keras.applications, or one of squeezenet"),
        (("MobileNet", "no/such.h5"), "`weights` must be 'imagenet', the path of a file, or ''"),
        (("resnet10", "imagenet"), "`weights` must be '' or the weights of a run"),
        (("VGG16", "", 0.5), "`width` must be 1 for 'VGG16'"),
        (("squeezenet", "", 0.25), "`width` must be 1 for 'squeezenet'"),
        (("MobileNet", "", 0.0), "`width` must be above 0"),
    ],
)
def test_refuses(arguments, named):
    with pytest.raises(ValueError, match=named):
        backbone(*arguments)


def test_cuts_a_network_in_parts_and_the_head():
    x = inputs = keras.Input((4,))
    for number in range(5):
        x = keras.layers.ReLU()(keras.layers.Dense(4, name=f"layer{number}")(x))
    network, head = keras.Model(inputs, x), [keras.layers.Dropout(0.5), keras.layers.Dense(2, name="last")]
    head[1].build((None, 4))
    names = [[layer.name for layer in group] for group in cut_groups(network, head)]
    assert names == [["layer0", "layer1"], ["layer2", "layer3", "layer4"], ["last"]]
    with pytest.raises(ValueError, match="`parts` must be from 1 to 5"):
        cut_groups(network, head, 6)


@pytest.mark.parametrize("name", ["some.npz", "weights.safetensors"])
def test_put_arrays_refuses_what_it_can_not_read(name, tmp_path):
    (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(ValueError, match=f"file that can be read, received .*{name}"):
        put_arrays(squeezenet(), str(tmp_path / name))
