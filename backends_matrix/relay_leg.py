"""The process of one leg: `python -m backends_matrix.relay_leg RECIPE PRESET RUN_FOLDER KILL_IN_EPOCH`."""

import importlib
import os
import signal
import sys

import keras

from backends_matrix.portable_random import portable_random
from keras_recipes.data import Batches


class Kill(keras.callbacks.Callback):
    """Kill this process in the middle of an epoch; nothing of it can clean up.

    It looks at no batch, so that `fit` makes many steps at a time, as it does
    without it.

    Args:
        epoch: Integer, counted from 1; 0 for never.
    """

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        """In the epoch, let the batches run out after the first stack of them, and the process with them."""
        if epoch + 1 == self.epoch:
            Batches.stacks = first_of(Batches.stacks)


def first_of(stacks):
    """`Batches.stacks` as it is, up to the second one."""

    def and_no_more(batches):
        yield next(stacks(batches))
        os.kill(os.getpid(), signal.SIGKILL)

    return and_no_more


def main(argv):
    """Run a recipe as its user would, but for the random numbers, and for the kill."""
    name, preset, folder, kill_in_epoch = argv
    recipe = importlib.import_module(f"recipes.{name}")
    train, kill = recipe.train, Kill(int(kill_in_epoch))
    recipe.train = lambda model, data, config, callbacks=(): train(model, data, config, [*callbacks, kill])
    with portable_random():
        recipe.main(["--preset", preset, "--run-folder", folder])


if __name__ == "__main__":
    main(sys.argv[1:])
