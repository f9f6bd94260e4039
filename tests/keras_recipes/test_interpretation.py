import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics

from keras_recipes.interpretation import (
    best_threshold,
    calibration_curve,
    class_metrics,
    class_report,
    confusion_matrix,
    decode,
    f_beta,
    label_losses,
    log_losses,
    most_confused,
    multi_label_metrics,
    top_losses,
)

RNG = np.random.default_rng(0)
NAMES = ["ant", "bee", "cat", "dog"]
PROBABILITIES = RNG.dirichlet([0.5] * 4, size=300)
LABELS = np.where(RNG.random(300) < 0.6, PROBABILITIES.argmax(axis=1), RNG.integers(0, 4, 300))
PREDICTED = PROBABILITIES.argmax(axis=1)
MATRIX = confusion_matrix(LABELS, PREDICTED, 4)
MANY = RNG.random((200, 5))
TARGETS = RNG.random((200, 5)) < MANY**2


def test_confusion_matrix_is_that_of_scikit_learn():
    np.testing.assert_array_equal(MATRIX, sklearn.metrics.confusion_matrix(LABELS, PREDICTED))
    assert confusion_matrix([0], [2], 4).shape == (4, 4)


def test_most_confused():
    matrix = np.array([[5, 3, 0], [7, 9, 1], [0, 2, 4]])
    assert most_confused(matrix, "abc") == [("b", "a", 7), ("a", "b", 3), ("c", "b", 2), ("b", "c", 1)]
    assert most_confused(matrix, "abc", at_least=3) == [("b", "a", 7), ("a", "b", 3)]
    assert most_confused(np.eye(3, dtype=int), "abc") == []


def test_class_report_is_that_of_scikit_learn():
    expected = sklearn.metrics.classification_report(LABELS, PREDICTED, target_names=NAMES, output_dict=True)
    for name, found in class_report(MATRIX, NAMES).items():
        one = expected[name]
        assert found == pytest.approx(
            {"precision": one["precision"], "recall": one["recall"], "f1": one["f1-score"], "support": one["support"]}
        )
    nothing = class_report(np.array([[2, 0], [0, 0]]), "ab")["b"]
    assert nothing == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0.0}


def test_losses_and_the_highest_of_them():
    losses = log_losses(PROBABILITIES, LABELS)
    assert losses.mean() == pytest.approx(sklearn.metrics.log_loss(LABELS, PROBABILITIES), rel=1e-9)
    worst = top_losses(losses, 5)
    assert list(losses[worst]) == sorted(losses, reverse=True)[:5]
    assert len(top_losses(losses, 1000)) == 300
    assert np.isfinite(log_losses([[1.0, 0.0]], [1])).all()


def test_calibration_is_that_of_scikit_learn():
    confidence, accuracy, counts, error = calibration_curve(PROBABILITIES, LABELS)
    sure = PROBABILITIES.max(axis=1)
    expected = sklearn.calibration.calibration_curve(PREDICTED == LABELS, sure, n_bins=10)
    there = counts > 0
    np.testing.assert_allclose((accuracy[there], confidence[there]), expected, rtol=1e-9)
    assert counts.sum() == 300
    assert np.isnan(confidence[~there]).all()
    assert error == pytest.approx((np.abs(accuracy - confidence)[there] * counts[there]).sum() / 300)
    # One that is right as often as it is sure is calibrated.
    known = np.repeat([[0.75, 0.25]], 400, axis=0)
    assert calibration_curve(known, np.repeat([0, 1], [300, 100]))[3] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_f_beta_is_that_of_scikit_learn(beta):
    predicted = MANY > 0.4
    expected = sklearn.metrics.fbeta_score(TARGETS, predicted, beta=beta, average="samples", zero_division=1)
    assert f_beta(TARGETS, predicted, beta) == pytest.approx(expected, rel=1e-9)


def test_metrics_are_those_of_scikit_learn():
    found = class_metrics(PROBABILITIES, LABELS)
    assert found["accuracy"] == (PREDICTED == LABELS).mean()
    assert found["log_loss"] == pytest.approx(sklearn.metrics.log_loss(LABELS, PROBABILITIES))
    found = multi_label_metrics(MANY, TARGETS, 0.3)
    assert (found["f2"], found["threshold"]) == (f_beta(TARGETS, MANY >= 0.3), 0.3)
    each = [sklearn.metrics.log_loss(one, other) for one, other in zip(TARGETS.T, MANY.T, strict=True)]
    assert found["log_loss"] == pytest.approx(np.mean(each))


def test_the_best_threshold_is_the_best_of_all():
    threshold, score = best_threshold(MANY, TARGETS)
    others = [f_beta(TARGETS, one <= MANY) for one in np.arange(1, 100) / 100]
    assert score == max(others) == f_beta(TARGETS, threshold <= MANY)
    # Recall weighs more: the threshold is lower than for the harmonic mean.
    assert threshold <= best_threshold(MANY, TARGETS, beta=1.0)[0]


def test_what_is_certain_is_in_the_last_bin():
    counts = calibration_curve([[1.0, 0.0], [0.0, 1.0]], [0, 0])[2]
    assert counts.tolist() == [0] * 9 + [2]


def test_bad_input():
    with pytest.raises(ValueError, match=r"`labels` must be in \[0, 3\), received \[0, 3\]"):
        confusion_matrix([0, 3], [0, 1], 3)
    with pytest.raises(ValueError, match=r"`predicted` must be of shape \(2,\), received \(1,\)"):
        confusion_matrix([0, 1], [0], 3)
    with pytest.raises(ValueError, match="`bins` must be an integer of at least 1"):
        calibration_curve(PROBABILITIES, LABELS, bins=0)


def test_label_losses_are_scikit_learns():
    rng = np.random.default_rng(0)
    probabilities, targets = rng.uniform(0.01, 0.99, size=(6, 3)), rng.integers(0, 2, size=(6, 3))
    truth = [sklearn.metrics.log_loss(row, p, labels=[0, 1]) for row, p in zip(targets, probabilities, strict=True)]
    np.testing.assert_allclose(label_losses(probabilities, targets), truth)


def test_decode_names_the_most_probable_first():
    assert decode([0.2, 0.5, 0.3], ["a", "b", "c"], top=2) == [("b", 0.5), ("c", 0.3)]
    with pytest.raises(ValueError, match="`probabilities` must be of shape"):
        decode([0.2, 0.8], ["a", "b", "c"])
