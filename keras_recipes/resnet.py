"""Residual networks for images, of one definition of a block."""

import keras
import numpy as np
from keras import layers

from keras_recipes.config import require

RESNETS = {  # blocks of the four stages, and whether a block is a bottleneck
    10: ((1, 1, 1, 1), False),  # not in the paper: where a processor has to do
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
}
STEMS = ("large", "small")


def resnet(input_shape, depth=18, filters=64, stem="large", name="resnet"):
    """A residual network without a head.

    Convolutions have no bias, which batch normalization would take away; the
    last scale of each block begins at 0, so that a block begins as what goes around it.

    Args:
        input_shape: Tuple of integers, `(height, width, channels)`; `(None,
            None, channels)` for images of any size.
        depth: Integer: 10, 18, 34 or 50 layers.
        filters: Integer, channels of the first stage; each further one has twice as many.
        stem: String: "large", a convolution of 7 × 7 and a pooling that make
            images a quarter as wide; "small", for images of about 32 pixels, a
            convolution of 3 × 3 that keeps their size.
        name: String, of the model, and what the names of its layers begin with.

    Returns:
        `keras.Model` from images to features, `(batch, height / 32, width / 32,
        8 * filters)`, with a small stem by 8 instead of 32, with 50 layers four
        times as many; `<name>_stage1` to `<name>_stage4` are the last of each stage.

    Raises:
        ValueError: For another depth or stem.

    Reference:
        He, Zhang, Ren and Sun, 2016, https://arxiv.org/abs/1512.03385, table 1,
        and for the small stem section 4.2; the stride in the 3 × 3 convolution
        of a bottleneck, and scales that begin at 0: Goyal et al., 2017,
        https://arxiv.org/abs/1706.02677, section 5.1.
    """
    for value, argument, known in ((depth, "depth", RESNETS), (stem, "stem", STEMS)):
        require(value in known, argument, "one of " + ", ".join(map(repr, known)), value)
    images = keras.Input(input_shape, name=f"{name}_images")
    x = stem_of(images, filters, stem, f"{name}_stem")
    blocks, bottleneck = RESNETS[depth]
    for stage, number in enumerate(blocks, start=1):
        for block in range(number):
            strides = 2 if stage > 1 and block == 0 else 1
            end = "" if block == number - 1 else f"_relu{block}"
            names = f"{name}_stage{stage}_block{block}", f"{name}_stage{stage}{end}"
            x = residual_block(x, filters * 2 ** (stage - 1), strides, bottleneck, *names)
    return keras.Model(images, x, name=name)


def stem_of(x, filters, stem, name):
    """What comes before the first block."""
    size, strides = (7, 2) if stem == "large" else (3, 1)
    x = layers.ReLU(name=f"{name}_relu")(normalized_convolution(x, filters, size, strides, name))
    return layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x) if stem == "large" else x


def residual_block(x, filters, strides, bottleneck, name, output_name):
    """Two or three convolutions, and what goes around them."""
    wide = 4 * filters if bottleneck else filters
    sizes = [(filters, 3, strides), (filters, 3, 1)]
    if bottleneck:
        sizes = [(filters, 1, 1), (filters, 3, strides), (wide, 1, 1)]
    around = x
    if strides > 1 or x.shape[-1] != wide:
        # Every second pixel, and then a convolution of 1 × 1, is one with a stride, whose gradient on
        # PyTorch 2.13 writes beyond its memory on a CPU: with two threads and batches of odd sizes.
        seen = layers.MaxPooling2D(1, strides=strides, name=f"{name}_seen")(x) if strides > 1 else x
        around = normalized_convolution(seen, wide, 1, 1, f"{name}_around")
    for index, (number, size, stride) in enumerate(sizes):
        last = index == len(sizes) - 1
        x = normalized_convolution(x, number, size, stride, f"{name}_conv{index}", "zeros" if last else "ones")
        x = x if last else layers.ReLU(name=f"{name}_relu{index}")(x)
    return layers.ReLU(name=output_name)(layers.Add(name=f"{name}_sum")([x, around]))


def resnet9(input_shape, filters=64, name="resnet9"):
    """A residual network without a head for small images, with little to compute where their sides are large.

    Three stages halve the sides and double the channels: a convolution and a pooling, and, in the first
    and the last one, two more convolutions with a way around them. The ninth layer is that of a head.

    Args:
        input_shape: Tuple of integers, `(height, width, channels)`, with sides of at least
            8; `(None, None, channels)` for images of any size from there on.
        filters: Integer, channels of the first convolution.
        name: String, of the model, and what the names of its layers begin with.

    Returns:
        `keras.Model` from images to features, `(batch, height / 8, width / 8,
        8 * filters)`; `<name>_stage1` to `<name>_stage3` are the last of each stage.

    Raises:
        ValueError: For images that are too small.

    Reference:
        Page, 2018, "How to train your ResNet", part 4, https://myrtle.ai/learn/how-to-train-your-resnet/.
    """
    enough = all(side is None or side >= 8 for side in input_shape[:2])
    require(enough, "input_shape", "(height, width, channels) with sides of at least 8", tuple(input_shape))
    images = keras.Input(input_shape, name=f"{name}_images")
    x = activated_convolution(images, filters, f"{name}_stem")
    for stage, goes_around in enumerate((True, False, True), start=1):
        x = activated_convolution(x, filters * 2**stage, f"{name}_stage{stage}_conv")
        x = layers.MaxPooling2D(2, name=f"{name}_stage{stage}_pool" if goes_around else f"{name}_stage{stage}")(x)
        if goes_around:
            inner = activated_convolution(x, filters * 2**stage, f"{name}_stage{stage}_inner0")
            inner = activated_convolution(inner, filters * 2**stage, f"{name}_stage{stage}_inner1")
            x = layers.Add(name=f"{name}_stage{stage}")([x, inner])
    return keras.Model(images, x, name=name)


def activated_convolution(x, filters, name):
    """A convolution of 3 × 3, batch normalization, and what is positive of it."""
    return layers.ReLU(name=f"{name}_relu")(normalized_convolution(x, filters, 3, 1, name))


def normalized_convolution(x, filters, size, strides, name, scale="ones"):
    """A convolution without bias, and batch normalization whose scale begins at "ones" or "zeros"."""
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    x = layers.Conv2D(filters, size, strides, name=name, **options)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=scale, name=f"{name}_norm")(x)


def adapt_first_layer(kernel, channels):
    """The filters of a first layer, learned on three channels, for images with another number of them.

    Args:
        kernel: Float array of shape `(height, width, 3, filters)`.
        channels: Integer of at least 1. For one channel the filters are summed
            up, so that a grey image gives what it would in three equal
            channels; for two, two of them count for three; beyond three, further
            channels begin without effect.

    Returns:
        Array of shape `(height, width, channels, filters)`.

    Raises:
        ValueError: If the kernel has not three channels, or there are none.

    Reference:
        fastai's `vision_learner`, https://docs.fast.ai/vision.learner.html.
    """
    kernel = np.asarray(kernel)
    require(kernel.ndim == 4 and kernel.shape[2] == 3, "kernel", "of shape (height, width, 3, filters)", kernel.shape)
    require(channels >= 1, "channels", "an integer of at least 1", channels)
    if channels == 1:
        return kernel.sum(axis=2, keepdims=True)
    if channels == 2:
        return kernel[:, :, :2] * kernel.dtype.type(1.5)
    return np.concatenate([kernel, np.repeat(np.zeros_like(kernel[:, :, :1]), channels - 3, axis=2)], axis=2)
