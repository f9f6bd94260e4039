"""Rankings of items for users: how they are judged, and what a model must be better than."""

import numpy as np
from scipy.sparse import coo_matrix
from sklearn.utils.extmath import randomized_svd

from keras_recipes.config import require
from keras_recipes.ratings import index_of


def first_uses(pairs, times):
    """Keep one of several uses of an item by the same user, the first one.

    Args:
        pairs: Integer array of shape `(n, 2)`, of user and item.
        times: Array of shape `(n,)`; of equal times the order of rows counts.

    Returns:
        Tuple of `pairs` and `times` without the others, in their order.
    """
    order = np.argsort(times, kind="stable")
    codes = pairs[order, 0].astype("int64") * (pairs[:, 1].max(initial=0) + 1) + pairs[order, 1]
    first = np.sort(order[np.unique(codes, return_index=True)[1]])
    return pairs[first], times[first]


def leave_last_out(pairs, times):
    """Hold back the last item of each user who has two or more.

    Args:
        pairs: Integer array of shape `(n, 2)`, of user and item.
        times: Array of shape `(n,)`; of equal times the order of rows counts.

    Returns:
        Tuple `(train, test)` of arrays like `pairs`, each in the order of time.

    Raises:
        ValueError: If nobody has two items.
    """
    order = np.argsort(times, kind="stable")
    users = pairs[order, 0]
    last = np.zeros(len(users), bool)
    last[len(users) - 1 - np.unique(users[::-1], return_index=True)[1]] = True
    last &= np.bincount(users)[users] > 1
    require(last.any(), "dataset", "users of two items or more", "none")
    return pairs[order[~last]], pairs[order[last]]


class KnownPairs:
    """Which users have which items.

    Args:
        pairs: Integer array of shape `(n, 2)`, of user and item.
        num_items: Integer.
    """

    def __init__(self, pairs, num_items):
        self.num_items = num_items
        self.codes = np.sort(pairs[:, 0].astype("int64") * num_items + pairs[:, 1])

    def hold(self, users, items):
        """Whether each user has each item: Boolean array of shape `(users, items)`."""
        codes = users[:, None].astype("int64") * self.num_items + items
        return index_of(codes, self.codes) > 0


def best_items(scores, without, titles, k):
    """The items with the highest scores.

    Args:
        scores: Float array of shape `(num_items,)`.
        without: Sequence of integers, items that are out of question.
        titles: Sequence of strings.
        k: Integer of at least 1, how many.

    Returns:
        List of at most `k` tuples `(title, score)`, best first.

    Raises:
        ValueError: If `k` is below 1.
    """
    require(k >= 1, "k", "an integer of at least 1", k)
    scores = np.array(scores, "float64")
    scores[without] = -np.inf
    best = np.argsort(-scores, kind="stable")[:k]
    return [(str(titles[i]), float(scores[i])) for i in best if scores[i] > -np.inf]


def ranking_metrics(scores, train, test, num_items, k=10, batch=1000):
    """How high the item that a user chose stands among all those that the user did not have before.

    Args:
        scores: Function from an integer array of users, of shape `(n,)`, to a float array of shape `(n, num_items)`.
        train: Integer array of shape `(n, 2)`, pairs of user and item: these items are out of question.
        test: Integer array of shape `(m, 2)`, one pair for each user to judge by.
        num_items: Integer.
        k: Integer of at least 1, the length of a list.
        batch: Integer, users at a time.

    Returns:
        Dict of floats: `recall`, the share of users in whose first `k` items it is, and `ndcg`, the mean of
        1 / log2(1 + place), 0 behind the first `k`. Items of equal scores share the mean of their places.

    Raises:
        ValueError: If `k` is below 1.
    """
    require(k >= 1, "k", "an integer of at least 1", k)
    places = []
    for part in np.array_split(test, -(-len(test) // batch)):
        users, chosen = part[:, 0], part[:, 1]
        found = np.array(scores(users), "float64")
        row_of = np.full(max(train[:, 0].max(), users.max()) + 1, -1)
        row_of[users] = np.arange(len(users))
        known = train[row_of[train[:, 0]] >= 0]
        found[row_of[known[:, 0]], known[:, 1]] = -np.inf
        own = found[np.arange(len(users)), chosen][:, None]
        places.append(1 + (found > own).sum(axis=1) + ((found == own).sum(axis=1) - 1) / 2)
    places = np.concatenate(places)
    gains = np.where(places <= k, 1 / np.log2(1 + places), 0)
    return {"recall": float((places <= k).mean()), "ndcg": float(gains.mean())}


def popularity_scores(train, num_items):
    """A function for `ranking_metrics`: items by how many have them, for everybody alike."""
    counts = np.bincount(train[:, 1], minlength=num_items)
    return lambda users: np.tile(counts, (len(users), 1))


def zero_filled_svd(train, num_users, num_items, rank, values=None):
    """A function for `ranking_metrics`: a singular value decomposition of the table in which what is missing is 0.

    For rankings this is hard to beat; of ratings it predicts far too low ones, as it takes silence for a verdict.

    Args:
        train: Integer array of shape `(n, 2)`, pairs of user and item.
        num_users: Integer.
        num_items: Integer.
        rank: Integer of at least 1, singular values that are kept.
        values: Float array of shape `(n,)`, such as ratings; 1 if absent.

    Returns:
        Function from users to the entries of all items in the table of that rank.

    Reference:
        Cremonesi, Koren and Turrin, 2010, https://doi.org/10.1145/1864708.1864721, section 3.3.
    """
    values = np.ones(len(train)) if values is None else np.asarray(values, "float64")
    table = coo_matrix((values, (train[:, 0], train[:, 1])), shape=(num_users, num_items)).tocsr()
    left, sizes, right = randomized_svd(table, rank, random_state=0)
    return lambda users: (left[users] * sizes) @ right


def scores_for_new(items, strength=1.0):
    """A function that scores items for somebody new, of whom only some items are known.

    Their vector is the one whose scores for these items are near 1, and else near 0.

    Args:
        items: Float array of shape `(num_items, dim)`, the vectors of items.
        strength: Float above 0, how strongly the vector is held near 0, in mean squares of items.

    Returns:
        Function from an integer array of items to the scores of all items, float array of shape `(num_items,)`.

    Reference:
        Hu, Koren and Volinsky, 2008, https://doi.org/10.1109/ICDM.2008.22, section 4, equation 4, without weights.
    """
    gram = items.T @ items
    held = gram + strength * np.trace(gram) / len(items) * np.eye(items.shape[1])
    return lambda used: items @ np.linalg.solve(held, items[used].sum(axis=0))
