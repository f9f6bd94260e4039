"""gensim on the walks of node2vec."""

from backends_matrix.peers._gensim import TrainedVectors, gensim_vectors


def run_gensim(recipe, config, data, threads):
    """Train gensim's Word2Vec with the same settings."""
    options = {"sg": 1, "sample": 0}
    vectors, seconds = gensim_vectors(data.train[0], data.sizes["num_nodes"], threads, config, **options)
    return seconds, recipe.evaluate(TrainedVectors(vectors), data, config)


def work(config, data):
    """Nodes of the walks, in all epochs."""
    return int(data.names["counts"].sum()) * config.epochs, "nodes"


PEERS = {"gensim": run_gensim}
