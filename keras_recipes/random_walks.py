"""Random walks over a graph, all of them a step at a time."""

import numpy as np

from keras_recipes.config import require
from keras_recipes.ratings import index_of


class Neighbours:
    """Who is next to whom in a graph.

    Args:
        edges: Integer array of shape `(n, 2)`, each edge once.
        num_nodes: Integer.
    """

    def __init__(self, edges, num_nodes):
        both = np.concatenate([edges, edges[:, ::-1]]).astype("int64")
        self.codes = np.sort(both[:, 0] * num_nodes + both[:, 1])
        self.num_nodes = num_nodes
        self.others = self.codes % num_nodes  # of node 0, of node 1, …
        self.degrees = np.bincount(self.codes // num_nodes, minlength=num_nodes)
        self.begins = np.cumsum(self.degrees) - self.degrees

    def draw(self, nodes, rng):
        """One neighbour of each node, at random; each node has one or more."""
        places = (rng.random(len(nodes)) * self.degrees[nodes]).astype("int64")
        return self.others[self.begins[nodes] + places]

    def are_next(self, nodes, others):
        """Whether there is an edge between a node and another one, for each pair."""
        return index_of(nodes * self.num_nodes + others, self.codes) > 0


def random_walks(neighbours, starts, length, p=1.0, q=1.0, rng=None):
    """Walks that tend to turn back, to stay near, or to go away.

    From a node that it came to, a walk goes to a neighbour with a probability in proportion to 1 / p if that is where
    it came from, to 1 if that is next to where it came from, and else to 1 / q. A neighbour is
    proposed, and taken with that probability, so that no table of pairs of nodes is needed.

    Args:
        neighbours: `Neighbours`.
        starts: Integer array of shape `(walks,)`, the first nodes.
        length: Integer of at least 1, nodes in a walk.
        p: Float above 0, how seldom a walk turns back.
        q: Float above 0, how seldom it goes away.
        rng: `numpy.random.Generator`.

    Returns:
        Int64 array of shape `(walks, length)`; a walk stays at a node without edges.

    Raises:
        ValueError: If `length`, `p` or `q` is out of range.

    Reference:
        Grover and Leskovec, 2016, https://arxiv.org/abs/1607.00653, section 3.2;
        by proposals: Yang et al., 2019, https://doi.org/10.1145/3341301.3359634, section 3.
    """
    require(length >= 1, "length", "an integer of at least 1", length)
    require(p > 0, "p", "above 0", p)
    require(q > 0, "q", "above 0", q)
    rng = rng or np.random.default_rng()
    walks = np.repeat(np.asarray(starts, "int64")[:, None], length, axis=1)
    moving = np.flatnonzero(neighbours.degrees[walks[:, 0]] > 0)
    if length > 1:
        walks[moving, 1] = neighbours.draw(walks[moving, 0], rng)
    for step in range(2, length):
        walks[moving, step] = next_nodes(neighbours, walks[moving, step - 2], walks[moving, step - 1], p, q, rng)
    return walks


def next_nodes(neighbours, before, here, p, q, rng):
    """The node that each walk goes to from `here`, having come from `before`; arguments as of `random_walks`."""
    found, left, most = np.empty_like(here), np.arange(len(here)), max(1 / p, 1, 1 / q)
    while len(left):
        there = neighbours.draw(here[left], rng)
        near = np.where(neighbours.are_next(before[left], there), 1, 1 / q)
        taken = rng.random(len(left)) * most < np.where(there == before[left], 1 / p, near)
        found[left[taken]] = there[taken]
        left = left[~taken]
    return found
