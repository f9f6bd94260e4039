"""`keras.ops.image`."""

import numpy as np
from keras import ops

from backends_matrix.layers_and_ops.case import op

IMAGES = (2, 7, 9, 3)
COLOURS = np.random.default_rng(5).random(IMAGES).astype("float32")
SHIFT = np.array([[0.9, 0.1, 0.5, -0.1, 1.1, 0.3, 0.0, 0.0]] * 2, "float32")
TILT = np.array([[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.05, 0.02]] * 2, "float32")
CORNERS = np.array([[[0, 0], [8, 0], [0, 6], [8, 6]]] * 2, "float32")
PLACES = np.random.default_rng(6).uniform(-2, 9, (2, 20)).astype("float32")


def like(array, tensor):
    """An array as a tensor of the precision of the run."""
    return ops.convert_to_tensor(array, dtype=tensor.dtype)


def cases():
    """List of `Case`."""
    image = ops.image
    rows = [
        ("resize bilinear up", lambda x: image.resize(x, (11, 20)), IMAGES),
        ("resize bilinear down", lambda x: image.resize(x, (3, 5)), IMAGES),
        ("resize nearest", lambda x: image.resize(x, (11, 5), interpolation="nearest"), IMAGES),
        ("resize bicubic", lambda x: image.resize(x, (11, 20), interpolation="bicubic"), IMAGES),
        ("resize lanczos3", lambda x: image.resize(x, (11, 20), interpolation="lanczos3"), IMAGES),
        ("resize antialias", lambda x: image.resize(x, (3, 5), antialias=True), IMAGES),
        ("rgb_to_grayscale", image.rgb_to_grayscale, COLOURS),
        ("rgb_to_hsv", image.rgb_to_hsv, COLOURS),
        ("hsv_to_rgb", image.hsv_to_rgb, COLOURS),
        ("affine_transform", lambda x: image.affine_transform(x, like(SHIFT, x)), IMAGES),
        ("affine_transform nearest",
         lambda x: image.affine_transform(x, like(SHIFT, x), interpolation="nearest"), IMAGES),
        ("affine_transform reflect", lambda x: image.affine_transform(x, like(SHIFT, x), fill_mode="reflect"), IMAGES),
        ("affine_transform wrap", lambda x: image.affine_transform(x, like(SHIFT, x), fill_mode="wrap"), IMAGES),
        ("affine_transform perspective terms", lambda x: image.affine_transform(x, like(TILT, x)), IMAGES),
        ("perspective_transform",
         lambda x: image.perspective_transform(x, like(CORNERS, x), like(CORNERS * 0.8 + 0.5, x)), IMAGES),
        ("extract_patches", lambda x: image.extract_patches(x, 3, strides=2, padding="same"), IMAGES),
        ("gaussian_blur", lambda x: image.gaussian_blur(x, (3, 3), data_format="channels_last"), IMAGES),
        ("gaussian_blur without data_format", lambda x: image.gaussian_blur(x, (3, 3)), IMAGES),
        ("sobel_edges", lambda x: image.sobel_edges(x, data_format="channels_last"), IMAGES),
        ("pad_images", lambda x: image.pad_images(x, top_padding=1, left_padding=2, target_height=9, target_width=12),
         IMAGES),
        ("scale_and_translate", lambda x: image.scale_and_translate(
            x, (2, 10, 12, 3), like([1.3, 1.2], x), like([0.5, 0.2], x), (1, 2), "linear"),
         IMAGES),
    ]  # fmt: skip
    found = [op(name, function, given, group="image ops", **precisions_of(name)) for name, function, given in rows]
    found += [mapped(1, mode) for mode in ("constant", "nearest", "wrap", "mirror", "reflect")]
    found += [mapped(0, mode) for mode in ("constant", "reflect")]
    halves = np.array([[0.5, 1.5, 2.5], [0.0, 1.0, 2.0]], "float32")
    at_halves = op(
        "map_coordinates at halves", lambda x: image.map_coordinates(x, halves, 0), (5, 6), group="image ops"
    )
    return [*found, at_halves]


def precisions_of(name):
    """Dict of options: the coordinates of an image do not fit into the 8 bits of bfloat16."""
    if name.startswith(("perspective", "scale")):
        return {"precisions": ("float32",)}  # in which they compute also where told float64
    geometric = name.startswith(("affine", "map"))
    return {"precisions": ("float64", "float32")} if geometric else {}


def mapped(order, mode):
    """A `Case` for `map_coordinates`, at places inside and outside."""
    name = f"map_coordinates order {order} {mode}"
    return op(
        name, lambda x: ops.image.map_coordinates(x, like(PLACES, x), order, fill_mode=mode), (7, 8), group="image ops"
    )
