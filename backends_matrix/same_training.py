"""Judge whether what is written by hand computes what the recipe computes.

python -m backends_matrix.same_training RECIPE --folder FOLDER

Both train from the same weights in real float64; the losses of all steps must agree as the
float64 level of the matrix demands. Random numbers are fixed for that, the same on both
sides and in each step; dropout, whose mask Keras draws inside, is switched off.
"""

import argparse
import contextlib
import dataclasses
import importlib
import math
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import keras
import numpy as np

from backends_matrix.float64 import real_float64
from backends_matrix.judge import FLOAT64_LIMIT, distance
from backends_matrix.native import BY_HAND, variants_by_hand
from backends_matrix.observe import Recorder, weights_of
from keras_recipes.files import as_json, write_file

STEPS, EPOCHS = 20, 2  # at least
MOST_DRAWN = 2**16  # numbers at once, where a graph does not know how many
DRAWS = {  # a native draws by these only; the place of the shape among their arguments
    "keras": {"keras.random.normal": 0, "keras.random.uniform": 0},
    "torch": {"torch.randn": 0, "torch.rand": 0},
    "jax": {"jax.random.normal": 1, "jax.random.uniform": 1},
    "tensorflow": {"tensorflow.random.normal": 0, "tensorflow.random.uniform": 0},
}


def difference(recipe, native, config):
    """How far a native's losses are from its recipe's.

    Args:
        recipe: Module that keeps the contract of a recipe.
        native: Module as described in `backends_matrix.native`, of this process's backend.
        config: The recipe's `Config`.

    Returns:
        Float, the largest difference relative to the largest loss, in real float64.
    """
    dropout = {field.name: 0.0 for field in dataclasses.fields(config) if field.name.endswith("dropout")}
    config = dataclasses.replace(config, **dropout)
    data = recipe.load_data(config)
    steps = -(-len(keras.tree.flatten(data.train)[0]) // config.batch_size)
    config = dataclasses.replace(config, epochs=max(EPOCHS, -(-STEPS // steps)))
    with real_float64():
        keras.utils.set_random_seed(config.seed)
        model = recipe.build_model(config, data)
        hand_written = native.build(config, data)
        native.load(hand_written, weights_of(model))
        with fixed_random_numbers():
            recorder = Recorder()
            recipe.train(model, data, config, callbacks=[recorder])
            losses = np.concatenate(list(native.train(hand_written, data, config)))  # (steps,) or (steps, logs)
    logs = recorder.log_arrays()
    expected = np.stack([logs[name] for name in getattr(model, "logs", ["loss"])], axis=-1)
    apart = distance("loss", expected, losses.reshape(len(losses), -1))
    return apart.size / apart.scale if np.isfinite(apart.size) else np.inf


@contextlib.contextmanager
def fixed_random_numbers():
    """Let Keras and its backend draw numbers that depend on the shape only."""
    with contextlib.ExitStack() as stack:
        for name, place in {**DRAWS["keras"], **DRAWS[keras.config.backend()]}.items():
            stack.enter_context(mock.patch(name, fixed_draw(place, normal="normal" in name or "randn" in name)))
        yield


def fixed_draw(place, normal):
    """A function that draws like one of `DRAWS`, the same numbers each time."""

    def draw(*args, **kwargs):
        rng, shape = np.random.default_rng(0), tuple(args[place])
        known = all(isinstance(size, int) for size in shape)  # else a graph is made for batches of any size
        size = math.prod(shape) if known else MOST_DRAWN
        numbers: Any = keras.ops.convert_to_tensor(rng.standard_normal(size) if normal else rng.random(size))
        return keras.ops.reshape(numbers if known else numbers[: math.prod(shape)], shape)

    return draw


def start_of(recipe, config):
    """What a native needs to start like the recipe, as bytes that load without Keras."""
    keras.utils.set_random_seed(config.seed)
    data = recipe.load_data(config)
    weights = weights_of(recipe.build_model(config, data))
    plain = SimpleNamespace(train=data.train, sizes=data.sizes)
    return pickle.dumps((SimpleNamespace(**dataclasses.asdict(config)), plain, weights))


def main(argv=None):
    """Write the verdict, `<variant>-<backend>.json`, and what both start from, `start-<backend>.pickle`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name of the recipe")
    parser.add_argument("--variant", choices=BY_HAND, default="native", help="without Keras, or with its layers")
    parser.add_argument("--preset", default="bench", help="of the recipe (bench)")
    parser.add_argument("--folder", type=Path, required=True, help="where the files go")
    args = parser.parse_args(argv)
    backend = keras.config.backend()
    recipe = importlib.import_module(f"recipes.{args.recipe}")
    module = variants_by_hand(args.recipe, backend)[args.variant]
    native = importlib.import_module(f"backends_matrix.native.{module}")
    config = recipe.PRESETS[args.preset]
    write_file(args.folder / f"start-{backend}.pickle", start_of(recipe, config))
    found = difference(recipe, native, config)
    verdict = {"difference": found if np.isfinite(found) else None, "limit": FLOAT64_LIMIT}
    verdict["counts"] = bool(found <= FLOAT64_LIMIT)
    write_file(args.folder / f"{args.variant}-{backend}.json", as_json(verdict))


if __name__ == "__main__":
    main()
