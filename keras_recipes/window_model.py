"""Vectors of words, or of nodes, learned from what is near them: the model behind word2vec and node2vec."""

import keras
import numpy as np
from keras import ops

from keras_recipes.config import require
from keras_recipes.huffman import huffman_paths
from keras_recipes.layers import SparseEmbedding
from keras_recipes.training import StepModel


@keras.saving.register_keras_serializable(package="keras_recipes")
class WindowModel(StepModel):
    """Two tables: of words, and of what is predicted.

    It trains on batches of `WindowBatches`; called with such a one, it returns the vectors of its words. All words of a
    block are compared with the same words that are not there, so that the work is products of matrices; each pair has
    `num_negatives` of them by weight.

    Args:
        num_words: Integer, ids from 1 on.
        embedding_dim: Integer, numbers per word.
        window: Integer, that of the batches.
        architecture: String: "skip_gram", from a word to its neighbours; or "cbow", from their mean to the word.
            Each neighbour then moves by the whole gradient of the mean, as in word2vec.c, not by its share.
        num_negatives: Integer, words that are not there for each that is.
        path_length: Integer, the nodes on the way to a word at most, of hierarchical softmax; 0 without it.
            `for_counts` makes such a model.
        seed: Integer, of the vectors at the start.

    Raises:
        ValueError: If there is no such architecture.

    Reference:
        Mikolov et al., 2013, https://arxiv.org/abs/1301.3781, section 3; https://arxiv.org/abs/1310.4546, section 2;
        Ji et al., 2016, https://arxiv.org/abs/1604.04661, section III (shared negatives).
    """

    logs = ("loss",)

    def __init__(
        self, num_words, embedding_dim, window, architecture="skip_gram", num_negatives=5, path_length=0, seed=0,
        **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        require(architecture in ("skip_gram", "cbow"), "architecture", "one of 'skip_gram', 'cbow'", architecture)
        self.num_words, self.embedding_dim, self.window = num_words, embedding_dim, window
        self.architecture, self.num_negatives, self.path_length = architecture, num_negatives, path_length
        self.seed = seed
        start = keras.initializers.RandomUniform(-0.5 / embedding_dim, 0.5 / embedding_dim, seed=seed)
        self.words = SparseEmbedding(num_words + 1, embedding_dim, start, name="words")
        self.predicted = SparseEmbedding(num_words + 1, embedding_dim, "zeros", name="predicted")
        for table in (self.words, self.predicted):
            table.build(None)
        if path_length:
            options = {"shape": (num_words + 1, path_length), "initializer": "zeros", "trainable": False}
            self.nodes = self.add_weight(**options, dtype="int32", name="nodes")
            self.sides = self.add_weight(**options, name="sides")

    @classmethod
    def for_counts(cls, counts, embedding_dim, window, output="negative_sampling", **kwargs):
        """A model for words that come so often.

        Args:
            counts: Integer array of shape `(num_words,)`.
            embedding_dim: Integer, numbers per word.
            window: Integer, that of the batches.
            output: String: "negative_sampling", or "hierarchical_softmax", by the Huffman tree of the words.
            **kwargs: Further arguments of the model.

        Returns:
            `WindowModel`.
        """
        if output == "negative_sampling":
            return cls(len(counts), embedding_dim, window, **kwargs)
        paths = huffman_paths(counts)
        model = cls(len(counts), embedding_dim, window, path_length=paths[0].shape[1], **kwargs)
        for weight, values in zip((model.nodes, model.sides), paths, strict=True):
            weight.assign(np.concatenate([np.zeros_like(values[:1]), values]))  # id 0 is no word
        return model

    def call(self, inputs):
        """The vectors of the words of blocks, (blocks, around, dim)."""
        return self.words(inputs[0])

    def vectors(self):
        """The vectors of all words, float32 array of shape `(num_words, embedding_dim)`."""
        return self.words.get_weights()[0][1:]

    def step(self, data, training):
        """A step against the sum of the losses of all pairs of a batch; the mean is logged."""
        words, reach, negatives = map(ops.convert_to_tensor, data[0])
        loss = {"skip_gram": self.skip_gram_loss, "cbow": self.cbow_loss}[self.architecture]
        total, number = self.minimize(lambda: loss(words, reach, negatives, training))
        return {"loss": total / ops.maximum(number, 1.0)}

    def neighbours(self, words, reach):
        """Which words of a block and around it lie in the window of which of the block, (blocks, size, around)."""
        size, around = reach.shape[1], words.shape[1]
        distance = np.abs(np.arange(size)[:, None] + self.window - np.arange(around))
        distance[distance == 0] = around  # a word is not its own neighbour
        there = (words[:, self.window : -self.window, None] > 0) & (words[:, None, :] > 0)
        return ops.cast(there & (ops.array(distance, "int32") <= reach[:, :, None]), self.compute_dtype)

    def skip_gram_loss(self, words, reach, negatives, training):
        """The sum of the losses of all pairs of a word and a neighbour, and their number."""
        near = self.neighbours(words, reach)
        vectors = self.words(words[:, self.window : -self.window], training=training)  # (blocks, size, dim)
        across = ops.transpose(vectors, (0, 2, 1))
        if self.path_length:
            nodes, sides = self.paths(words, training)  # (blocks, around, length, dim)
            losses = path_loss(ops.matmul(nodes, across[:, None]), sides[..., None])  # (blocks, around, length, size)
            return ops.sum(ops.transpose(ops.sum(losses, axis=2), (0, 2, 1)) * near), ops.sum(near)
        scores = ops.matmul(self.predicted(words, training=training), across)  # (blocks, around, size)
        loss = ops.sum(ops.softplus(-ops.transpose(scores, (0, 2, 1))) * near)
        weight = ops.sum(near, axis=2, keepdims=True)
        return loss + self.noise_loss(vectors, negatives, weight, training), ops.sum(near)

    def cbow_loss(self, words, reach, negatives, training):
        """The sum of the losses of all words that have neighbours, and their number."""
        near, centres = self.neighbours(words, reach), words[:, self.window : -self.window]
        number = ops.sum(near, axis=2, keepdims=True)
        means = ops.matmul(near / ops.maximum(number, 1.0), self.words(words, training=training))
        vectors = number * means - ops.stop_gradient((number - 1) * means)  # the mean, with the gradient of the sum
        weight = ops.cast(number > 0, vectors.dtype)  # (blocks, size, 1)
        if self.path_length:
            nodes, sides = self.paths(centres, training)  # (blocks, size, length, dim)
            losses = path_loss(ops.sum(nodes * vectors[:, :, None], axis=-1), sides)
            return ops.sum(losses * weight), ops.sum(weight)
        scores = ops.sum(vectors * self.predicted(centres, training=training), axis=-1, keepdims=True)
        loss = ops.sum(ops.softplus(-scores) * weight) + self.noise_loss(vectors, negatives, weight, training)
        return loss, ops.sum(weight)

    def noise_loss(self, vectors, negatives, weight, training):
        """The loss of words that are not there: those of a block, as many by weight as there are for each pair."""
        noise = ops.transpose(self.predicted(negatives, training=training), (0, 2, 1))  # (blocks, dim, shared)
        share = self.num_negatives / negatives.shape[1]
        return ops.sum(ops.softplus(ops.matmul(vectors, noise)) * weight) * share

    def paths(self, words, training):
        """The nodes on the way to words, (blocks, n, length, dim), and to which side it goes, (blocks, n, length)."""
        nodes = ops.take(self.nodes.value, words, axis=0)
        sides = ops.cast(ops.take(self.sides.value, words, axis=0), self.compute_dtype)
        return self.predicted(nodes, training=training), sides


def path_loss(scores, sides):
    """The loss of going to the right side at each node, 0 behind the end of a path."""
    return ops.softplus(-sides * scores) * ops.abs(sides)
