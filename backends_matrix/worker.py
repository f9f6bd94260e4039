"""The process of one recipe on one backend: `python -m backends_matrix.worker RECIPE --folder FOLDER`."""

import argparse
import importlib
from pathlib import Path

from backends_matrix import checkpoints
from backends_matrix.judge import PRECISIONS, precisions_of
from backends_matrix.numbers import TWINS, numbers
from backends_matrix.origin import remove_old, smoke_presets


def main(argv=None):
    """Write a bundle for each preset of a recipe in each of some precisions, and save checkpoints if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="name of the recipe")
    parser.add_argument("--folder", required=True, help="where the bundles go")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=["float32"], help="to compute in")
    parser.add_argument("--presets", nargs="+", help="to run (all smoke presets)")
    parser.add_argument("--twins", type=int, default=TWINS, help=f"runs that measure the unit of float32 ({TWINS})")
    parser.add_argument("--save", action="store_true", help="then do what `checkpoints … save` does")
    args = parser.parse_args(argv)
    recipe = importlib.import_module(f"recipes.{args.recipe}")
    for precision in args.precisions:
        remove_old(Path(args.folder, args.recipe), f"-{precision}.npz")
        presets = args.presets or smoke_presets(recipe)
        for preset in [preset for preset in presets if precision in precisions_of(preset)]:
            print(numbers(recipe, preset, precision, args.twins).write(args.folder))
    if args.save:
        checkpoints.main([args.recipe, "save", "--folder", args.folder, "--twins", str(args.twins)])


if __name__ == "__main__":
    main()
