"""Networks that translate images, and that judge patches of them."""

import keras
from keras import layers, ops


def translation_generator(shape, filters, residual_blocks, name):
    """From images to images of the same size: half and half again, residual blocks, and back.

    Args:
        shape: Tuple `(height, width, channels)`, sides that are multiples of 4, of at least 16.
        filters: Integer, channels of the layers next to the images; four times
            as many in the residual blocks.
        residual_blocks: Integer of at least 0.
        name: String, of the model, and what the names of its layers begin with.

    Returns:
        `keras.Model` from images in [0, 1] to images in [0, 1].

    Reference:
        Johnson, Alahi and Fei-Fei, 2016, https://arxiv.org/abs/1603.08155, as
        Zhu et al., 2017, https://arxiv.org/abs/1703.10593, appendix 7.2, use it.
    """
    images = keras.Input(shape, name=f"{name}_images")
    x = mirrored(images, 3)
    x = layers.Conv2D(filters, 7, use_bias=False, name=f"{name}_first")(x)  # (batch, height, width, filters)
    x = normalized(x, f"{name}_first")
    for i in (1, 2):  # (batch, height / 4, width / 4, 4 * filters) in the end
        x = layers.Conv2D(2**i * filters, 3, 2, "same", use_bias=False, name=f"{name}_down{i}")(x)
        x = normalized(x, f"{name}_down{i}")
    for i in range(residual_blocks):
        x = residual_block(x, f"{name}_block{i}")
    for i in (1, 2):
        x = layers.Conv2DTranspose(4 // 2**i * filters, 3, 2, "same", use_bias=False, name=f"{name}_up{i}")(x)
        x = normalized(x, f"{name}_up{i}")
    full = keras.config.floatx()  # precision of what comes out, also where layers compute in half of it
    x = layers.Conv2D(shape[-1], 7, activation="sigmoid", name=f"{name}_last", dtype=full)(mirrored(x, 3))
    return keras.Model(images, x, name=name)  # (batch, height, width, channels)


def residual_block(x, name):
    """Images and what two convolutions make of them, added up."""
    y = layers.Conv2D(x.shape[-1], 3, use_bias=False, name=f"{name}_conv1")(mirrored(x, 1))
    y = normalized(y, f"{name}_conv1")
    y = layers.Conv2D(x.shape[-1], 3, use_bias=False, name=f"{name}_conv2")(mirrored(y, 1))
    return layers.Add(name=f"{name}_sum")([x, normalized(y, f"{name}_conv2", activation=None)])


def mirrored(x, margin):
    """Images that go on as their mirror images, so that nothing new begins at the edge."""
    return ops.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")


def normalized(x, name, activation="relu"):
    """Each channel of each image brought to mean 0 and variance 1, scaled and shifted: instance normalization."""
    x = layers.GroupNormalization(groups=-1, epsilon=1e-5, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def patch_critic(shape, filters, strided_layers, name):
    """From images to a score for each patch.

    Args:
        shape: Tuple `(height, width, channels)`.
        filters: Integer, channels of the first layer; twice as many after each
            layer, up to eight times.
        strided_layers: Integer of at least 1, layers that halve height and
            width; with 3 of them a patch has 70 × 70 pixels, with 2 it has 34 × 34,
            with 1 it has 16 × 16.
        name: String, of the model, and what the names of its layers begin with.

    Returns:
        `keras.Model` from images to scores, `(batch, rows, columns, 1)`.

    Reference:
        Isola et al., 2017, https://arxiv.org/abs/1611.07004, appendix 6.1.2, with
        the instance normalization of Zhu et al., 2017, https://arxiv.org/abs/1703.10593.
    """
    # Below 0 the slope is 0.25, which float32 holds: TensorFlow knows it as such only, also in float64.
    images = keras.Input(shape, name=f"{name}_images")
    x = layers.Conv2D(filters, 4, 2, "same", name=f"{name}_conv0")(images)
    x = layers.LeakyReLU(0.25, name=f"{name}_relu0")(x)
    for i in range(1, strided_layers + 1):
        stride = 2 if i < strided_layers else 1
        x = layers.Conv2D(min(2**i, 8) * filters, 4, stride, "same", use_bias=False, name=f"{name}_conv{i}")(x)
        x = layers.LeakyReLU(0.25, name=f"{name}_relu{i}")(normalized(x, f"{name}_conv{i}", activation=None))
    full = keras.config.floatx()
    return keras.Model(images, layers.Conv2D(1, 4, padding="same", name=f"{name}_scores", dtype=full)(x), name=name)
