"""The numbers of a recipe on this process's backend: what the comparison compares.

An array is named `quantity/what`, such as `gradient/user/embeddings`. Quantities: `data` (sha256),
`initial` weights, `forward` (predictions before training), `loss` (and metrics, before
training), `gradient` of the first batch, `log` of each step, `weights@1`, `weights@5`,
`weights@20`, `weights@end` (after so many steps), `weights@epoch` (after an
epoch that nobody watches), `metric` (what `evaluate` returns).
"""

import contextlib
import dataclasses
import hashlib

import keras
import numpy as np

from backends_matrix.bundle import Bundle
from backends_matrix.bypasses import watch
from backends_matrix.distance import distances
from backends_matrix.float64 import real_float64
from backends_matrix.judge import BFLOAT16_QUANTITIES, MAIN_PRESET
from backends_matrix.observe import (
    GradientWatch,
    Jitter,
    Recorder,
    Snapshot,
    move_by_a_tenth,
    move_by_one_ulp,
    weights_of,
)
from backends_matrix.origin import about
from backends_matrix.portable_random import portable_random
from keras_recipes.training.every_loss import every_loss

TWINS = 7  # runs whose weights move by one unit in the last place
DRAWS = 8  # starts over which the error of bfloat16 is measured
STEPS = {"float32": (1, 5), "float64": (1, 5, 20), "bfloat16": (1, 5)}  # after which weights are compared
TEST_ROWS = 256  # test examples whose predictions are compared


def numbers(recipe, preset, precision, twins=TWINS, draws=DRAWS):
    """Run a preset of a recipe and note everything that another backend should find as well.

    Args:
        recipe: Module that keeps the contract of a recipe.
        preset: String, a key of its `PRESETS`.
        precision: String, "float32", for the main preset a whole training, else
            the first steps; "float64" for the first steps in real float64,
            where only a difference of meaning shows; "bfloat16" for the first
            steps in mixed precision.
        twins: Integer, how many runs measure the unit of float32.
        draws: Integer of at least 1, over how many starts bfloat16 is compared with float64.

    Returns:
        `Bundle`.
    """
    whole = precision == "float32" and preset == MAIN_PRESET
    with portable_random(), computing_in(precision):
        with watch() as bypasses:
            subject = Subject(recipe, recipe.PRESETS[preset])
            arrays = subject.run(STEPS[precision], whole)
        if precision == "float64":
            arrays |= subject.as_shipped()
        if precision != "float32" and preset == MAIN_PRESET:
            arrays |= subject.other_starts(draws)
        others = (subject.twin(seed, whole) for seed in range(twins)) if precision == "float32" else ()
        runs = [arrays, *others]
    ulp, band = movements(runs)
    if whole:
        typical, spread = typical_run(runs)
        arrays, ulp = arrays | typical, ulp | spread
    name, drawn = recipe.__name__.rpartition(".")[2], [list(bypass) for bypass in bypasses]
    return Bundle(about(name, preset, precision, bypasses=drawn, ulp=ulp, band=band), arrays)


@contextlib.contextmanager
def computing_in(precision):
    """Compute in "float32", which is Keras' own choice, in real "float64", or in "bfloat16" with float32 weights.

    Raises:
        RuntimeError: If something in between has reset the policy, as
            `keras.backend.clear_session` does.
    """
    if precision == "float64":
        with real_float64():
            yield
    elif precision == "bfloat16":
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            yield
            if keras.config.dtype_policy().name != "mixed_bfloat16":
                raise RuntimeError("the dtype policy has been reset: does something call `clear_session`?")
        finally:
            keras.config.set_dtype_policy(before)
    else:
        yield


