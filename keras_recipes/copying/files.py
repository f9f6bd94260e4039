"""Write a copy of a recipe, and compare it with the recipe later on."""

import difflib
import os
from pathlib import Path

from keras_recipes import __version__
from keras_recipes.backend import DISTRIBUTION
from keras_recipes.copying.bundle import bundle, companions
from keras_recipes.copying.discovery import PACKAGE, RECIPES
from keras_recipes.files import write_file


def copy(name, destination=".", force=False, recipes=RECIPES, package=PACKAGE):
    """Write a recipe as one self-contained file, and beside it the weights that it comes with, if any.

    Each file is written whole, or not at all.

    Args:
        name: String, the recipe.
        destination: String or `Path`: an existing folder, a folder to be made
            (it ends in a slash), or a file called `*.py`.
        force: Boolean, whether to replace a file that is there already.
        recipes: `Path` of the folder of recipes.
        package: `Path` of the folder that is imported as `keras_recipes`.

    Returns:
        `Path` of the file.

    Raises:
        FileExistsError: If the file, or another one by the name of the
            weights, is there already and `force` is false.
        ValueError: If `destination` is none of the three, and as `bundle` does.
    """
    path = Path(destination)
    if path.is_dir() or str(destination).endswith(("/", os.sep)):
        path = path / f"{name}.py"
    elif path.suffix != ".py":
        raise ValueError(f"there is no folder {destination}: end it with / to have it made, or name a .py file")
    text = bundle(name, path.name, recipes, package)
    contents = {path.with_name(weights.name): weights.read_bytes() for weights in companions(name, recipes, package)}
    for file, content in {**contents, path: None}.items():
        if file.exists() and not force and file.read_bytes() != content:
            raise FileExistsError(f"{file} exists already; --force replaces it")
    for file, content in {**contents, path: text}.items():
        write_file(file, content)
    return path


def difference(name, file, recipes=RECIPES, package=PACKAGE):
    """Compare a copy with what `copy` would write now.

    Args:
        name: String, the recipe.
        file: String or `Path`, the copy.
        recipes: `Path` of the folder of recipes.
        package: `Path` of the folder that is imported as `keras_recipes`.

    Returns:
        String, the unified diff that leads from the file (`-`) to the recipe of
        now (`+`), "" if they are the same.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As `bundle` does.
    """
    new = bundle(name, Path(file).name, recipes, package).splitlines()
    old = Path(file).read_text(encoding="utf-8").splitlines()
    label = f"{name} of {DISTRIBUTION} {__version__}"
    return "\n".join(difflib.unified_diff(old, new, str(file), label, lineterm=""))
