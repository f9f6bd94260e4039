"""The command `keras-recipes`: list, run, copy and diff."""

import argparse
import importlib
import sys

from keras_recipes.backend import NoBackendError, choose_backend
from keras_recipes.copying import copy, difference, recipe_module, recipe_names, summary


def main(argv=None):
    """Run a command.

    Args:
        argv: List of strings, by default those of the running command.

    Returns:
        Integer, the exit status: 0 if all is well, 1 if `diff` found
        differences, 2 for an error, which goes to stderr in one line.
    """
    arguments = command_line().parse_args(argv)
    try:
        return arguments.command(arguments)
    except (ValueError, OSError, NoBackendError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def command_line():
    """The argparse parser; `command` is the function that does it."""
    parser = argparse.ArgumentParser(prog="keras-recipes", description="Deep-learning recipes in Keras 3.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="show the recipes")
    command.set_defaults(command=list_recipes)

    command = commands.add_parser("run", help="run a recipe", description="`run NAME --help` shows the recipe's flags.")
    command.add_argument("name", metavar="NAME", help="the recipe")
    command.add_argument("flags", nargs=argparse.REMAINDER, metavar="FLAG", help="flags of the recipe")
    command.set_defaults(command=run_recipe)

    command = commands.add_parser("copy", help="copy a recipe as one file of your own")
    command.add_argument("name", metavar="NAME", help="the recipe")
    command.add_argument("destination", metavar="DEST", nargs="?", default=".", help="folder/ or file.py (.)")
    command.add_argument("--force", action="store_true", help="replace the file if it exists")
    command.set_defaults(command=copy_recipe)

    text = (
        "Lines with - are those of your FILE, lines with + those that `copy` would write now. Status 1 if any differ."
    )
    command = commands.add_parser("diff", help="show what changed since a copy was made", description=text)
    command.add_argument("name", metavar="NAME", help="the recipe")
    command.add_argument("file", metavar="FILE", help="your copy of it")
    command.set_defaults(command=show_difference)
    return parser


def list_recipes(arguments):
    """Print the name of each recipe and what it is."""
    names = recipe_names()
    width = max(map(len, names))
    for name in names:
        print(f"{name:{width}}  {summary(name)}")
    return 0


def run_recipe(arguments):
    """Import a recipe, on a backend that is installed, and call its `main`."""
    module = recipe_module(arguments.name)
    choose_backend()
    recipe = importlib.import_module(module)
    sys.argv[0] = f"keras-recipes run {arguments.name}"  # what the recipe's --help calls itself
    recipe.main(arguments.flags)
    return 0


def copy_recipe(arguments):
    """Write a copy, and say how to run it."""
    path = copy(arguments.name, arguments.destination, arguments.force)
    print(f"{path}\nRun it: uv run {path} --preset smoke")
    return 0


def show_difference(arguments):
    """Print how a copy differs from the recipe of now."""
    text = difference(arguments.name, arguments.file)
    if text:
        print(text)
    return 1 if text else 0


if __name__ == "__main__":
    sys.exit(main())
