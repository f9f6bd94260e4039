"""Checkpoints of a recipe: saved on each backend, resumed on each.

python -m backends_matrix.checkpoints RECIPE --folder FOLDER save      # on every backend, then
python -m backends_matrix.checkpoints RECIPE --folder FOLDER resume    # on every backend

Both leave bundles, whose arrays are named `prediction/…`, at the checkpoint, and `step/…` (the logs),
`weights/…`, `optimizer/…` and `random/…`, some steps later.
"""

import argparse
import importlib
from pathlib import Path

import keras
import numpy as np

from backends_matrix.bundle import Bundle
from backends_matrix.judge import MAIN_PRESET, distances
from backends_matrix.judge_checkpoints import RESUMED, SAVED
from backends_matrix.numbers import TEST_ROWS, TWINS, named
from backends_matrix.observe import Jitter, Recorder, Snapshot, move_by_one_ulp
from backends_matrix.origin import about, own_stem, remove_old
from backends_matrix.portable_random import portable_random
from keras_recipes.training import load_training, save_training
from keras_recipes.training.saving import model_state, optimizer_state

STEPS = 5  # before a checkpoint, and after it


class Subject:
    """A preset of a recipe, with a model that has not been trained.

    Args:
        recipe: Module that keeps the contract of a recipe.
        preset: String, a key of its `PRESETS`.
    """

    def __init__(self, recipe, preset):
        self.recipe, self.preset, self.config = recipe, preset, recipe.PRESETS[preset]
        keras.utils.set_random_seed(self.config.seed)
        self.data = recipe.load_data(self.config)
        self.model = recipe.build_model(self.config, self.data)

    def train(self, *callbacks):
        """Some steps, by the recipe's own function; returns their logs."""
        recorder = Recorder(stop_after=STEPS)
        self.recipe.train(self.model, self.data, self.config, callbacks=[recorder, *callbacks])
        return recorder.log_arrays()

    def go_on(self, *callbacks):
        """Predict, train, and return all arrays."""
        x = keras.tree.map_structure(lambda array: array[:TEST_ROWS], self.data.test[0])
        outputs = keras.tree.flatten(self.model.predict(x, batch_size=TEST_ROWS, verbose=0))
        arrays = named("prediction", dict(enumerate(outputs))) | named("step", self.train(*callbacks))
        variables = {**model_state(self.model), **optimizer_state(self.model)}
        values = {name: np.array(variable.numpy()) for name, variable in variables.items()}
        # Seeds are integers of another width on each backend.
        return arrays | {n: v.astype("int64") & 0xFFFFFFFF if n.startswith("random/") else v for n, v in values.items()}

    def bundle(self, arrays, precision, source, ulp):
        """The arrays as a `Bundle`; `source` is the stem of the checkpoint's file."""
        recipe = self.recipe.__name__.rpartition(".")[2]
        return Bundle(about(recipe, self.preset, precision, source=source, ulp=ulp), arrays)


def save(recipe, preset, folder, twins=TWINS):
    """Train some steps, save a checkpoint below a folder, and go on without it; returns the `Bundle`.

    Args:
        recipe: Module that keeps the contract of a recipe.
        preset: String, a key of its `PRESETS`.
        folder: `Path` of the preset's folder.
        twins: Integer, how many runs measure the unit: they go on from the
            same state, moved by one unit in the last place.
    """
    with portable_random():
        subject = Subject(recipe, preset)
        subject.train()
        save_training(folder / f"{own_stem()}.safetensors", subject.model)
        state, ulp = Snapshot(subject.model), {}
        arrays = subject.go_on()
        for seed in range(twins):
            rng = np.random.default_rng(seed)
            state.restore()
            move_by_one_ulp(subject.model, rng)
            for name, moved in distances(arrays, subject.go_on(Jitter(rng))).items():
                ulp[name] = max(ulp.get(name, 0.0), moved.size)
    return subject.bundle(arrays, SAVED, own_stem(), ulp)


def resume(recipe, preset, paths):
    """Load checkpoints, one after the other, into one model that was new before each, and go on.

    Args:
        recipe: Module that keeps the contract of a recipe.
        preset: String, a key of its `PRESETS`.
        paths: List of `Path` of the checkpoints.

    Returns:
        List of a `Bundle` of each.
    """
    bundles = []
    with portable_random():
        subject = Subject(recipe, preset)
        subject.model.optimizer.build(subject.model.trainable_variables)
        new = Snapshot(subject.model)
        for path in paths:
            new.restore()
            load_training(path, subject.model)
            bundles.append(subject.bundle(subject.go_on(), f"{RESUMED}-{path.stem}", path.stem, {}))
    return bundles


def main(argv=None):
    """Save, or resume what all backends have saved, for the main preset of a recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name of the recipe")
    parser.add_argument("action", choices=("save", "resume"))
    parser.add_argument("--folder", type=Path, required=True, help="of checkpoints and bundles")
    parser.add_argument("--twins", type=int, default=TWINS, help=f"runs that measure the unit of float32 ({TWINS})")
    args = parser.parse_args(argv)
    ends = [f"-{RESUMED}-*.npz"] + ([f"-{SAVED}.npz", ".safetensors"] if args.action == "save" else [])
    for end in ends:
        remove_old(args.folder / args.recipe, end)
    recipe = importlib.import_module(f"recipes.{args.recipe}")
    folder = args.folder / args.recipe / MAIN_PRESET
    if args.action == "save":
        print(save(recipe, MAIN_PRESET, folder, args.twins).write(args.folder))
    if args.action == "resume":
        for bundle in resume(recipe, MAIN_PRESET, sorted(folder.glob("*.safetensors"))):
            print(bundle.write(args.folder))


if __name__ == "__main__":
    main()
