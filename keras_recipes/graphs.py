"""Graphs without directions or weights: public ones, planted ones, and the user's own."""

import collections
import io
import pickle
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_recipes.config import require
from keras_recipes.fetch import fetch
from keras_recipes.ratings import read_ratings

KARATE_URL = "https://raw.githubusercontent.com/aditya-grover/node2vec/master/graph/karate.edgelist"
KARATE_SHA256 = "854f940aaf02b1755c916e31d31be2e0a50ef5a22a3f2b5bbe85236e5ff67808"
# Who stayed with the instructor when the club split: Zachary, 1977, https://doi.org/10.1086/jar.33.4.3629752, table 3.
INSTRUCTORS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 17, 18, 20, 22)
CORA_URL = "https://github.com/kimiyoung/planetoid/raw/master/data/"
CORA = {  # file: sha256
    "ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
    "ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
}
HARMLESS = {  # name: package
    "defaultdict": "collections", "list": "builtins", "encode": "_codecs",
    "_reconstruct": "numpy", "ndarray": "numpy", "dtype": "numpy",
}  # fmt: skip
KNOWN_GRAPHS = ("synthetic", "karate", "cora", "movielens-latest-small")


class Graph(NamedTuple):
    """A graph.

    Attributes:
        names: List of strings, of the nodes.
        edges: Int64 array of shape `(n, 2)`, numbers of nodes, each edge once.
        labels: Integer array of shape `(nodes,)`, the classes of nodes; None if there are none.
        train: Integer array, nodes whose labels are known; None without labels.
        test: Integer array, nodes on whose labels to judge; None without labels.
    """

    names: list
    edges: np.ndarray
    labels: np.ndarray | None = None
    train: np.ndarray | None = None
    test: np.ndarray | None = None


def read_graph(dataset, seed=0):
    """Read a graph.

    Args:
        dataset: String: "karate", members of a club that split in two, of whom one of each side is known;
            "cora", papers that cite each other, in the split of Planetoid; "movielens-latest-small", people and the
            films that they gave four stars or more, with their ids behind titles that two films share;
            "synthetic", four groups, in which
            edges are more likely than between them; or the path of a file with an
            edge in each line, two names with a space or a comma between.
        seed: Integer, of the synthetic graph.

    Returns:
        `Graph`; loops and repeated edges are left out.

    Raises:
        ValueError: If there is no such data set or file, it is not in UTF-8, or a line is no edge.
    """
    if dataset == "karate":
        lines = fetch("graphs/karate.edgelist", KARATE_URL, KARATE_SHA256).read_text(encoding="utf-8").splitlines()
        found = numbered_graph([line.split() for line in lines])
        labels = np.array([int(name) not in INSTRUCTORS for name in found.names], int)
        known = np.array([found.names.index("1"), found.names.index("34")])  # the instructor and the president
        return found._replace(labels=labels, train=known, test=np.setdiff1d(np.arange(len(labels)), known))
    if dataset == "cora":
        return read_cora()
    if dataset == "synthetic":
        return synthetic_graph(seed)
    if dataset == "movielens-latest-small":
        return graph_of_likes(read_ratings(dataset))
    expected = "one of " + ", ".join(map(repr, KNOWN_GRAPHS)) + ", or the path of a file of edges"
    require(Path(dataset).is_file(), "dataset", expected, dataset)
    try:
        lines = Path(dataset).read_text(encoding="utf-8-sig").replace(",", " ").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"`dataset` must be a file of edges in UTF-8, received {dataset}: {error}") from None
    rows = [(number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()]
    for number, row in rows:
        require(len(row) == 2, "dataset", f"a file of edges, line {number} of {dataset}", " ".join(row))
    return numbered_graph([row for _, row in rows])


def graph_of_likes(ratings):
    """A `Graph` of the people and films of `Ratings`: an edge for each four stars or more."""
    common = collections.Counter(ratings.titles.values())
    names = {film: title if common[title] == 1 else f"{title} {film}" for film, title in ratings.titles.items()}
    liked = ratings.ratings >= 4
    pairs = zip(ratings.users[liked], ratings.items[liked], strict=True)
    return numbered_graph([(f"user {user}", names.get(film, str(film))) for user, film in pairs])


def numbered_graph(pairs):
    """A `Graph` without labels from pairs of names."""
    require(len(pairs) > 0, "dataset", "a graph with edges", "none")
    names, places = np.unique(np.array(pairs), return_inverse=True)
    return Graph(names.tolist(), distinct_edges(places.reshape(-1, 2)))


def distinct_edges(edges):
    """Edges without loops, each once, in their order."""
    edges = np.sort(np.asarray(edges, "int64"), axis=1)
    return np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0)


class HarmlessUnpickler(pickle.Unpickler):
    """Reads arrays and dicts of lists, and nothing that could do anything."""

    def find_class(self, module, name):
        """The class or function of that name."""
        if HARMLESS.get(name) == module.partition(".")[0].replace("__builtin__", "builtins"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a graph")


def read_cora():
    """Cora, as Planetoid has it: 140 papers whose subject is known, and 1,000 to judge on."""
    paths = {name: fetch(f"graphs/{name}", f"{CORA_URL}{name}", sha256) for name, sha256 in CORA.items()}
    try:
        graph, first, last = (
            HarmlessUnpickler(io.BytesIO(paths[name].read_bytes()), encoding="latin1").load()
            for name in ("ind.cora.graph", "ind.cora.ally", "ind.cora.ty")
        )
    except (pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"`dataset` must be files as they were published, received {paths}: {error}") from None
    test = np.loadtxt(paths["ind.cora.test.index"], dtype=int)
    labels = np.zeros(len(first) + len(last), int)
    labels[: len(first)], labels[test] = first.argmax(axis=1), last.argmax(axis=1)
    edges = distinct_edges([(node, other) for node, others in graph.items() for other in others])
    return Graph([str(node) for node in range(len(labels))], edges, labels, np.arange(140), np.sort(test))


def synthetic_graph(seed, groups=4, size=30, inside=0.3, between=0.01):
    """A graph of groups: edges inside of a group and between two of them are of these probabilities; 3 are known."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(groups), size))
    likely = np.where(labels[:, None] == labels, inside, between)
    edges = np.argwhere(np.triu(rng.random(likely.shape) < likely, k=1))
    known = np.concatenate([np.flatnonzero(labels == group)[:3] for group in range(groups)])
    names = [f"node {node}" for node in range(len(labels))]
    return Graph(names, edges, labels, known, np.setdiff1d(np.arange(len(labels)), known))
