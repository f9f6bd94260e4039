"""gensim on the text of word2vec."""

import time

from backends_matrix.peers._gensim import TrainedVectors, gensim_vectors


def run_gensim(recipe, config, data, threads):
    """Train gensim's Word2Vec with the same settings, and its own rate at the start."""
    options = {
        "vector_size": config.embedding_dim, "window": config.window, "sample": config.sample, "epochs": config.epochs,
        "sg": int(config.architecture == "skip_gram"), "hs": int(config.output == "hierarchical_softmax"),
        "negative": 0 if config.output == "hierarchical_softmax" else config.num_negatives,
    }  # fmt: skip
    begin = time.perf_counter()
    vectors, seconds = gensim_vectors(data.train[0], data.sizes["num_words"], threads, config.seed, **options)
    metrics = recipe.evaluate(TrainedVectors(vectors), data, config)
    return min(seconds, time.perf_counter() - begin), metrics


def work(config, data):
    """Words of the text, in all epochs."""
    return int(data.names["counts"].sum()) * config.epochs, "words"


PEERS = {"gensim": run_gensim}
