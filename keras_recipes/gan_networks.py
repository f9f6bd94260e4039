"""Generator and critic of a generative adversarial network, for points and for images."""

import keras
from keras import layers

from keras_recipes.constraints import Clip
from keras_recipes.layers import SpectralConv2D, SpectralDense


def gan_generator(shape, num_classes, latent_dim, filters, hidden_units, name):
    """From codes to points or images.

    Args:
        shape: Tuple of integers, of an example: `(features,)`, or `(height,
            width, channels)` with sides that are multiples of 4.
        num_classes: Integer, length of the one-hot class that comes with a
            code; 0 for none.
        latent_dim: Integer, length of a code.
        filters: Integer, channels of the layer next to the image; the one
            before has twice as many.
        hidden_units: Integer, width of each of three hidden layers, for points.
        name: String, of the model, and what the names of its layers begin with.

    Returns:
        `keras.Model` from `[code]` or `[code, class]` to examples, images in [0, 1].

    Reference:
        Radford, Metz and Chintala, 2016, https://arxiv.org/abs/1511.06434,
        section 3; the class beside the code: Mirza and Osindero, 2014,
        https://arxiv.org/abs/1411.1784, section 3.2.
    """
    full = keras.config.floatx()  # precision of what comes out, also where layers compute in half of it
    code = keras.Input((latent_dim,), name=f"{name}_code")
    inputs = [code, *([keras.Input((num_classes,), name=f"{name}_class")] if num_classes else [])]
    x = layers.Concatenate(name=f"{name}_told")(inputs) if num_classes else code
    if len(shape) == 1:
        for i in range(3):
            x = layers.Dense(hidden_units, activation="relu", name=f"{name}_hidden{i}")(x)
        return keras.Model(inputs, layers.Dense(shape[0], name=f"{name}_points", dtype=full)(x), name=name)
    height, width, channels = shape
    small = (height // 4, width // 4, 2 * filters)
    x = layers.Dense(small[0] * small[1] * small[2], use_bias=False, name=f"{name}_dense")(x)
    x = layers.ReLU(name=f"{name}_relu1")(layers.BatchNormalization(name=f"{name}_norm1")(x))
    x = layers.Reshape(small, name=f"{name}_reshape")(x)  # (batch, height / 4, width / 4, 2 * filters)
    x = layers.Conv2DTranspose(filters, 4, 2, "same", use_bias=False, name=f"{name}_conv1")(x)
    x = layers.ReLU(name=f"{name}_relu2")(layers.BatchNormalization(name=f"{name}_norm2")(x))
    x = layers.Conv2DTranspose(channels, 4, 2, "same", activation="sigmoid", name=f"{name}_conv2", dtype=full)(x)
    return keras.Model(inputs, x, name=name)  # (batch, height, width, channels)


def gan_critic(shape, num_classes, filters, hidden_units, offset=True, spectral=False, clip=None):
    """From points or images to a score.

    Args:
        shape: As for `gan_generator`.
        num_classes: Integer, length of the one-hot class of an example; 0 for none.
        filters: Integer, channels of the layer next to the image; the one
            behind has twice as many.
        hidden_units: Integer, width of each of three hidden layers, for points.
        offset: Boolean, whether the score has a bias, which differences don't need.
        spectral: Boolean, whether all layers have spectral normalization.
        clip: Float, the largest weight, or None.

    Returns:
        `keras.Model` from `[example]` or `[example, class]` to scores, `(batch, 1)`.

    Reference:
        Radford, Metz and Chintala, 2016, https://arxiv.org/abs/1511.06434,
        section 3, without batch norm, which makes a score depend on other
        examples; the class by projection: Miyato and Koyama, 2018,
        https://arxiv.org/abs/1802.05637, section 3.
    """
    # Below 0 the slope is 0.25, which float32 holds: TensorFlow knows it as such only, also in float64.
    dense, conv = (SpectralDense, SpectralConv2D) if spectral else (layers.Dense, layers.Conv2D)
    kept = {f"{weight}_constraint": Clip(clip) for weight in ("kernel", "bias") if clip is not None}
    x = example = keras.Input(shape, name="critic_example")
    if len(shape) == 1:
        for i in range(3):
            x = layers.LeakyReLU(0.25, name=f"critic_relu{i}")(dense(hidden_units, name=f"critic_hidden{i}", **kept)(x))
    else:
        for i in (1, 2):  # (batch, height / 2, width / 2, filters), (batch, height / 4, width / 4, 2 * filters)
            x = conv(i * filters, 4, strides=2, padding="same", name=f"critic_conv{i}", **kept)(x)
            x = layers.LeakyReLU(0.25, name=f"critic_relu{i}")(x)
        x = layers.Flatten(name="critic_flatten")(x)
    full = keras.config.floatx()  # precision of what comes out, also where layers compute in half of it
    score = dense(1, use_bias=offset, name="critic_score", dtype=full, **kept)(x)
    if not num_classes:
        return keras.Model([example], score, name="critic")
    told = keras.Input((num_classes,), name="critic_class")
    features = dense(x.shape[-1], name="critic_features", dtype=full, **kept)(told)  # as an example should have them
    projection = layers.Dot(axes=1, name="critic_projection", dtype=full)([features, x])
    return keras.Model([example, told], layers.Add(name="critic_sum", dtype=full)([score, projection]), name="critic")
