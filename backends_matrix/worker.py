"""The process of one recipe on one backend: `python -m backends_matrix.worker RECIPE --folder FOLDER`."""

import argparse
import importlib

from backends_matrix.numbers import numbers


def main(argv=None):
    """Write a bundle for each smoke preset of a recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="name of the recipe")
    parser.add_argument("--folder", required=True, help="where the bundles go")
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32")
    args = parser.parse_args(argv)
    for preset in smoke_presets(args.recipe):
        print(numbers(args.recipe, preset, args.precision).write(args.folder))


def smoke_presets(recipe_name):
    """The presets that the matrix runs, as a list: `smoke`, and its variants `smoke-…`."""
    presets = importlib.import_module(f"recipes.{recipe_name}").PRESETS
    return [name for name in presets if name.partition("-")[0] == "smoke"]


if __name__ == "__main__":
    main()
