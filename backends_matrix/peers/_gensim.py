"""gensim's Word2Vec on a stream of ids."""

import time

import numpy as np


class TrainedVectors:
    """What `evaluate` of word2vec and node2vec asks of a model.

    Args:
        vectors: Float array of shape `(ids, dim)`, of the ids from 1 on.
    """

    def __init__(self, vectors):
        self.all_vectors = vectors

    def vectors(self):
        """The vectors."""
        return self.all_vectors


def gensim_vectors(ids, number, threads, config, **options):
    """Train on sentences of ids, with the settings of a recipe, and gensim's own rate at the start.

    Args:
        ids: Integer array of shape `(n,)`, with 0 behind each sentence.
        number: Integer, ids from 1 on.
        threads: Integer, gensim's workers.
        config: `Config` of word2vec or of node2vec.
        **options: Further ones, as `gensim.models.Word2Vec` takes them.

    Returns:
        Tuple of the vectors, float array of shape `(number, dim)`, zeros for ids that do not come;
        and the seconds that training took, without reading.
    """
    from gensim.models import Word2Vec

    names = np.array([str(number) for number in range(number + 1)], dtype=object)
    ends = np.flatnonzero(ids == 0)
    begins = np.concatenate([[0], ends[:-1] + 1])
    sentences = [names[ids[begin:end]].tolist() for begin, end in zip(begins, ends, strict=True)]
    tree = config.output == "hierarchical_softmax"
    options |= {"hs": int(tree), "negative": 0 if tree else config.num_negatives, "seed": config.seed + 1}
    options |= {"vector_size": config.embedding_dim, "window": config.window, "epochs": config.epochs}
    model = Word2Vec(min_count=1, workers=threads, **options)
    model.build_vocab(sentences)
    begin = time.perf_counter()
    model.train(sentences, total_examples=model.corpus_count, epochs=model.epochs)
    seconds = time.perf_counter() - begin
    vectors = np.zeros((number, model.vector_size), "float32")
    for word, place in model.wv.key_to_index.items():
        vectors[int(word) - 1] = model.wv.vectors[place]
    return vectors, seconds
