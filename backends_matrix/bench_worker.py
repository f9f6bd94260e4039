"""One timed process: `python -m backends_matrix.bench_worker RECIPE VARIANT --result FILE`.

Each part is timed apart. An epoch ends when its losses are numbers and the
device has nothing left to do. What is written by hand starts from what `same_training` wrote, so
that Keras is not in the process of a native.
"""

import argparse
import dataclasses
import functools
import importlib
import pickle
import statistics
import sys
import time
from importlib import metadata
from pathlib import Path
from unittest import mock

import psutil

from backends_matrix.backends import device_memory, device_of, pin_to_cores, wait_for_device
from backends_matrix.native import BY_HAND, variants_by_hand
from keras_recipes.files import as_json, write_file

MANY = 1_000_000  # epochs: time ends the training
EPOCHS = 4  # at least so many are timed after the first: in the second one PyTorch records a smaller last batch
KERAS_FIT = {"plain": 1, "tuned": 32}  # variants trained by Keras' own `fit`, and how many steps it makes at a time


class Clock:
    """Notes when epochs end.

    Args:
        backend: String, name of the backend.
        seconds: Float, how long to time epochs after the first.
    """

    def __init__(self, backend, seconds):
        self.backend, self.seconds = backend, seconds
        self.times = [time.perf_counter()]

    def epoch_ends(self):
        """Note the time; returns whether enough epochs are timed."""
        wait_for_device(self.backend)
        self.times.append(time.perf_counter())
        timed = self.times[1:]
        return len(timed) > EPOCHS and timed[-1] - timed[0] >= self.seconds

    def summary(self, steps):
        """Dict of times: of the first step, and of a later one, in epochs of so many steps.

        The first step is what the first epoch takes longer than its other steps
        take later: tracing, compiling (for a smaller last batch as well), and
        the step itself.
        """
        epochs = [after - before for before, after in zip(self.times, self.times[1:], strict=False)]
        step = statistics.median(epochs[1:]) / steps
        return {
            "first_step_s": max(epochs[0] - (steps - 1) * step, step),
            "step_ms": 1000 * step,
            "steps_per_epoch": steps,
            "epochs_timed": len(epochs) - 1,
        }


def keras_fit(steps, model, batches, epochs, callbacks=()):
    """Keras' own `fit`, so many steps at a time, in place of `keras_recipes.training.fit`."""
    model.steps_per_execution = steps
    return model.fit(batches, epochs=epochs, shuffle=False, callbacks=list(callbacks), verbose=2).history


def time_recipe(recipe_name, preset, variant, backend, seconds):
    """Times of a recipe's own functions on a preset, or of Keras' `fit` in them, as a dict."""
    begin = time.perf_counter()
    recipe = importlib.import_module(f"recipes.{recipe_name}")
    import_s = time.perf_counter() - begin
    import keras

    from keras_recipes.run import environment

    config = dataclasses.replace(recipe.PRESETS[preset], epochs=MANY)
    keras.utils.set_random_seed(config.seed)
    data = recipe.load_data(config)
    begin = time.perf_counter()
    model = recipe.build_model(config, data)
    build_s = time.perf_counter() - begin

    def epoch_ends(epoch, logs):
        model.stop_training = clock.epoch_ends()

    callback = keras.callbacks.LambdaCallback(on_epoch_end=epoch_ends)
    fit = functools.partial(keras_fit, KERAS_FIT[variant]) if variant in KERAS_FIT else recipe.fit
    with mock.patch.object(recipe, "fit", mock.Mock(wraps=fit)) as called:
        clock = Clock(backend, seconds)
        recipe.train(model, data, config, callbacks=[callback])
    steps = len(called.call_args.args[1])  # batches
    return {"import_s": import_s, "build_s": build_s, **clock.summary(steps), "environment": environment()}


def time_by_hand(module, backend, start, seconds):
    """The same times of what is written by hand, from the data and weights in the file `start`."""
    begin = time.perf_counter()
    native = importlib.import_module(f"backends_matrix.native.{module}")
    import_s = time.perf_counter() - begin
    config, data, weights = pickle.loads(start.read_bytes())
    config.epochs, steps = MANY, 0
    begin = time.perf_counter()
    model = native.build(config, data)
    build_s = time.perf_counter() - begin
    native.load(model, weights)
    clock = Clock(backend, seconds)
    for losses in native.train(model, data, config):
        steps = len(losses)
        if clock.epoch_ends():
            break
    # The memory and the import of Keras would count as the native's.
    assert ("keras" in sys.modules) == module.endswith("_keras")
    versions = {name: metadata.version(name) for name in (backend, "keras", "optax") if name in sys.modules}
    return {"import_s": import_s, "build_s": build_s, **clock.summary(steps), "environment": versions}


def peak_memory():
    """Bytes of memory that this process held at most."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage counts what the parent held before this process began
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(argv=None):
    """Write the times of a recipe in one of the variants to a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name of the recipe")
    parser.add_argument("variant", choices=(*KERAS_FIT, "shipped", *BY_HAND))
    parser.add_argument("--preset", default="bench", help="of the recipe (bench)")
    parser.add_argument("--backend", required=True, help="the one in KERAS_BACKEND")
    parser.add_argument("--threads", type=int, required=True, help="cores that it may use")
    parser.add_argument("--seconds", type=float, required=True, help="how long to time epochs after the first")
    parser.add_argument("--start", type=Path, help="file of data and weights that what is written by hand starts from")
    parser.add_argument("--result", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args(argv)
    load = psutil.getloadavg()[0]  # what else the machine is doing
    pin_to_cores(args.threads)
    if args.variant in BY_HAND:
        module = variants_by_hand(args.recipe, args.backend)[args.variant]
        found = time_by_hand(module, args.backend, args.start, args.seconds)
    else:
        found = time_recipe(args.recipe, args.preset, args.variant, args.backend, args.seconds)
    on_device = device_memory(args.backend)
    found |= {"recipe": args.recipe, "backend": args.backend, "variant": args.variant, "load": load}
    found |= {"device": device_of(args.backend), "memory_mb": peak_memory() / 1e6}
    found |= {"device_memory_mb": None if on_device is None else on_device / 1e6}
    write_file(args.result, as_json(found))


if __name__ == "__main__":
    main()