class Subject:
    """A recipe under observation: its data, the model, and the model's state at the start.

    Args:
        recipe: Module that keeps the contract of a recipe.
        config: Its `Config`.
    """

    def __init__(self, recipe, config):
        self.recipe, self.config = recipe, config
        self.data = recipe.load_data(config)
        keras.utils.set_random_seed(config.seed)
        self.model = recipe.build_model(config, self.data)
        self.watch = GradientWatch(self.model)
        self.start = Snapshot(self.model)

    def start_again(self, move, seed):
        """Put the model back to its start, and let a function move its weights, the same way for the same seed."""
        self.start.restore()
        move(self.model, np.random.default_rng(seed))

    def twin(self, seed, to_the_end):
        """Start again with all weights moved by one unit in the last place, keep moving some, and run."""
        self.start_again(move_by_one_ulp, seed)
        return self.run(STEPS["float32"], to_the_end, callbacks=[Jitter(np.random.default_rng(seed))])

    def run(self, steps, to_the_end, callbacks=()):
        """Train once, to the end or to the last of some steps, and return the dict of arrays."""
        arrays = named("data", data_sums(self.data)) | named("initial", weights_of(self.model))
        with self.watch.watching():
            arrays |= named("gradient", self.watch.gradients_of(lambda: self.train(Recorder(stop_after=1))))
            arrays |= self.before_training()
            recorder = Recorder(steps, None if to_the_end else steps[-1])
            self.train(recorder, *callbacks)
        arrays |= named("log", recorder.log_arrays())
        for step, weights in recorder.weights.items():
            arrays |= named(f"weights@{step}", weights)
        if to_the_end:
            arrays |= named("weights@end", weights_of(self.model))
            metrics = self.recipe.evaluate(self.model, self.data, self.config)
            arrays |= named("metric", {name: np.array(value) for name, value in metrics.items()})
        return arrays

    def other_starts(self, draws):
        """The arrays that bfloat16 is judged by, from moved weights; `draw1/…` and so on in front of their names."""
        arrays = {}
        for draw in range(1, draws):
            self.start_again(move_by_a_tenth, draw)
            found = self.run(STEPS["bfloat16"], to_the_end=False)
            kept = [name for name in found if name.partition("/")[0] in ("initial", *BFLOAT16_QUANTITIES)]
            arrays |= named(f"draw{draw}", {name: found[name] for name in kept})
        return arrays

    def as_shipped(self):
        """Weights after an epoch that nobody watches: so `fit` makes many steps at a time, as it does for users."""
        self.start.restore()
        self.recipe.train(self.model, self.data, dataclasses.replace(self.config, epochs=1))
        return named("weights@epoch", weights_of(self.model))

    def before_training(self):
        """Predictions for, and loss on, the first test examples."""
        x, y = keras.tree.map_structure(lambda array: array[:TEST_ROWS], self.data.test)
        outputs = keras.tree.flatten(self.model.predict_on_batch(x))
        outputs = [np.asarray(o, "float32") if o.dtype.name == "bfloat16" else o for o in outputs]  # as files hold them
        self.model.reset_metrics()
        with every_loss(self.model):
            losses = self.model.test_on_batch(x, y, return_dict=True)
        return named("forward", dict(enumerate(outputs))) | named("loss", {k: np.array(v) for k, v in losses.items()})

    def train(self, *callbacks):
        """Train with the recipe's own function, watched by callbacks."""
        self.recipe.train(self.model, self.data, self.config, callbacks=list(callbacks))


def movements(runs):
    """How far the arrays move, at most, when the weights move by one unit in the last place.

    Args:
        runs: List of dicts of arrays: of a run, and of those whose weights were moved.

    Returns:
        Tuple `(ulp, band)`. `ulp`: dict from the name of an array, or of a
        quantity that is judged as a whole, to float. `band`: dict from the name
        of a logged value to the list of floats, one per step.
    """
    first, *twins = runs
    ulp, band = {}, {}
    for twin in twins:
        for name, moved in distances(first, twin).items():
            ulp[name] = max(ulp.get(name, 0.0), moved.size)
        for name in [name for name in first if name.startswith("log/")]:
            band.setdefault(name.partition("/")[2], []).append(np.abs(first[name] - twin[name]))
    return ulp, {name: np.max(moved, axis=0).tolist() for name, moved in band.items()}


def typical_run(runs):
    """The median of the runs, and how far from it they spread: what one run that went astray can't disturb.

    Args:
        runs: As for `movements`.

    Returns:
        Tuple `(arrays, spread)`. `arrays`: dict of the elementwise medians of
        logs, weights at the end and metrics, each name with `typical_` in front.
        `spread`: dict from name, as in `ulp`, to the distance from them within
        which three quarters of the runs are.
    """
    names = [name for name in runs[0] if name.partition("/")[0] in ("log", "weights@end", "metric")]
    typical = {f"typical_{name}": np.median([run[name] for run in runs], axis=0) for name in names}
    apart = [distances(typical, {f"typical_{name}": run[name] for name in names}) for run in runs]
    nearest = -(-3 * len(runs) // 4)  # three quarters, rounded up
    return typical, {name: sorted(one[name].size for one in apart)[nearest - 1] for name in apart[0]}


def named(quantity, arrays):
    """The same arrays, each name with its quantity in front."""
    return {f"{quantity}/{name}": array for name, array in arrays.items()}


def data_sums(data):
    """Dict from the name of each array of a `Data` to the sha256 of its bytes, dtype and shape, 32 bytes."""
    sums = {}
    for part in ("train", "test"):
        for index, array in enumerate(keras.tree.flatten(getattr(data, part))):
            header = f"{array.dtype.str} {array.shape}".encode()
            digest = hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).digest()
            sums[f"{part}/{index}"] = np.frombuffer(digest, "uint8")
    return sums
