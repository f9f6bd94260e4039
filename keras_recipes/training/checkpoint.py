"""Save a training as it goes, and go on after a kill."""

import dataclasses
import glob
import json
from pathlib import Path

import keras

from keras_recipes.config import require
from keras_recipes.files import as_json
from keras_recipes.training.saving import differences, load_training, read_about, require_none, save_training


class Checkpoint(keras.callbacks.Callback):
    """Save a training after its epochs; given to `fit`, it also lets it start where the file stops.

    An interrupted training goes on from the last epoch that was saved, on the
    same backend to the same bits, or on another one. A finished one keeps its
    weights and history and is not trained again.

    Args:
        path: `Path` or string, the file: one training's own.
        config: The recipe's `Config`, or a dict, or None: what identifies the
            training.
        every: Integer of at least 1: save after each so many epochs, and at the end.

    Attributes:
        epoch: Integer, how many epochs are done.
        history: Dict from name to list of floats, from the first epoch on.
        finished: Boolean, whether the training has come to its end.

    Raises:
        CheckpointError: If there is a file, but of another configuration, or
            no checkpoint at all; the message names the fields that differ.
        ValueError: If `every` is below 1.
    """

    def __init__(self, path, config=None, every=1):
        super().__init__()
        require(every >= 1, "every", "a number of at least 1", every)
        self.path, self.every = Path(path), every
        fields = dataclasses.asdict(config) if dataclasses.is_dataclass(config) else config
        self.config = json.loads(as_json(fields or {}))
        self.epoch, self.history, self.finished = 0, {}, False
        if self.path.exists():
            require_none(differences(read_about(self.path)["config"], self.config), self.path)

    def resume(self, model, batches, epochs):
        """Load the file, if there is one, and draw the orders of the epochs that are done.

        Args:
            model: Compiled `keras.Model`, newly built.
            batches: `Batches`, newly made.
            epochs: Integer, how many epochs there are in all.

        Returns:
            Integer, the epoch to begin with, counted from 0: `epochs` if the
            training is finished.

        Raises:
            CheckpointError: As `load_training` does.
        """
        for rest in self.path.parent.glob(f"{glob.escape(self.path.name)}.*.part"):
            rest.unlink()  # of a process that was killed while it saved
        if self.path.exists():
            about = load_training(self.path, model)
            self.epoch, self.history, self.finished = (about[name] for name in ("epoch", "history", "finished"))
            batches.skip_epochs(self.epoch)
            found = f"saved after {self.epoch} epochs, on {about['backend']}"
            print(f"{self.path}: {found}{'; finished, delete it to train anew' if self.finished else ''}")
        return epochs if self.finished else self.epoch

    def save(self):
        """Write the state of the model."""
        save_training(self.path, self.model, self.epoch, self.history, self.config, self.finished)

    def on_epoch_end(self, epoch, logs=None):
        """Add to the history, and save if it is time."""
        self.epoch = epoch + 1
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        if self.epoch % self.every == 0:
            self.save()

    def on_train_end(self, logs=None):
        """Save for the last time."""
        self.finished = True
        self.save()


def checkpoint_among(callbacks):
    """The `Checkpoint` in a sequence of callbacks, or None; raises ValueError if there are two."""
    checkpoints = [callback for callback in callbacks if isinstance(callback, Checkpoint)]
    require(len(checkpoints) <= 1, "callbacks", "a sequence with one Checkpoint at most", len(checkpoints))
    return checkpoints[0] if checkpoints else None
