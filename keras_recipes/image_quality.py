"""How good generated images are, as a frozen classifier of digits sees them."""

import numpy as np

from keras_recipes.digit_classifier import load_digit_classifier, see
from keras_recipes.sample_quality import frechet_distance, kernel_distance


def image_quality(samples, images, labels=None):
    """Compare generated with real images.

    Args:
        samples: Float array of shape `(n, height, width, channels)` in [0, 1], generated.
        images: Float array of shape `(m, height, width, channels)`, real.
        labels: Integer array of shape `(n,)`, the digits that the samples
            should be, or None.

    Returns:
        Dict of floats: with labels, `label_accuracy`, the share of the samples
        that the classifier takes for what they should be; `kid` and its
        standard deviation over subsets, `kid_spread`; `fid`; and `classes`, how
        many of the ten digits at least one in a hundred samples looks like.
    """
    classifier = load_digit_classifier()
    (sample_features, logits), (image_features, _) = see(classifier, samples), see(classifier, images)
    predicted = logits.argmax(axis=1)
    kid, spread = kernel_distance(sample_features, image_features)
    shares = np.bincount(predicted, minlength=10) / len(predicted)
    found = {} if labels is None else {"label_accuracy": float(np.mean(predicted == labels))}
    fid = frechet_distance(sample_features, image_features)
    return {**found, "kid": kid, "kid_spread": spread, "fid": fid, "classes": float(np.sum(shares >= 0.01))}
