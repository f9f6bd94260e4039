"""Which recipes there are: the files of a folder, no list that could be forgotten."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
RECIPES = PACKAGE / "_recipes" if (PACKAGE / "_recipes").is_dir() else PACKAGE.parent / "recipes"


def recipe_names(recipes=RECIPES):
    """Names of the recipes: the files `<name>.py` of a folder that do not begin with `_`, as a sorted list."""
    return sorted(path.stem for path in recipes.glob("*.py") if not path.stem.startswith("_"))


def recipe_path(name, recipes=RECIPES):
    """Find the file of a recipe.

    Args:
        name: String, such as `"vae"`.
        recipes: `Path` of the folder of recipes.

    Returns:
        `Path`.

    Raises:
        ValueError: If there is no such recipe; it lists those that there are.
    """
    known = recipe_names(recipes)
    if name not in known:
        raise ValueError(f"there is no recipe {name!r}, but: {', '.join(known)}")
    return recipes / f"{name}.py"


def recipe_module(name, recipes=RECIPES):
    """What to import for a recipe: `recipes.<name>` in a checkout, `keras_recipes._recipes.<name>` once installed."""
    recipe_path(name, recipes)
    return f"keras_recipes._recipes.{name}" if recipes.name == "_recipes" else f"recipes.{name}"


def summary(name, recipes=RECIPES):
    """The first line of a recipe's docstring, "" if it has none."""
    tree = ast.parse(recipe_path(name, recipes).read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]
