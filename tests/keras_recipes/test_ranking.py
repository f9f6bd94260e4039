import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from keras_recipes.ranking import (
    first_uses,
    leave_last_out,
    popularity_scores,
    ranking_metrics,
    scores_for_new,
    zero_filled_svd,
)
from keras_recipes.ratings import synthetic_interactions, synthetic_ratings

RNG = np.random.default_rng(0)


def test_the_last_item_of_each_user_is_held_back():
    pairs = np.array([[0, 5], [1, 6], [0, 7], [2, 8], [1, 9], [0, 4]])
    train, test = leave_last_out(pairs, np.array([3, 1, 2, 4, 1, 0]))
    assert train.tolist() == [[0, 4], [1, 6], [0, 7], [2, 8]]  # in the order of time; 2 has one item only
    assert test.tolist() == [[1, 9], [0, 5]]  # of equal times the later row is the later one
    with pytest.raises(ValueError, match="`dataset` must be users of two items or more"):
        leave_last_out(pairs[3:4], np.zeros(1))


def test_of_repeated_uses_the_first_one_counts():
    pairs = np.array([[0, 5], [1, 5], [0, 5], [0, 6], [1, 5], [0, 5]])
    times = np.array([3, 1, 2, 4, 1, 2])
    found, when = first_uses(pairs, times)
    assert found.tolist() == [[1, 5], [0, 5], [0, 6]]  # in their order
    assert when.tolist() == [1, 2, 4]
    alone = np.unique(RNG.integers(9, size=(40, 2)), axis=0)
    np.testing.assert_array_equal(first_uses(alone, RNG.integers(9, size=len(alone)))[0], alone)
    assert len(first_uses(alone[:0], np.zeros(0))[0]) == 0


@pytest.mark.parametrize("batch", [7, 1000])
def test_metrics_are_those_of_a_loop_and_of_scikit_learn(batch):
    scores, k = RNG.normal(size=(30, 20)), 5
    train = np.stack([RNG.integers(30, size=100), RNG.integers(15, size=100)], axis=1)
    test = np.stack([np.arange(30), RNG.integers(15, 20, size=30)], axis=1)
    found = ranking_metrics(lambda users: scores[users], train, test, 20, k, batch)
    recalls, gains = [], []
    for user, chosen in test:
        free = np.setdiff1d(np.arange(20), train[train[:, 0] == user, 1])
        recalls.append(chosen in free[np.argsort(-scores[user, free])][:k])
        gains.append(ndcg_score([free == chosen], [scores[user, free]], k=k))
    assert found["recall"] == pytest.approx(np.mean(recalls))
    assert found["ndcg"] == pytest.approx(np.mean(gains))


def test_equal_scores_share_a_place():
    train, test = np.array([[0, 0]]), np.array([[0, 3]])
    for k, recall in ((2, 0.0), (3, 1.0)):  # four free items, all alike: the mean place is 2.5
        assert ranking_metrics(lambda users: np.zeros((len(users), 5)), train, test, 5, k)["recall"] == recall
    with pytest.raises(ValueError, match="`k` must be"):
        ranking_metrics(lambda users: None, train, test, 5, 0)


def test_popularity():
    train = np.array([[0, 1], [1, 1], [1, 2]])
    np.testing.assert_array_equal(popularity_scores(train, 4)(np.array([0, 1])), [[0, 2, 1, 0]] * 2)


def test_the_svd_is_that_of_numpy():
    train = np.unique(RNG.integers(12, size=(60, 2)), axis=0)
    table = np.zeros((12, 12))
    table[train[:, 0], train[:, 1]] = 1
    left, sizes, right = np.linalg.svd(table)
    expected = left[:, :3] * sizes[:3] @ right[:3]
    np.testing.assert_allclose(zero_filled_svd(train, 12, 12, 3)(np.arange(12)), expected, atol=1e-6)


def test_the_svd_takes_silence_for_a_verdict():
    """Of ratings it predicts far too low ones, where a mean alone is right to a point or so."""
    ratings = synthetic_ratings(100, 0)
    pairs = np.stack([ratings.users, ratings.items], axis=1)
    cut = RNG.permutation(len(pairs))
    train, test = cut[:6000], cut[6000:]
    scores = zero_filled_svd(pairs[train], 100, 100, 10, ratings.ratings[train])(np.arange(100))
    error = scores[pairs[test, 0], pairs[test, 1]] - ratings.ratings[test]
    assert error.mean() < -0.5
    assert np.sqrt(np.mean(error**2)) > 1.2 * np.std(ratings.ratings[test])


def test_somebody_new_gets_a_vector_by_least_squares():
    items, used = RNG.normal(size=(40, 4)), np.array([3, 8])
    wanted = np.isin(np.arange(40), used).astype(float)
    strength = np.sqrt(np.mean(np.sum(items**2, axis=1)))
    rows, goals = np.concatenate([items, strength * np.eye(4)]), np.concatenate([wanted, np.zeros(4)])
    vector = np.linalg.lstsq(rows, goals, rcond=None)[0]
    np.testing.assert_allclose(scores_for_new(items)(used), items @ vector, rtol=1e-9)


@pytest.mark.parametrize("large", [False, True])
def test_people_use_items_of_their_group(large):
    found = synthetic_interactions(0, large)
    same = found.users % 4 == found.items % 4
    assert 0.75 < same.mean() < 1
    assert len(np.unique(np.stack([found.users, found.items]), axis=1).T) == len(found.users)
    assert found.genres[5] == ["group 1"]
    assert (np.diff(found.timestamps) > 0).all()
