"""How good generated images are, as a classifier sees them."""

from functools import partial

import numpy as np

from keras_recipes.digit_classifier import load_digit_classifier, see
from keras_recipes.filter_classifier import filter_classifier
from keras_recipes.sample_quality import frechet_distance, kernel_distance


def image_classifier(dataset, images, labels):
    """A classifier that is the same on every backend: of digits the frozen one, else one of random filters.

    Args:
        dataset: String; "mnist" and "digits" show digits.
        images: Float array of shape `(n, height, width, channels)`; of other
            data the first 5000 are learned from.
        labels: Integer array of shape `(n,)`, their classes, counted from 0.

    Returns:
        Function from images to a tuple of float64 arrays: features, `(n, features)`, and scores, `(n, num_classes)`.
    """
    if dataset in ("mnist", "digits"):
        return partial(see, load_digit_classifier())
    return filter_classifier(images[:5000], labels[:5000])


def image_quality(samples, images, labels, classifier, conditional):
    """Compare generated with real images.

    Args:
        samples: Float array of shape `(n, height, width, channels)` in [0, 1], generated.
        images: Float array of the same shape, real.
        labels: Integer array of shape `(n,)`, the classes of the real images.
        classifier: Function as `image_classifier` returns it.
        conditional: Boolean, whether the samples should be of the same classes.

    Returns:
        Dict of floats: if `conditional`, `label_accuracy`, the share of the
        samples that the classifier takes for what they should be; `kid` and its
        standard deviation over subsets, `kid_spread`; `fid`; if there are
        classes, how many of them the samples look like (`classes`: those with a
        tenth of an even share, or more), and `classifier_accuracy`, of real images.
    """
    (sample_features, scores), (image_features, real_scores) = classifier(samples), classifier(images)
    predicted, num_classes = scores.argmax(axis=1), scores.shape[1]
    found = {"label_accuracy": float(np.mean(predicted == labels))} if conditional else {}
    found["kid"], found["kid_spread"] = kernel_distance(sample_features, image_features)
    found["fid"] = frechet_distance(sample_features, image_features)
    if num_classes > 1:
        shares = np.bincount(predicted, minlength=num_classes) / len(predicted)
        found["classes"] = float(np.sum(shares >= 0.1 / num_classes))
        found["classifier_accuracy"] = float(np.mean(real_scores.argmax(axis=1) == labels))
    return found
