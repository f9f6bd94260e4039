"""What the numbers of this process are of: a preset of a recipe, on a backend, on a device."""

from pathlib import Path

import keras

from backends_matrix.backends import device_of
from backends_matrix.bundle import file_stem
from backends_matrix.sources import digest
from keras_recipes.copying.discovery import recipe_names
from keras_recipes.run import environment


def smoke_presets(recipe):
    """Names of the presets that the matrix runs, a list: `smoke`, and its variants `smoke-…`.

    Args:
        recipe: Module that keeps the contract of a recipe.
    """
    return [name for name in recipe.PRESETS if name.partition("-")[0] == "smoke"]


def about(recipe, preset, precision, **more):
    """What a `Bundle` of this process says about itself.

    Args:
        recipe: String, name of the recipe.
        preset: String, a key of its `PRESETS`.
        precision: String.
        **more: What else there is to say, such as `ulp`.

    Returns:
        Dict, `about` of the `Bundle`.
    """
    backend = keras.config.backend()
    place = {"recipe": recipe, "preset": preset, "backend": backend, "device": device_of(backend)}
    # The comparison of layers and operations leaves bundles, too, and is no recipe.
    sources = {"sources": digest(recipe)} if recipe in recipe_names() else {}
    return {**place, "precision": precision, "environment": environment(), **sources, **more}


def own_stem():
    """Backend and device of this process, as names of files begin."""
    backend = keras.config.backend()
    return file_stem(backend, device_of(backend))


def remove_old(folder, end):
    """Remove what an earlier run on this backend and device left: a preset may be gone.

    Args:
        folder: Path; files below it go.
        end: String, with which their names end, `*` and `?` allowed.
    """
    for old in Path(folder).rglob(own_stem() + end):
        old.unlink()
