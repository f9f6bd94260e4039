"""gensim on the walks of node2vec."""

from backends_matrix.peers._gensim import TrainedVectors, gensim_vectors


def run_gensim(recipe, config, data, threads):
    """Train gensim's Word2Vec with the same settings, and its own rate at the start."""
    options = {
        "vector_size": config.embedding_dim, "window": config.window, "sample": 0, "epochs": config.epochs, "sg": 1,
        "hs": int(config.output == "hierarchical_softmax"),
        "negative": 0 if config.output == "hierarchical_softmax" else config.num_negatives,
    }  # fmt: skip
    vectors, seconds = gensim_vectors(data.train[0], data.sizes["num_nodes"], threads, config.seed, **options)
    return seconds, recipe.evaluate(TrainedVectors(vectors), data, config)


def work(config, data):
    """Nodes of the walks, in all epochs."""
    return int(data.names["counts"].sum()) * config.epochs, "nodes"


PEERS = {"gensim": run_gensim}
