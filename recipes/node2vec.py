"""node2vec: a vector for each node of a graph, learned from random walks as if they were sentences.

    python -m recipes.node2vec                                 # Cora, papers that cite each other
    python -m recipes.node2vec --preset karate                 # a club that split in two
    python -m recipes.node2vec --preset movielens              # which films will people like
    python -m recipes.node2vec --preset smoke                  # no download, seconds
    python -m recipes.node2vec --dataset edges.txt --held-edges 0.1 --q 0.5

A run leaves `vectors.txt`, in the format of word2vec: `WordVectors.load(path)` has `most_similar`.

Source: Grover and Leskovec, 2016, https://arxiv.org/abs/1607.00653, section 3;
    Perozzi, Al-Rfou and Skiena, 2014, https://arxiv.org/abs/1403.6652 (p = q = 1, with a tree: DeepWalk).
Reaches: of the 1,000 test papers of Cora, by 140 known ones, 0.6920 ± 0.0111 on JAX, 0.6963 ± 0.0055 on TensorFlow,
    0.6933 ± 0.0155 on PyTorch (three seeds each); of the 32 members of the club, by the two it split over, 31.
"""

from dataclasses import dataclass

import keras
import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from keras_recipes.config import parse_config, require, require_at_least, require_fraction, require_one_of, require_seed
from keras_recipes.data import Data
from keras_recipes.graphs import read_graph
from keras_recipes.optimizers import SparseAdagrad, SparseSGD
from keras_recipes.pictures import graph_picture, principal_plane
from keras_recipes.random_walks import Neighbours, random_walks
from keras_recipes.run import save_run
from keras_recipes.training import Checkpoint, fit
from keras_recipes.window_batches import WindowBatches
from keras_recipes.window_model import WindowModel
from keras_recipes.word_vectors import WordVectors, directions_of


@dataclass(frozen=True)
class Config:
    """What can be chosen; each field is a flag of the command line."""

    dataset: str = "cora"  # or "karate"; "movielens-latest-small"; "synthetic"; or path of a file with an edge per line
    held_edges: float = 0.0  # share of the edges that no walk takes, and that are to be told from pairs without one
    walks: int = 10  # that begin at each node
    walk_length: int = 80  # nodes in a walk
    p: float = 1.0  # how seldom a walk turns back
    q: float = 1.0  # how seldom it goes away from where it came from
    output: str = "negative_sampling"  # or "hierarchical_softmax"
    embedding_dim: int = 128  # numbers per node
    window: int = 10  # how far neighbours in a walk are at most; for each node a number up to it is drawn
    num_negatives: int = 5  # nodes that are not there, for each that is
    shared_negatives: int = 20  # how many are drawn for a block of nodes, which stand for these
    optimizer: str = "adagrad"  # which bears nodes that come very often, and the root of a tree; or "sgd"
    batch_size: int = 1024  # nodes of the walks per step
    epochs: int = 1  # passes over the walks
    learning_rate: float = 0.1  # at the start; falls to zero in a straight line
    seed: int = 0  # of walks, vectors, order, windows, negatives, held edges and synthetic data

    def __post_init__(self):
        require_one_of(self, "output", ("negative_sampling", "hierarchical_softmax"))
        require_one_of(self, "optimizer", ("sgd", "adagrad"))
        require_at_least(self, 1, "walks", "walk_length", "embedding_dim", "window", "num_negatives")
        require_at_least(self, 1, "shared_negatives", "batch_size", "epochs")
        require_at_least(self, 0, "learning_rate")
        require_fraction(self, "held_edges")
        for name in ("p", "q"):
            require(0 < getattr(self, name) < np.inf, name, "a number above 0", getattr(self, name))
        require_seed(self, "seed")


SMALL = {"dataset": "synthetic", "embedding_dim": 8, "walks": 4, "walk_length": 20, "window": 4, "batch_size": 256}
BEGIN = 100_000  # nodes of the walks from which blocks are taken to look at
PRESETS = {
    "full": Config(),
    "karate": Config(
        dataset="karate", embedding_dim=16, walk_length=40, window=5, epochs=5
    ),
    "movielens": Config(dataset="movielens-latest-small", held_edges=0.1),
    "smoke": Config(**SMALL, held_edges=0.1, learning_rate=0.2, epochs=2, q=0.5),
    "smoke-tree": Config(
        **SMALL, output="hierarchical_softmax", learning_rate=0.2, epochs=2, p=2.0
    ),
    "bench": Config(dataset="synthetic", epochs=8),
}  # fmt: skip


