"""A small language whose similarities and analogies are known."""

import numpy as np

SIZES = {"synthetic": (6, 4, 3000), "synthetic_large": (40, 6, 40_000)}  # kinds, sorts, sentences
NEIGHBOURS = 3  # of a kind or a sort: words that say it


def synthetic_sentences(name, seed):
    """Sentences around nouns that have a kind and a sort, as "queen" is a ruler and a woman.

    A sentence holds a noun, words that come with its kind, and words that come with its sort, in any order. So two
    nouns are the more alike the more of both they share, and a noun is to one of another
    sort as a second noun of its sort is to one of that other sort and the second's kind.

    Args:
        name: String, a key of `SIZES`.
        seed: Integer.

    Returns:
        Tuple of a list of sentences, lists of strings; a list of tuples `(noun, noun, what they share)`, the
        latter 0 or 1; and a dict from "kinds" to a list of analogies, tuples of four nouns.
    """
    kinds, sorts, number = SIZES[name]
    rng = np.random.default_rng(seed)
    nouns = [[f"noun_{kind}_{sort}" for sort in range(sorts)] for kind in range(kinds)]
    sentences = []
    for kind, sort in zip(rng.integers(kinds, size=number), rng.integers(sorts, size=number), strict=True):
        of_kind = [f"kind_{kind}_{place}" for place in rng.integers(NEIGHBOURS, size=3)]
        of_sort = [f"sort_{sort}_{place}" for place in rng.integers(NEIGHBOURS, size=3)]
        words = [nouns[kind][sort], *of_kind, *of_sort]
        sentences.append([words[place] for place in rng.permutation(len(words))])
    every = [(kind, sort) for kind in range(kinds) for sort in range(sorts)]
    couples = [(a, b) for place, a in enumerate(every) for b in every[place + 1 :]]
    pairs = [(nouns[a[0]][a[1]], nouns[b[0]][b[1]], float(a[0] == b[0] or a[1] == b[1])) for a, b in couples]
    analogies = []
    for _ in range(min(500, kinds * kinds * sorts)):
        (k, other), (s, third) = rng.choice(kinds, 2, replace=False), rng.choice(sorts, 2, replace=False)
        analogies.append((nouns[k][s], nouns[k][third], nouns[other][s], nouns[other][third]))
    return sentences, pairs, {"kinds": analogies}
