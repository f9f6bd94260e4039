"""The process of one recipe on one backend: `python -m backends_matrix.worker RECIPE --folder FOLDER`."""

import argparse
import importlib
from pathlib import Path

import keras

from backends_matrix.backends import device_of
from backends_matrix.bundle import slug
from backends_matrix.judge import PRECISIONS
from backends_matrix.numbers import TWINS, numbers


def main(argv=None):
    """Write a bundle for each smoke preset of a recipe, in each of some precisions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="name of the recipe")
    parser.add_argument("--folder", required=True, help="where the bundles go")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=["float32"], help="to compute in")
    parser.add_argument("--twins", type=int, default=TWINS, help=f"runs that measure the unit of float32 ({TWINS})")
    args = parser.parse_args(argv)
    recipe = importlib.import_module(f"recipes.{args.recipe}")
    for precision in args.precisions:
        remove_old(Path(args.folder, args.recipe), precision)
        for preset in recipe.PRESETS:
            if preset.partition("-")[0] == "smoke":  # `smoke`, and its variants `smoke-…`
                print(numbers(recipe, preset, precision, args.twins).write(args.folder))


def remove_old(folder, precision):
    """Remove what an earlier run on this backend and device left: a preset may be gone."""
    backend = keras.config.backend()
    for old in folder.rglob(f"{backend}-{slug(device_of(backend))}-{precision}.npz"):
        old.unlink()


if __name__ == "__main__":
    main()
