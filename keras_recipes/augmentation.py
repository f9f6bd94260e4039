"""Other views of the same images while training: the same ones on every backend, because NumPy draws them."""

import dataclasses
import math
from dataclasses import dataclass

import keras
import numpy as np
from PIL import Image, ImageEnhance

from keras_recipes.config import require, require_at_least, require_fraction, require_one_of
from keras_recipes.data import Batches

FLIPS = ("none", "horizontal", "any")


@dataclass(frozen=True)
class Augmentation:
    """Turn, zoom, shift, flip, light and cover each image by chance; what lies outside of it is its mirror image.

    How far outside the numbers reach decides how much memory a batch takes meanwhile: with `zoom` 4, 16 times its own.

    Attributes:
        rotation: Float in [0, 180], degrees by which it is turned at most, to either side.
        zoom: Float of at least 1, the factor by which it is enlarged, or made smaller, at most.
        shift: Float in [0, 1), the share of its sides by which it is moved at most.
        flip: String: "none"; "horizontal", left and right exchanged in half of
            the images; "any", in any of the eight ways a square can lie, for
            pictures from above.
        lighting: Float of at least 0: brightness, contrast and colour are
            multiplied by factors up to 1 plus this, or divided by them.
        cutout: Float in [0, 1), the share of its sides that a square (or, of an oblong image, a rectangle) of its mean
            colour covers; its centre is anywhere, so that a part of it may lie outside.

    Raises:
        ValueError: If a number is out of range.

    Reference:
        Simard, Steinkraus and Platt, 2003, "Best practices for convolutional neural networks", section 2 (affine
        displacements); Howard, 2013, https://arxiv.org/abs/1312.5402, section 3 (light and colour);
        DeVries and Taylor, 2017, https://arxiv.org/abs/1708.04552, section 3 (cutout).
    """

    rotation: float = 0.0
    zoom: float = 1.0
    shift: float = 0.0
    flip: str = "none"
    lighting: float = 0.0
    cutout: float = 0.0

    def __post_init__(self):
        require(0 <= self.rotation <= 180, "rotation", "degrees in [0, 180]", self.rotation)
        require_at_least(self, 1, "zoom")
        require_fraction(self, "shift", "cutout")
        require_one_of(self, "flip", FLIPS)
        require_at_least(self, 0, "lighting")

    def __call__(self, images, rng, epoch=0):
        """Other views of images.

        Args:
            images: Array of bytes of shape `(n, height, width, channels)`.
            rng: `numpy.random.Generator`.
            epoch: Integer, which does not matter; `ViewBatches` tells it.

        Returns:
            Array of the same shape and type.

        Raises:
            ValueError: If images are no bytes, or "any" of their flips would change their shape.
        """
        require(images.dtype == np.uint8, "images", "bytes", images.dtype.name)
        height, width = images.shape[1:3]
        require(self.flip != "any" or height == width, "images", "square for flips of 'any' kind", (height, width))
        draws = rng.uniform(-1, 1, size=(len(images), 10))
        if self == Augmentation():
            return images
        margins = [self.margin(height, width), self.margin(width, height)]
        padded = np.pad(images, ((0, 0), *((margin, margin) for margin in margins), (0, 0)), mode="reflect")
        affines = self.affines(draws, (width, height), np.array(margins[::-1]))
        views = np.empty_like(images)
        for view, image, affine, draw in zip(views, padded, affines.tolist(), draws[:, 7:], strict=True):
            whole = images.shape[3] == 3
            for channels in [slice(None)] if whole else range(images.shape[3]):  # what PIL takes as one picture
                picture = Image.fromarray(image[..., channels])
                picture = picture.transform((width, height), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
                view[..., channels] = self.lit(picture, draw)
        return self.covered(views, rng) if self.cutout else views

    def margin(self, side, other):
        """Pixels to mirror at both ends of a side, given with the other one, so that no view reaches farther."""
        angle = min(math.radians(self.rotation), math.atan2(other, side))  # at which it reaches farthest
        reach = self.zoom * (math.cos(angle) * side + math.sin(angle) * other) / 2 + round(self.shift * side)
        usual = min(side - 1, max(1, side // 3))  # views in a wider one might be rounded otherwise
        return max(usual, math.ceil(reach - side / 2 - 1e-9))

    def affines(self, draws, size, margins):
        """From places in views to places in images with margins, as PIL wants it.

        Args:
            draws: Float array of shape `(n, 10)`, in [-1, 1].
            size: Tuple `(width, height)`.
            margins: Integer array of shape `(2,)`, left and above.

        Returns:
            Float array of shape `(n, 6)`, rows of a matrix, each with what is added.
        """
        angles, zooms = np.deg2rad(self.rotation * draws[:, 0]), self.zoom ** draws[:, 1]
        if self.flip == "any":
            angles = angles + np.pi / 2 * np.floor(2 * (draws[:, 5] + 1))
        sides = np.where((self.flip != "none") & (draws[:, 4] < 0), -1, 1)
        cosine, sine = np.round(zooms * np.cos(angles), 12), np.round(zooms * np.sin(angles), 12)  # exact quarters
        matrices = np.stack([np.stack([cosine * sides, -sine], -1), np.stack([sine * sides, cosine], -1)], axis=1)
        moved = np.round(self.shift * draws[:, 2:4] * size)  # whole pixels, which blur nothing
        centre = np.array(size) / 2
        starts = centre + margins + moved - matrices @ centre  # (n, 2)
        return np.concatenate([matrices, starts[..., None]], axis=-1).reshape(-1, 6)

    def lit(self, picture, draw):
        """A picture in another light, by three numbers in [-1, 1]."""
        if self.lighting == 0:
            return picture
        kinds = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
        for kind, number in zip(kinds, draw, strict=True):
            picture = kind(picture).enhance((1 + self.lighting) ** number)
        return picture

    def covered(self, views, rng):
        """Views with a square of the mean colour of each at any place."""
        height, width = views.shape[1:3]
        sides = np.round(self.cutout * np.array([height, width])).astype(int)
        # A corner of it, half of a side before its centre, which is any pixel.
        corners = rng.integers(0, (height, width), size=(len(views), 2)) - sides // 2
        colours = views.mean(axis=(1, 2)).round()
        for view, start, end, colour in zip(views, np.maximum(corners, 0), corners + sides, colours, strict=True):
            view[start[0] : end[0], start[1] : end[1]] = colour
        return views


AUGMENTATIONS = {  # by what the images show
    "none": Augmentation(),
    "digits": Augmentation(rotation=10, zoom=1.1, shift=0.07),  # which are others when they are flipped
    "mirrored": Augmentation(flip="horizontal"),  # what fills its picture, and shows no details to come nearer to
    "small": Augmentation(shift=0.125, flip="horizontal"),  # things, a few pixels wide
    "cutout": Augmentation(shift=0.125, flip="horizontal", cutout=0.25),  # the same, for longer trainings
    "photos": Augmentation(rotation=10, zoom=1.15, shift=0.08, flip="horizontal", lighting=0.2),
    "from_above": Augmentation(rotation=10, zoom=1.1, shift=0.05, flip="any", lighting=0.1),
}


class ViewBatches(Batches):
    """Batches of other views of the images in each epoch.

    Args:
        arrays: Tuple `(images, y)`, as for `Batches`; images are bytes.
        batch_size: Integer of at least 1, examples per batch.
        seed: Integer of at least 0, or list of them, seed of the order and of the views.
        views: Function of the images of a batch, a `numpy.random.Generator` and the number of the epoch, counted
            from 0, such as `Augmentation`. Each batch has a generator of its own, so that
            its views do not depend on what came before it.

    Raises:
        ValueError: As `Batches` does.
    """

    def __init__(self, arrays, batch_size, seed, views):
        super().__init__(arrays, batch_size, seed)
        self.views, self.seed, self.orders = views, np.atleast_1d(seed).tolist(), 0

    def __getitem__(self, index):
        images, *others = super().__getitem__(index)
        rng = np.random.default_rng([*self.seed, 1, self.orders, index])
        return self.views(images, rng, max(0, self.orders - 1)), *others

    def stack(self, begin, end):
        """Whole batches from one to another, without the latter, of shape (steps, batch, …)."""
        return keras.tree.map_structure(lambda *each: np.stack(each), *(self[index] for index in range(begin, end)))

    def on_epoch_end(self):
        """Draw the order of the next epoch; Keras' `fit` does so before the first one, too."""
        super().on_epoch_end()
        self.orders += 1


@dataclass(frozen=True)
class SmallAtFirst:
    """Smaller images in the first epochs, which take a fraction of the time: progressive resizing.

    Not together with callbacks that look at each batch on TensorFlow: there
    `keras.Model.fit` expects images of the size of the first batch.

    Attributes:
        augmentation: `Augmentation` that makes the images.
        size: Integer of at least 1, height and width in the first epochs.
        epochs: Integer, how many those are.

    Reference:
        Howard, 2018, "Now anyone can train Imagenet in 18 minutes", https://www.fast.ai/posts/2018-08-10-fastai-diu-imagenet.html.
    """

    augmentation: Augmentation
    size: int
    epochs: int

    def __call__(self, images, rng, epoch):
        """Views of images, of the size of the epoch; arguments as of `Augmentation`."""
        views = self.augmentation(images, rng)
        return resized(views, self.size) if epoch < self.epochs else views


def resized(images, size):
    """Images, bytes of shape `(n, height, width, channels)`, as `(n, size, size, channels)`, by averaging."""
    grey = images.shape[-1] == 1
    pictures = (Image.fromarray(image[..., 0] if grey else image) for image in images)
    small = [np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)) for picture in pictures]
    return np.stack(small).reshape(len(images), size, size, images.shape[-1])


def average_of_views(predict, images, augmentation, views=4, weight=0.75, seed=0):
    """Test-time augmentation: predictions for images and for other views of them, averaged.

    Args:
        predict: Function from images to a float array of shape `(n, outputs)`, such as probabilities.
        images: Array of bytes of shape `(n, height, width, channels)`.
        augmentation: `Augmentation`; nothing is cut out of these views.
        views: Integer of at least 0, views of each image.
        weight: Float in [0, 1], what the mean over the views counts; the image itself counts the rest.
        seed: Integer, of the views.

    Returns:
        Float64 array of shape `(n, outputs)`.

    Raises:
        ValueError: If a number is out of range.

    Reference:
        Krizhevsky, Sutskever and Hinton, 2012, "ImageNet Classification with Deep Convolutional Neural Networks",
        section 4.1; the weight is that of fastai's `Learner.tta`.
    """
    require(views >= 0, "views", "an integer of at least 0", views)
    require(0 <= weight <= 1, "weight", "in [0, 1]", weight)
    plain = np.asarray(predict(images), "float64")
    if views == 0:
        return plain
    augmentation = dataclasses.replace(augmentation, cutout=0)
    rngs = [np.random.default_rng([seed, view]) for view in range(views)]
    others = np.mean([np.asarray(predict(augmentation(images, rng)), "float64") for rng in rngs], axis=0)
    return (1 - weight) * plain + weight * others
