"""Image augmentation under the same random bits."""

import numpy as np
from keras import layers

from backends_matrix.layers_and_ops.case import layer, op

IMAGES = np.random.default_rng(2).integers(0, 256, (2, 8, 9, 3)).astype("float32")
OPTIONS = {"precisions": ("float64", "float32"), "gradient": False, "compiled": False}  # 8 bits hold no 255 levels
ROWS = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomZoom": {"height_factor": 0.3},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.2},
    "RandomShear": {"x_factor": 0.3, "y_factor": 0.2},
    "RandomPerspective": {"factor": 1.0, "scale": 0.5},
    "RandomCrop": {"height": 5, "width": 4},
    "RandomBrightness": {"factor": 0.4},
    "RandomContrast": {"factor": 0.4},
    "RandomHue": {"factor": 0.4},
    "RandomSaturation": {"factor": 0.4},
    "RandomGrayscale": {"factor": 0.5},
    "RandomInvert": {"factor": 0.5},
    "RandomPosterization": {"factor": 4},
    "RandomSharpness": {"factor": 0.5},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": {"brightness_factor": 0.3, "contrast_factor": 0.3, "saturation_factor": 0.3,
                          "hue_factor": 0.3},
    "RandomGaussianBlur": {"factor": 1.0, "kernel_size": 3, "sigma": 1.0},
    "RandomErasing": {"factor": 1.0},
    "RandomElasticTransform": {"factor": 1.0, "scale": 1.0},
    "AugMix": {},
    "RandAugment": {},
}  # fmt: skip
SINGLE = (
    "RandomHue", "RandomColorJitter", "RandomPerspective",  # compute in float32 also where told float64
    "Equalization", "ContrastLimitedAdaptiveHistogramEqualization",  # in float64 levels turn on the last bit
)  # fmt: skip
FIXED = {
    "AutoContrast": {},
    "Equalization": {},
    "Solarization": {"threshold_factor": 0.5},
    "ContrastLimitedAdaptiveHistogramEqualization": {"tile_grid_size": (2, 2)},
}


def cases():
    """List of `Case`."""
    found = []
    for name, arguments in {**ROWS, **FIXED}.items():
        seed = {} if name in FIXED else {"seed": 3}
        found.append(augment(name, arguments | seed))
    found.append(augment("RandomRotation", {"factor": 0.2, "fill_mode": "constant", "seed": 4}, "filled"))
    found.append(augment("RandomZoom", {"height_factor": 0.3, "interpolation": "nearest", "seed": 4}, "nearest"))
    found += [batch(name) for name in ("MixUp", "CutMix")]
    return [*found, op("images after RandomBrightness", brightened, IMAGES, group="augmentation", **OPTIONS)]


def brightened(images):
    """What a layer has left of the images that it was given."""
    images = images + 0.0  # a tensor of its own
    layers.RandomBrightness((0.5, 0.5), seed=3)(images, training=True)
    return images


def augment(name, arguments, variant=""):
    """A `Case` for a layer that takes images."""

    def build():
        made = getattr(layers, name)(**arguments)
        made.build(IMAGES.shape)
        return made

    options = OPTIONS | ({"precisions": ("float32",)} if name in SINGLE else {})
    call = {"training": True}
    return layer(f"{name} {variant}".strip(), build, IMAGES, group="augmentation", call=call, **options)


def batch(name):
    """A `Case` for a layer that mixes images and labels of a batch."""

    class Mixing(layers.Layer):
        def __init__(self):
            super().__init__()
            self.mix = getattr(layers, name)(seed=3)
            self.built = True

        def call(self, inputs, training):
            images, labels = inputs
            return self.mix({"images": images, "labels": labels}, training=training)

    labels = np.eye(2, 3, dtype="float32")
    return layer(name, Mixing, IMAGES, labels, group="augmentation", call={"training": True}, **OPTIONS)
