"""Networks that have learned to see, by name, without what they were taught to say."""

import inspect
import itertools
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from keras_recipes.config import require
from keras_recipes.images import readable
from keras_recipes.layers import PixelScaling
from keras_recipes.resnet import RESNETS, resnet
from keras_recipes.squeezenet import squeezenet

OWN_BACKBONES = ("squeezenet", *(f"resnet{depth}" for depth in RESNETS))


def backbone(name, weights="imagenet", width=1.0):
    """A network that makes features of pictures, and the layer that prepares these for it.

    Args:
        name: String: one of `keras.applications`, such as "MobileNetV2" or
            "EfficientNetV2B0"; "squeezenet"; or "resnet18" and others of `RESNETS`.
        weights: String: "imagenet", which Keras downloads once, and checks; the path of such a
            file; of an `.npz` file whose arrays are called after layer and weight, as
            `Conv1/kernel`; of the `weights.safetensors` of a run, from which the
            weights of the same names are taken; or "" for new ones.
        width: Float above 0, how many times as many channels as usual, of networks that
            come in several widths: MobileNets (`alpha`) and `RESNETS`.

    Returns:
        Tuple of a `PixelScaling` of pixels in [0, 255], and of a `keras.Model` from what it makes, float
        `(batch, height, width, 3)`, to features, `(batch, smaller height, smaller width, channels)`.

    Raises:
        ValueError: If there is no such network or file, the file holds other weights, or
            the network has no such width.
    """
    require(width > 0, "width", "above 0", width)
    known = name in OWN_BACKBONES or callable(getattr(keras.applications, name, None))
    require(known, "backbone", "a network of keras.applications, or one of " + ", ".join(OWN_BACKBONES), name)
    missing = weights not in ("", "imagenet") and not Path(weights).is_file()
    require(not missing, "weights", "'imagenet', the path of a file, or ''", weights)
    by_keras = weights if weights == "imagenet" or weights.endswith((".h5", ".hdf5")) else None
    if name == "squeezenet":
        require_one_width(name, width)
        network, scaling = squeezenet(by_keras), pixel_scaling(keras.applications.vgg16.preprocess_input)
    elif name in OWN_BACKBONES:
        require(by_keras is None, "weights", f"'' or the weights of a run for {name!r}", weights)
        network = resnet((None, None, 3), int(name.removeprefix("resnet")), max(1, round(64 * width)))
        scaling = np.eye(3) / 127.5, -np.ones(3)
    else:
        network, scaling = keras_network(name, by_keras, width), pixel_scaling(preprocessing(name))
    if weights and by_keras is None:
        put_arrays(network, weights)
    return PixelScaling(*scaling, name="pixels"), network


def keras_network(name, weights, width):
    """A network of `keras.applications` without its head."""
    build = getattr(keras.applications, name)
    by_name = "imagenet" if weights == "imagenet" else None
    options = {"include_top": False, "weights": by_name, "input_shape": (None, None, 3)}
    if "alpha" in inspect.signature(build).parameters:
        options["alpha"] = width
    else:
        require_one_width(name, width)
    network = build(**options)
    if weights and not by_name:
        with readable(weights):
            network.load_weights(weights)
    return network


def require_one_width(name, width):
    """Raise ValueError unless the width is that of a network that comes in no other one."""
    require(width == 1, "width", f"1 for {name!r}, which has one width", width)


def preprocessing(name):
    """The function that prepares inputs of a network of `keras.applications`: it stands where the network does."""
    return inspect.getmodule(getattr(keras.applications, name)).preprocess_input


def pixel_scaling(preprocess):
    """What a function does to pixels, as a matrix and an offset: it must treat all alike, and be affine.

    Args:
        preprocess: Function from float arrays in [0, 255] of shape `(n, height, width, 3)` to such arrays.

    Returns:
        Tuple of float arrays of shape `(3, 3)` and `(3,)`.
    """
    probes = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).astype("float32")  # black, red, green, blue
    black, *primary = np.array(preprocess(probes[:, None, None].copy(), data_format="channels_last"))[:, 0, 0]
    return (np.array(primary, "float64") - black) / 255, black


def put_arrays(network, path):
    """Put the arrays of a file into the weights of the same names.

    Args:
        network: `keras.Model`.
        path: String, of an `.npz` or `.safetensors` file.

    Raises:
        ValueError: If the file can't be read, or a weight of the network is not in it, or has another shape.
    """
    arrays = read_arrays(path)
    arrays = {name.replace("/depthwise_kernel", "/kernel"): array for name, array in arrays.items()}  # as Keras 2 said
    shapes = {weight.path: tuple(weight.shape) for weight in network.weights}
    wrong = [path for path, shape in shapes.items() if path not in arrays or arrays[path].shape != shape]
    require(not wrong, "weights", f"a file with all weights of {network.name}", f"one without {wrong[:3]}")
    for weight in network.weights:
        weight.assign(arrays[weight.path])


def read_arrays(path):
    """Dict from name to array; of what can't be read the error is the same whichever library reads it."""
    with readable(path):
        try:
            return dict(np.load(path)) if str(path).endswith(".npz") else load_file(path)
        except SafetensorError as error:  # is no error of the kinds that Python has
            raise ValueError(error) from error


def cut_groups(network, head, parts=2):
    """Groups of layers for rates of their own: a network in parts with about as many layers each, then the head.

    Args:
        network: `keras.Model`, whose layers have come in their order.
        head: List of layers.
        parts: Integer of at least 1.

    Returns:
        List of `parts + 1` lists of layers with weights, as `group_numbers` and `freeze_to` take them.
    """
    body = [layer for layer in network.layers if layer.weights]
    require(1 <= parts <= len(body), "parts", f"from 1 to {len(body)}, the layers with weights", parts)
    cuts = np.linspace(0, len(body), parts + 1).round().astype(int)
    groups = [body[begin:end] for begin, end in itertools.pairwise(cuts)]
    return [*groups, [layer for layer in head if layer.weights]]