def load_data(config):
    """Walks, ids of nodes from 1 on, int32 of shape (n,), with 0 behind each walk; and some blocks of them."""
    graph, rng = read_graph(config.dataset, config.seed), np.random.default_rng([config.seed, 1])
    order = rng.permutation(len(graph.edges))
    held = round(len(order) * config.held_edges)
    judged = config.held_edges > 0 or graph.labels is not None
    require(judged, "held_edges", "above 0 for a graph without labels, to judge by something", config.held_edges)
    enough = held > 0 or config.held_edges == 0
    require(enough, "held_edges", f"such that one edge or more of the {len(order)} is held back", config.held_edges)
    require(held < len(order), "held_edges", "such that edges are left to walk on", config.held_edges)
    free = held == 0 or len(pairs_without_edge(graph, held, config.seed)) > 0
    require(free, "dataset", "a graph with pairs without an edge, to tell held edges from", config.dataset)
    neighbours = Neighbours(graph.edges[order[held:]], len(graph.names))
    starts = np.concatenate([rng.permutation(len(graph.names)) for _ in range(config.walks)])
    walks = random_walks(neighbours, starts, config.walk_length, config.p, config.q, rng)
    ids = np.pad(walks + 1, [[0, 0], [0, 1]]).ravel().astype("int32")
    counts = np.bincount(ids, minlength=len(graph.names) + 1)[1:]
    blocks = batches_of(ids[:BEGIN], counts, config)[0][0]
    names = {"graph": graph, "held": graph.edges[order[:held]], "counts": counts}
    train, test = (ids, np.zeros(len(ids), "int8")), (blocks, np.zeros(len(blocks[0]), "int8"))
    return Data(train, test, {"num_nodes": len(graph.names)}, names)


def build_model(config, data):
    """The model of word2vec, skip-gram."""
    options = {"num_negatives": config.num_negatives, "seed": config.seed, "name": "node2vec"}
    sizes = config.embedding_dim, config.window, config.output
    model = WindowModel.for_counts(data.names["counts"], *sizes, **options)
    model(keras.tree.map_structure(lambda array: array[:1], data.test[0]))
    steps = config.epochs * len(batches_of(data.train[0], data.names["counts"], config))
    rate = keras.optimizers.schedules.PolynomialDecay(config.learning_rate, steps, 0.0)
    model.compile(SparseSGD(rate) if config.optimizer == "sgd" else SparseAdagrad(rate, 0.0, row_wise=True))
    return model


def batches_of(ids, counts, config):
    """Blocks of walks with windows and nodes that are not there."""
    options = {"num_negatives": config.shared_negatives, "sample": 0.0, "seed": config.seed}
    return WindowBatches(ids, counts, config.batch_size, config.window, **options)


def train(model, data, config, callbacks=()):
    """Make nodes likely that come near each other in walks, and others unlikely."""
    return fit(model, batches_of(data.train[0], data.names["counts"], config), config.epochs, callbacks)


def evaluate(model, data, config):
    """Whether classes of nodes, of which some are known, and edges that were held back, are told from vectors.

    `accuracy` is that of a logistic regression on the nodes whose labels are known, which is the micro-averaged F1;
    `rand_index` compares clusters, found without labels, with the classes (1 is the same, 0 is chance);
    `link_auc` is the area under the ROC curve of cosines of held edges and of as many pairs without an edge.
    """
    graph, vectors, found = data.names["graph"], model.vectors(), {}
    if graph.labels is not None:
        known, asked = graph.train, graph.test
        regression = LogisticRegression(max_iter=1000, C=10.0).fit(vectors[known], graph.labels[known])
        found["accuracy"] = float(regression.score(vectors[asked], graph.labels[asked]))
        clusters = KMeans(len(np.unique(graph.labels)), n_init=10, random_state=0).fit_predict(directions_of(vectors))
        found["rand_index"] = float(adjusted_rand_score(graph.labels, clusters))
    if len(data.names["held"]):
        others = pairs_without_edge(graph, len(data.names["held"]), config.seed)
        pairs = np.concatenate([data.names["held"], others])
        cosines = (directions_of(vectors)[pairs[:, 0]] * directions_of(vectors)[pairs[:, 1]]).sum(axis=1)
        found["link_auc"] = float(roc_auc_score(np.arange(len(pairs)) < len(data.names["held"]), cosines))
    return found


def pairs_without_edge(graph, number, seed):
    """Pairs of nodes at random, each of which has edges, but not with the other one: int64 of shape (number, 2).

    There are fewer pairs where nearly every node has an edge with every other one.
    """
    rng, neighbours = np.random.default_rng([seed, 2]), Neighbours(graph.edges, len(graph.names))
    # Of the ends of edges, so that busy nodes are as frequent as among the edges.
    pairs = np.stack([rng.choice(graph.edges[:, side], 20 * number) for side in (0, 1)], axis=1)
    free = (pairs[:, 0] != pairs[:, 1]) & ~neighbours.are_next(pairs[:, 0], pairs[:, 1])
    return pairs[free][:number]


def show(model, data, config, folder):
    """The graph in the plane: nodes where their vectors differ most, in the colours of their classes."""
    graph, plane = data.names["graph"], principal_plane(directions_of(model.vectors()))
    return [graph_picture(plane, graph.edges, graph.labels, graph.names, folder / "graph.png")]


def main(argv=None):
    config, folder = parse_config(Config, PRESETS, argv)
    checkpoint = Checkpoint(folder / "training.safetensors", config)  # a run that was killed goes on from there
    keras.utils.set_random_seed(config.seed)
    data = load_data(config)
    model = build_model(config, data)
    history = train(model, data, config, [checkpoint])
    metrics = evaluate(model, data, config)
    save_run(folder, config, model, history, metrics)
    names = [name.replace(" ", "_") for name in data.names["graph"].names]
    WordVectors(names, model.vectors()).save(folder / "vectors.txt")
    show(model, data, config, folder)


if __name__ == "__main__":
    main()
