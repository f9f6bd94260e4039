"""The process of one recipe on one backend: `python -m backends_matrix.worker RECIPE --folder FOLDER`."""

import argparse
import importlib
from pathlib import Path

import keras

from backends_matrix.backends import device_of
from backends_matrix.bundle import slug
from backends_matrix.numbers import TWINS, numbers


def main(argv=None):
    """Write a bundle for each smoke preset of a recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="name of the recipe")
    parser.add_argument("--folder", required=True, help="where the bundles go")
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32")
    parser.add_argument("--twins", type=int, default=TWINS, help=f"runs that measure the unit of float32 ({TWINS})")
    args = parser.parse_args(argv)
    backend = keras.config.backend()
    for old in Path(args.folder, args.recipe).rglob(f"{backend}-{slug(device_of(backend))}-{args.precision}.npz"):
        old.unlink()  # a preset may be gone
    recipe = importlib.import_module(f"recipes.{args.recipe}")
    for preset in recipe.PRESETS:
        if preset.partition("-")[0] == "smoke":  # `smoke`, and its variants `smoke-…`
            print(numbers(recipe, preset, args.precision, args.twins).write(args.folder))


if __name__ == "__main__":
    main()
