"""What every recipe's `load_data` returns, how it is split, and in which order it is trained on."""

from typing import Any, NamedTuple

import keras
import numpy as np

from keras_recipes.config import require


class Data(NamedTuple):
    """NumPy arrays to train a model on and to judge it by.

    Attributes:
        train: Tuple `(x, y)` of arrays, or of tuples of arrays, whose leading
            axis is the example.
        test: Tuple `(x, y)` of the same structure, never seen while training.
        sizes: Dict of the integers that fix the model's shapes, such as `num_users`.
        names: Dict of what the numbers stand for, such as the titles of items.
    """

    train: tuple
    test: tuple
    sizes: dict[str, int]
    names: dict[str, Any] = {}  # noqa: RUF012 - never written to


class Batches(keras.utils.PyDataset):
    """Batches in an order that NumPy shuffles anew each epoch: the same on every backend.

    Pass it to `fit` with `shuffle=False`.

    Args:
        arrays: Tuple `(x, y)` of arrays, or of tuples of arrays, with the same
            leading axis.
        batch_size: Integer of at least 1, examples per batch.
        seed: Integer of at least 0, seed of the order.
        whole: Boolean, whether an epoch leaves out what does not fill a batch;
            if not, its last batch is smaller.

    Raises:
        ValueError: If `batch_size` is below 1, or there are no examples.
    """

    def __init__(self, arrays, batch_size, seed=0, whole=False):
        super().__init__()
        require(batch_size >= 1, "batch_size", "a number of at least 1", batch_size)
        self.arrays, self.batch_size = arrays, batch_size
        self.num_examples = len(keras.tree.flatten(arrays)[0])
        require(self.num_examples > 0, "arrays", "examples to train on", "none")
        require(not whole or batch_size <= self.num_examples, "batch_size", f"at most {self.num_examples}", batch_size)
        self.batched = self.num_examples // batch_size * batch_size if whole else self.num_examples  # in an epoch
        self.rng = np.random.default_rng(seed)
        self.order = self.rng.permutation(self.num_examples)

    def __len__(self):
        return -(-self.batched // self.batch_size)

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return keras.tree.map_structure(lambda array: array[rows], self.arrays)

    def stacks(self, max_steps=64, max_bytes=2**26):
        """The epoch's batches in stacks of several, each gathered at once.

        Args:
            max_steps: Integer of at least 1, the batches in a stack at most.
            max_bytes: Integer, what a stack holds at most, if it holds more than one batch.

        Yields:
            Arrays as a batch holds them, of shape (steps, batch, …). All stacks
            hold as many batches as the first one, or fewer; a last batch that
            is smaller is a stack of its own.
        """
        whole = self.num_examples // self.batch_size
        of_example = sum(array.nbytes // self.num_examples for array in keras.tree.flatten(self.arrays))
        most = max(1, min(max_steps, max_bytes // max(1, of_example * self.batch_size)))
        steps = -(-whole // -(-whole // most)) if whole else 1  # stacks of nearly the same size
        for begin in range(0, whole, steps):
            yield self.stack(begin, min(begin + steps, whole))
        if whole * self.batch_size < self.batched:
            yield keras.tree.map_structure(lambda array: array[None], self[whole])

    def stack(self, begin, end):
        """Whole batches from one to another, without the latter, of shape (steps, batch, …)."""
        rows = self.order[begin * self.batch_size : end * self.batch_size].reshape(-1, self.batch_size)
        return keras.tree.map_structure(lambda array: array[rows], self.arrays)

    def on_epoch_end(self):
        """Draw the order of the next epoch."""
        self.order = self.rng.permutation(self.num_examples)

    def skip_epochs(self, number):
        """Draw the orders of epochs that another process has trained, so that the next one gets its own."""
        for _ in range(number):
            self.on_epoch_end()


def split(arrays, order, test_fraction):
    """Cut arrays into a training and a test part.

    Args:
        arrays: List of arrays with the same leading axis.
        order: Integer array, the rows in the order in which they are cut: a
            permutation for a random split, sorted by time to test on what came last.
        test_fraction: Float in (0, 1), share of the rows, from the end of
            `order`, that the test part gets.

    Returns:
        Tuple `(train, test)` of lists of arrays.

    Raises:
        ValueError: If one of the two parts would be empty.
    """
    cut = int(len(order) * (1 - test_fraction))
    message = f"such that both parts of {len(order)} rows hold at least one"
    require(0 < cut < len(order), "test_fraction", message, test_fraction)
    train, test = order[:cut], order[cut:]
    return [array[train] for array in arrays], [array[test] for array in arrays]
