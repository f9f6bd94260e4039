"""Blocks of a text with the windows around its words, and words that are not there: drawn anew in each epoch."""

import keras
import numpy as np

from keras_recipes.config import require
from keras_recipes.corpus import sampling_rates
from keras_recipes.data import Batches


class WindowBatches(Batches):
    """Batches of blocks of text, in an order of their own in each epoch, of a corpus that may lie in a file.

    A batch is a tuple of one tuple `(words, reach, negatives)` of int32 arrays:
    `words` of shape `(blocks, block_size + 2 * window)`, ids of neighbours in the text, after
    frequent ones were thinned out, with 0 around sentences; `reach` of shape
    `(blocks, block_size)`, how far the window of each word reaches, of all but the first and
    the last `window`; and `negatives` of shape `(blocks, num_negatives)`, words drawn by a power
    of their counts.

    The text is read in chunks. What is drawn for a chunk depends on the seed, the epoch and its place alone.

    Args:
        ids: Int32 array of shape `(n,)`, with 0 behind each sentence, as of a `Corpus`.
        counts: Integer array of shape `(words,)`.
        batch_size: Integer of at least 1, words per step: the nearest number of blocks is taken.
        window: Integer of at least 1, the furthest reach; that of each word is drawn from 1 to it.
        num_negatives: Integer of at least 1, words per block.
        sample: Float, as `sampling_rates` takes it.
        power: Float, of the counts by which negatives are drawn.
        seed: Integer of at least 0.
        block_size: Integer of at least 1, words in a block.
        chunk_size: Integer, words of the text that are looked at at once.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self, ids, counts, batch_size, window=5, num_negatives=20, sample=1e-3, power=0.75, seed=0,
        block_size=16, chunk_size=500_000,
    ):  # fmt: skip
        keras.utils.PyDataset.__init__(self)
        for name, value in (("batch_size", batch_size), ("window", window), ("num_negatives", num_negatives)):
            require(value >= 1, name, "an integer of at least 1", value)
        require(len(ids) > 0, "ids", "a text with words", "none")
        self.ids, self.window, self.num_negatives, self.block_size = ids, window, num_negatives, block_size
        self.keep, self.seed, self.epoch = sampling_rates(counts, sample), seed, 0
        shares = np.asarray(counts, "float64") ** power
        self.cumulative = np.cumsum(shares) / shares.sum()
        self.batch_size = max(1, round(batch_size / block_size))  # in blocks
        self.edges = np.linspace(0, len(ids), max(1, round(len(ids) / chunk_size)) + 1).astype(int)
        expected = max(self.expected_blocks(begin, end) for begin, end in zip(self.edges, self.edges[1:], strict=False))
        self.steps = -(-int(expected) // self.batch_size)  # of a chunk
        self.drawn = None, None  # which chunk of which epoch, and its blocks

    def expected_blocks(self, begin, end):
        """How many blocks a chunk fills, and a little more, as draws vary."""
        rates = self.keep[self.ids[begin:end]]
        words = rates.sum() + 3 * np.sqrt((rates * (1 - rates)).sum())
        return 1 + (words + (self.window - 1) * (self.ids[begin:end] == 0).sum()) / self.block_size

    def __len__(self):
        return self.steps * (len(self.edges) - 1)

    def __getitem__(self, index):
        return (tuple(array[index % self.steps] for array in self.chunk(index // self.steps)),)

    def stacks(self, max_steps=64):
        """The epoch's batches in stacks of several, of shape (steps, batch, …), as `Batches.stacks` does it."""
        most = -(-self.steps // -(-self.steps // max_steps))
        for chunk in range(len(self.edges) - 1):
            for begin in range(0, self.steps, most):
                yield (tuple(array[begin : begin + most] for array in self.chunk(chunk)),)

    def chunk(self, place):
        """Arrays of all batches of the chunk that comes at a place in this epoch, of shape (steps, batch, …)."""
        if self.drawn[0] != (self.epoch, place):
            order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.edges) - 1)
            rng = np.random.default_rng([self.seed, self.epoch, order[place]])
            blocks = self.draw(self.ids[self.edges[order[place]] : self.edges[order[place] + 1]], rng)
            shape = self.steps, self.batch_size
            self.drawn = (self.epoch, place), tuple(array.reshape(*shape, -1) for array in blocks)
        return self.drawn[1]

    def draw(self, ids, rng):
        """Words, reach and negatives of the blocks of a chunk; blocks of zeros fill the last batches."""
        kept = ids[rng.random(len(ids), "float32") < self.keep[ids]]
        kept = np.repeat(kept, np.where(kept == 0, self.window, 1))  # so that no window reaches a neighbour sentence
        number = self.steps * self.batch_size
        around = np.zeros(number * self.block_size + 2 * self.window, "int32")
        length = min(len(kept), number * self.block_size)
        around[self.window : self.window + length] = kept[:length]
        width = self.block_size + 2 * self.window
        words = np.lib.stride_tricks.sliding_window_view(around, width)[:: self.block_size]
        words = words[rng.permutation(number)]  # (blocks, block_size + 2 * window)
        reach = rng.integers(1, self.window + 1, size=(number, self.block_size), dtype="int32")
        negatives = 1 + np.searchsorted(self.cumulative, rng.random((number, self.num_negatives)))
        return words, reach, negatives.clip(max=len(self.cumulative)).astype("int32")

    def on_epoch_end(self):
        """Another epoch begins."""
        self.epoch += 1
