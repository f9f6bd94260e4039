"""gensim on the text of word2vec."""

from backends_matrix.peers._gensim import TrainedVectors, gensim_vectors


def run_gensim(recipe, config, data, threads):
    """Train gensim's Word2Vec with the same settings."""
    options = {"sg": int(config.architecture == "skip_gram"), "sample": config.sample}
    vectors, seconds = gensim_vectors(data.train[0], data.sizes["num_words"], threads, config, **options)
    return seconds, recipe.evaluate(TrainedVectors(vectors), data, config)


def work(config, data):
    """Words of the text, in all epochs."""
    return int(data.names["counts"].sum()) * config.epochs, "words"


PEERS = {"gensim": run_gensim}
