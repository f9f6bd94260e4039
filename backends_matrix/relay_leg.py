"""The process of one leg: `python -m backends_matrix.relay_leg RECIPE PRESET RUN_FOLDER KILL_IN_EPOCH`."""

import importlib
import os
import signal
import sys

import keras

from backends_matrix.portable_random import portable_random


class Kill(keras.callbacks.Callback):
    """Kill this process in the middle of an epoch; nothing of it can clean up.

    Args:
        epoch: Integer, counted from 1; 0 for never.
    """

    def __init__(self, epoch):
        super().__init__()
        self.epoch, self.is_now = epoch, False

    def on_epoch_begin(self, epoch, logs=None):
        """Note whether this is the epoch."""
        self.is_now = epoch + 1 == self.epoch

    def on_train_batch_end(self, batch, logs=None):
        """Kill once half of the steps are done."""
        if self.is_now and 2 * (batch + 1) >= self.params["steps"]:
            os.kill(os.getpid(), signal.SIGKILL)


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
