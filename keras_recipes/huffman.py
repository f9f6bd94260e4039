"""A binary tree over words in which frequent ones lie near the root: for hierarchical softmax."""

import heapq

import numpy as np

from keras_recipes.config import require


def huffman_paths(counts):
    """The way to each word from the root of its Huffman tree.

    Args:
        counts: Integer array of shape `(words,)`, at least two of them.

    Returns:
        Tuple of two arrays of shape `(words, longest)`: int32 numbers of the inner nodes, from 0 to
        `words - 2`, the root first; and float32 directions, 1 or -1, and 0 behind the end.

    Raises:
        ValueError: If there are fewer than two words.

    Reference:
        Mikolov et al., 2013, https://arxiv.org/abs/1310.4546, section 2.1.
    """
    size = len(counts)
    require(size > 1, "dataset", "two words or more for a tree over them", size)
    queue = [(int(count), number) for number, count in enumerate(counts)]
    heapq.heapify(queue)
    parent, side = np.zeros(2 * size - 1, int), np.zeros(2 * size - 1, int)
    for node in range(size, 2 * size - 1):
        (one, left), (other, right) = heapq.heappop(queue), heapq.heappop(queue)
        parent[left] = parent[right] = node
        side[left], side[right] = 1, -1
        heapq.heappush(queue, (one + other, node))
    root, nodes, sides = 2 * size - 2, [], []
    here = np.arange(size)
    while (here != root).any():
        above = here != root
        nodes.append(np.where(above, parent[here], -1))
        sides.append(np.where(above, side[here], 0))
        here = np.where(above, parent[here], root)
    nodes, sides = np.stack(nodes, axis=1), np.stack(sides, axis=1)  # from the words upwards
    lengths = (sides != 0).sum(axis=1, keepdims=True)
    places = lengths - 1 - np.arange(nodes.shape[1])  # downwards
    there = places >= 0
    nodes, sides = (np.take_along_axis(array, np.maximum(places, 0), axis=1) for array in (nodes, sides))
    return np.where(there, nodes - size, 0).astype("int32"), np.where(there, sides, 0).astype("float32")
