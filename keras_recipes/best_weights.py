"""Early stopping that goes on, after a kill, as if there had been none."""

import keras
import numpy as np
from safetensors.numpy import load_file, save

from keras_recipes.config import require
from keras_recipes.files import write_file


class BestWeights(keras.callbacks.Callback):
    """Judge a model after each epoch, stop when it no longer gets better, and end with the weights that were best.

    What is logged as `val_loss` is the judgement.

    Args:
        judge: Function of the model that returns a float, the lower the better, such as the loss on a validation part.
        patience: Integer of at least 1, epochs in a row without a better one, after which training stops.
        checkpoint: `Checkpoint` of the same training, or None. The best weights lie beside its file, by the same
            name with `.best` behind it.

    Raises:
        ValueError: If `patience` is below 1.
    """

    def __init__(self, judge, patience, checkpoint=None):
        super().__init__()
        require(patience >= 1, "patience", "an integer of at least 1", patience)
        self.judge, self.patience, self.checkpoint = judge, patience, checkpoint
        self.losses, self.best = [], None

    def place(self):
        """The file of the best weights."""
        return self.checkpoint.path.with_name(f"{self.checkpoint.path.name}.best")

    def on_train_begin(self, logs=None):
        """Go on with what a checkpoint remembers."""
        self.losses = list(self.checkpoint.history.get("val_loss", [])) if self.checkpoint else []
        if self.losses:
            saved = load_file(self.place())
            self.best = [saved[str(number)] for number in range(len(saved))]

    def on_epoch_end(self, epoch, logs=None):
        """Judge, and keep the weights if they are the best so far."""
        self.losses.append(float(self.judge(self.model)))
        logs["val_loss"] = self.losses[-1]
        best = int(np.argmin(np.nan_to_num(self.losses, nan=np.inf)))
        if best == len(self.losses) - 1:
            self.best = self.model.get_weights()
            if self.checkpoint:
                arrays = {str(number): np.array(array, order="C") for number, array in enumerate(self.best)}
                write_file(self.place(), save(arrays))
        if len(self.losses) - 1 - best >= self.patience:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        """Put the best weights back."""
        if self.best is not None:
            self.model.set_weights(self.best)


def hold_out(arrays, fraction, seed):
    """Hold back a part of the training examples, by which an epoch is chosen.

    Args:
        arrays: Tuple of arrays, or of tuples of arrays, with the same leading axis.
        fraction: Float in [0, 1), the share that is held back.
        seed: Integer, of the choice.

    Returns:
        Pair of the examples to fit to, and of those that were held back, or None if there are none.
    """
    number = len(keras.tree.flatten(arrays)[0])
    order = np.random.default_rng([seed, number]).permutation(number)
    held = round(number * fraction)
    parts = [
        keras.tree.map_structure(lambda array, rows=rows: array[rows], arrays) for rows in (order[held:], order[:held])
    ]
    return parts[0], parts[1] if held else None
