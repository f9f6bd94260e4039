"""How fast a recipe is on one backend: `python -m backends_matrix.speed RECIPE --folder FOLDER`.

Times the recipe's own functions on its `bench` preset, each part apart. An epoch's
time ends when its logs are numbers, so the device is done by then.
"""

import argparse
import importlib
import time
from pathlib import Path

IMPORT_BEGIN = time.perf_counter()  # Keras and its backend are imported below

import keras  # noqa: E402 - timed
import numpy as np  # noqa: E402
import psutil  # noqa: E402

IMPORT_SECONDS = time.perf_counter() - IMPORT_BEGIN

from backends_matrix.backends import device_of  # noqa: E402
from backends_matrix.bundle import slug  # noqa: E402
from keras_recipes.files import as_json, write_file  # noqa: E402
from keras_recipes.run import environment  # noqa: E402


class EpochTimer(keras.callbacks.Callback):
    """Note how long epochs and the first step take, the steps of an epoch, and the memory held after one."""

    def __init__(self):
        super().__init__()
        self.seconds, self.steps, self.first_step, self.memory = [], 0, None, 0

    def on_train_begin(self, logs=None):
        """Training begins with tracing and compiling."""
        self.begin = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock of an epoch."""
        self.epoch_begin = time.perf_counter()
        self.steps = 0

    def on_train_batch_begin(self, batch, logs=None):
        """The second step begins when the first one has been traced, compiled and handed over."""
        if self.steps == 1 and self.first_step is None:
            self.first_step = time.perf_counter() - self.begin
        self.steps += 1

    def on_epoch_end(self, epoch, logs=None):
        """Note the time of an epoch."""
        self.seconds.append(time.perf_counter() - self.epoch_begin)
        self.memory = max(self.memory, psutil.Process().memory_info().rss)


def speed(recipe_name):
    """Times of the `bench` preset of a recipe on this process's backend, as a dict."""
    load = psutil.getloadavg()[0]  # what else the machine is doing
    recipe = importlib.import_module(f"recipes.{recipe_name}")
    config = recipe.PRESETS["bench"]
    keras.utils.set_random_seed(config.seed)
    data = recipe.load_data(config)
    begin = time.perf_counter()
    model = recipe.build_model(config, data)
    build = time.perf_counter() - begin
    timer = EpochTimer()
    recipe.train(model, data, config, callbacks=[timer])
    steps = 1000 * np.array(timer.seconds[1:]) / timer.steps  # milliseconds
    low, median, high = np.percentile(steps, (20, 50, 80))
    backend = keras.config.backend()
    return {
        "recipe": recipe_name,
        "backend": backend,
        "device": device_of(backend),
        "import_s": round(IMPORT_SECONDS, 3),
        "build_s": round(build, 3),
        "first_step_s": round(timer.first_step or timer.seconds[0], 3),
        "step_ms": round(float(median), 4),
        "step_ms_p20": round(float(low), 4),
        "step_ms_p80": round(float(high), 4),
        "steps_per_epoch": timer.steps,
        "epochs_timed": len(steps),
        "memory_mb": round(timer.memory / 1e6, 1),
        "load": round(load, 2),
        "environment": environment(),
    }


def main(argv=None):
    """Write the times of a recipe to a JSON file below the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name of the recipe")
    parser.add_argument("--folder", type=Path, required=True, help="where the result goes")
    args = parser.parse_args(argv)
    found = speed(args.recipe)
    write_file(args.folder / args.recipe / f"speed-{found['backend']}-{slug(found['device'])}.json", as_json(found))


if __name__ == "__main__":
    main()
