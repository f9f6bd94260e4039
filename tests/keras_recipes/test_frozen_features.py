import keras
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.model_selection import StratifiedKFold

from keras_recipes.frozen_features import accuracy_of_frozen_features
from keras_recipes.layers import PixelScaling

FILTERS = np.random.default_rng(5).normal(size=(3, 12))
SIDES = (6, 5)


def pictures(number, seed):
    """Noise that is a little brighter in one class: no one tells all apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    means = rng.uniform(90, 110, size=(number, 1, 1, 3)) + 6 * labels[:, None, None, None] * [1, -1, 0.5]
    images = np.clip(means + rng.normal(0, 60, size=(number, *SIDES, 3)), 0, 255)
    return images.astype("uint8"), labels.astype("int32")


def network():
    """One convolution of single pixels, whose features are easily computed without it."""
    images = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(12, 1, activation="relu", use_bias=False)
    model = keras.Model(images, layer(images))
    layer.set_weights([FILTERS[None, None].astype("float32")])
    return PixelScaling(np.eye(3) / 127.5, -np.ones(3)), model


def features_of(images):
    return np.maximum((images / 127.5 - 1) @ FILTERS, 0).mean(axis=(1, 2))


def score(train, test, strength):
    """The accuracy of a logistic regression with a given C, written down from its formula."""
    (x, labels), (other, truth) = train, test
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    x, other, signs = (x - mean) / deviation, (other - mean) / deviation, 2 * labels - 1

    def loss(weights):
        margins = signs * (x @ weights[:-1] + weights[-1])
        slopes = -strength * signs * expit(-margins)
        value = strength * np.logaddexp(0, -margins).sum() + weights[:-1] @ weights[:-1] / 2
        return value, np.append(x.T @ slopes + weights[:-1], slopes.sum())

    weights = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, options={"gtol": 1e-8}).x
    return np.mean((other @ weights[:-1] + weights[-1] > 0) == truth)


def expected(train, test, folds):
    (images, labels), (others, truth) = train, test
    x, strengths = features_of(images), [1e-4, 1e-3, 1e-2, 1e-1, 1]
    cuts = list(StratifiedKFold(folds).split(x, labels)) if folds > 1 else []
    held_out = [
        np.mean([score((x[fit], labels[fit]), (x[rest], labels[rest]), strength) for fit, rest in cuts])
        for strength in strengths
        if cuts
    ]
    strength = strengths[int(np.argmax(held_out))] if cuts else 1.0
    return score((x, labels), (features_of(others), truth), strength)


@pytest.mark.parametrize(("fewest", "folds"), [(40, 5), (3, 3), (1, 1)])
def test_is_a_logistic_regression_on_mean_features(fewest, folds):
    images, labels = pictures(80, seed=0)
    rows = np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:fewest]])
    train, test = (images[rows], labels[rows]), pictures(150, seed=1)
    found = accuracy_of_frozen_features(*network(), train, test)
    assert found == pytest.approx(expected(train, test, folds), abs=1e-9)
    assert fewest < 40 or 0.6 < found < 0.98
