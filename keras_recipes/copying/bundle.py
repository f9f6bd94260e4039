"""A recipe and the blocks that it needs as the source of one file."""

import itertools
import re
import sys

from keras_recipes import __version__
from keras_recipes.backend import DISTRIBUTION, backends, project
from keras_recipes.copying.blocks import Blocks, check_names
from keras_recipes.copying.discovery import PACKAGE, RECIPES, recipe_path
from keras_recipes.copying.source import Import, read_source

DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn"}  # those that are not called like their module
WIDTH = 120  # columns

FIRST = "# Building blocks that Python must know before it reads the recipe, from keras_recipes."
BODY = "# The recipe."
REST = "# Building blocks of the recipe, from keras_recipes."
CHOICE = """\
if not os.environ.get("KERAS_BACKEND"):  # then Keras' default if it is installed, else the first backend that is
    default = "tensorflow"
    with suppress(OSError, ValueError, KeyError):
        keras_json = Path(os.environ.get("KERAS_HOME", "~/.keras"), "keras.json").expanduser()
        default = json.loads(keras_json.read_text(encoding="utf-8"))["backend"]
    installed = [name for name in (default, {backends}) if find_spec(name)]
    if not installed:
        raise SystemExit("Keras needs a backend, such as: pip install {first}")
    os.environ["KERAS_BACKEND"] = installed[0]"""
CHOICE_IMPORTS = {
    Import("contextlib", "suppress", "", "the choice of a backend"),
    Import("importlib.util", "find_spec", "", "the choice of a backend"),
    Import("json", "", "", "the choice of a backend"),
    Import("os", "", "", "the choice of a backend"),
    Import("pathlib", "Path", "", "the choice of a backend"),
}


def bundle(name, filename=None, recipes=RECIPES, package=PACKAGE):
    """Write a recipe and the blocks that it needs as the source of one file.

    Args:
        name: String, the recipe.
        filename: String, what the file will be called; by default `<name>.py`.
        recipes: `Path` of the folder of recipes.
        package: `Path` of the folder that is imported as `keras_recipes`.

    Returns:
        String, the source of a module that imports nothing from `keras_recipes`.

    Raises:
        ValueError: If there is no such recipe, or if it or one of its blocks
            breaks a rule: imports at the top, only names of blocks, no name
            with two meanings. It names file and line.
    """
    recipe = read_source(recipe_path(name, recipes), is_recipe=True)
    if not (recipe.docstring.endswith('"""') and recipe.definitions):
        raise ValueError(f'{recipe.path}:1: a recipe is a """docstring""" and definitions')
    blocks = Blocks(recipe, package)
    imports = {*blocks.imports, *CHOICE_IMPORTS}
    check_names([*recipe.definitions, *blocks.first, *blocks.rest, *sorted(imports)])
    future = {found for found in imports if found.root == "__future__"}
    third_party = {found for found in imports if found.root not in sys.stdlib_module_names}
    head = [
        script_metadata(third_party),
        docstring(recipe.docstring, name, filename or f"{name}.py"),
        *([import_lines(future)] if future else []),
        import_lines(imports - future - third_party),
        choice_of_backend(),
        import_lines(third_party),
    ]
    return "\n\n".join(head) + "\n" + code(recipe, blocks)


def companions(name, recipes=RECIPES, package=PACKAGE):
    """List of `Path`s of the weights that must lie beside a copy: those beside a block, under its name."""
    blocks = Blocks(read_source(recipe_path(name, recipes), is_recipe=True), package)
    sources = dict.fromkeys(definition.source.path for definition in [*blocks.first, *blocks.rest])
    weights = [path.with_suffix(".safetensors") for path in sources]
    return [path for path in weights if path.is_file()]


def code(recipe, blocks):
    """What follows the imports: the recipe and its blocks, the call of `main` last."""
    body = "\n".join(recipe.lines[recipe.imports_end : recipe.definitions[-1].last])
    if blocks.first:
        body = "\n" + "\n\n\n".join([FIRST, paragraphs(blocks.first), BODY, body.strip("\n")])
    rest = [REST, paragraphs(blocks.rest)] if blocks.rest else []
    main = [recipe.main.text] if recipe.main else []
    return "\n\n\n".join([body, *rest, *main]) + "\n"


def paragraphs(definitions):
    """Two blank lines between definitions, none between constants that stood together."""
    text = definitions[0].text
    for before, definition in itertools.pairwise(definitions):
        stood_together = (before.source, before.last) == (definition.source, definition.first)
        text += ("\n" if stood_together else "\n\n\n") + definition.text
    return text


def script_metadata(third_party):
    """The comment by which `uv run` knows what a script needs (PEP 723)."""
    table = project()
    bounds = {re.split(r"[^\w.-]", line)[0].lower(): line for line in table["dependencies"]}
    roots = {found.root for found in third_party}
    names = sorted(DISTRIBUTIONS.get(root) or root.replace("_", "-").lower() for root in roots)
    first, *others = (requirement for name in backends() for requirement in table["optional-dependencies"][name])
    lines = [
        "# /// script",
        f'# requires-python = "{table["requires-python"]}"',
        "# dependencies = [",
        *(f'#     "{bounds.get(name, name)}",' for name in names),
        f'#     "{first}",  # the backend: or {", or ".join(others)}',
        "# ]",
        "# ///",
    ]
    return "\n".join(lines)


def docstring(text, name, filename):
    """The recipe's docstring with the file's own name, and where the file is from."""
    text = re.sub(rf"python -m recipes\.{name}\b", f"python {filename}", text).removesuffix('"""').rstrip()
    origin = f"Copied from {DISTRIBUTION} {__version__}, licence {project()['license']}: do with it what you like."
    changes = f"What changed there since: {DISTRIBUTION} diff {name} {filename}"
    return f'{text}\n\n{origin}\n{changes}\n"""'


def choice_of_backend():
    """The lines that choose one, to stand before Keras is imported."""
    names = backends()
    return CHOICE.format(backends=", ".join(f'"{name}"' for name in names), first=names[0])


def import_lines(imports):
    """Import statements, merged and sorted as ruff does."""
    modules = sorted((found for found in imports if not found.name), key=lambda found: (natural(found.module), found))
    lines = [f"import {found.module}" + (f" as {found.alias}" if found.alias else "") for found in modules]
    statements = {}
    names = (found for found in imports if found.name)
    for found in sorted(names, key=lambda found: (natural(found.module), member_order(found.name), found)):
        statements.setdefault((found.module, found if found.alias else None), []).append(found)
    return "\n".join([*lines, *(from_line(members) for members in statements.values())])


def from_line(members):
    """One `from module import ...`, one name a line if it is too long otherwise."""
    names = [found.name + (f" as {found.alias}" if found.alias else "") for found in members]
    line = f"from {members[0].module} import "
    if len(line + ", ".join(names)) <= WIDTH:
        return line + ", ".join(names)
    return line + "(\n" + "".join(f"    {name},\n" for name in names) + ")"


def member_order(name):
    """Constants, then classes, then the others."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, natural(name)


def natural(name):
    """Sorts without regard to case, and `log2` before `log10`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name.lower())]
