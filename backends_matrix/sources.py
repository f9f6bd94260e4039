"""What the numbers of a recipe come from: so that only what has changed must run again."""

import ast
import functools
import hashlib
import json
from pathlib import Path

from keras_recipes.backend import backends
from keras_recipes.copying.bundle import bundle, companions

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "matrix.json"
WORKERS = ("backends_matrix/worker.py", "backends_matrix/checkpoints.py")
DECIDES = "backends_matrix/known_differences.toml"  # about what is judged
TOOLS = {"fastai", "gensim", "hypothesis", "pyright", "pytest", "pytest-xdist", "ruff"}  # that no recipe computes with
FOLLOWED = ("backends_matrix", "keras_recipes.training")  # imports of the workers that compute
DESCRIBE = ("sources.py", "origin.py", "bundle.py")  # of the matrix: they compute nothing, but say where it is from


def changed(recipes, results=RESULTS):
    """Which recipes a run must repeat, and one whose turn it is, should something be missed here.

    Args:
        recipes: List of names.
        results: `Path` of the committed results of the matrix.

    Returns:
        Tuple of two lists of names: those whose sources are not the ones of the
        results, or that lack a backend there; and of the others one, if there
        are any. Another one's turn comes when any source changes.
    """
    found = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    known, needed = found.get("sources", {}), set(backends())
    compared = {}
    for entry in found.get("agreement", []):
        compared.setdefault(entry["recipe"], set()).update(entry["pair"])
    digests = {recipe: digest(recipe) for recipe in recipes}
    stale = [name for name in recipes if known.get(name) != digests[name] or not needed <= compared.get(name, set())]
    fresh = [name for name in recipes if name not in stale]
    turn = int(hashlib.sha256("".join(digests.values()).encode()).hexdigest(), 16)
    return stale, [fresh[turn % len(fresh)]] if fresh else []


@functools.cache
def digest(recipe):
    """The SHA-256 of all code that computes the numbers of a recipe, as 64 hexadecimal digits.

    That is what a copy of it holds, and the matrix. Comments, docstrings and layout do not count.

    Args:
        recipe: String, name of the recipe.
    """
    parts = [meaning(bundle(recipe)), *(path.read_bytes() for path in companions(recipe))]
    computing = sorted(path for path in worker_files() if path.name not in DESCRIBE)
    parts += [meaning(path.read_text(encoding="utf-8")) for path in computing]
    parts += [(ROOT / DECIDES).read_bytes(), *versions()]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def versions():
    """What recipes compute with, as a list of lines, bytes."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line.encode() for line in lines if "==" in line and line.split("==")[0] not in TOOLS]


@functools.cache
def worker_files():
    """The files of the matrix that compute numbers, and of `keras_recipes.training`, as a set of `Path`."""
    found, left = set(), [ROOT / worker for worker in WORKERS]
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            left += imported(path)
    return found


def imported(path):
    """The files that a file of Python imports, whenever, from what is followed, as a list of `Path`."""
    modules = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            modules += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    followed = [module for module in modules if f"{module}.".startswith(tuple(f"{name}." for name in FOLLOWED))]
    places = [ROOT.joinpath(*module.split(".")) for module in followed]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return [file for file in files if file.is_file()]


@functools.cache  # most files concern several recipes
def meaning(source):
    """What Python reads of a source file, bytes: no comment, docstring or layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value = ast.Constant("")
    return ast.dump(tree).encode()
