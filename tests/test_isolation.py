"""Who may import whom, and what no file may know: read from the source, so that it holds for files to come."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from keras_recipes.backend import backends
from keras_recipes.copying import recipe_names

ROOT = Path(__file__).parents[1]
ALLOWED = {  # of this project's packages
    "keras_recipes": {"keras_recipes"},
    "recipes": {"keras_recipes"},
    "backends_matrix": {"backends_matrix", "keras_recipes"},
}
MAY_IMPORT_BACKENDS = (
    "backends_matrix/backends.py",
    "backends_matrix/native/",
    "keras_recipes/training/autodiff.py",
    "keras_recipes/training/control_flow.py",
    "keras_recipes/training/dispatch.py",
    "keras_recipes/training/row_gradients.py",
    "keras_recipes/training/torch_",
)


def files(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path):
    """Full names of the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module


@pytest.mark.parametrize("package", ALLOWED)
def test_dependencies_point_one_way(package):
    assert files(package)
    for path in files(package):
        ours = {name.split(".")[0] for name in imported(path)} & {*ALLOWED, "tests"}
        assert ours <= ALLOWED[package], path


def test_backends_are_imported_in_one_place():
    assert set(backends()) >= {"jax", "tensorflow", "torch"}
    for path in [path for package in ALLOWED for path in files(package)]:
        place = path.relative_to(ROOT).as_posix()
        if not place.startswith(MAY_IMPORT_BACKENDS):
            assert not {name.split(".")[0] for name in imported(path)} & set(backends()), path


def test_recipes_never_ask_which_backend_runs():
    for path in [*files("recipes"), *files("keras_recipes/layers")]:
        if path.name != "__init__.py":
            names = {getattr(n, "attr", getattr(n, "id", "")) for n in ast.walk(ast.parse(path.read_text()))}
            assert not names & {"backend", "environ", "BACKEND"}, path


@pytest.mark.parametrize("package", ["recipes", "keras_recipes"])
def test_no_private_part_of_keras(package):
    for path in files(package):
        assert not [name for name in imported(path) if name.startswith("keras.src")], path


def test_the_matrix_names_no_recipe():
    assert len(recipe_names()) >= 2
    for path in files("backends_matrix"):
        code = ast.parse(path.read_text())
        told = docstrings(code)
        for node in ast.walk(code):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                assert node.value not in recipe_names(), path


def docstrings(tree):
    """Ids of the nodes of all docstrings."""
    bodies = [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list) and node.body]
    return {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}


def test_the_wheel_gives_nobody_a_package_called_recipes():
    import tomllib

    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["keras_recipes"], "force-include": {"recipes": "keras_recipes/_recipes"}}


def test_comparing_needs_no_keras():
    """Bundles from any machine can be compared on one that has NumPy only."""
    modules = "backends_matrix.__main__, backends_matrix.full, backends_matrix.layers_and_ops.__main__, "
    modules += "backends_matrix.judge_checkpoints, backends_matrix.relay"
    program = f"import sys; sys.modules['keras'] = None; import {modules}"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ALLOWED)
def test_files_are_short_enough_to_read(package):
    for path in files(package):
        assert len(path.read_text().splitlines()) <= (280 if package == "recipes" else 260), path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 42, f"{path}: {node.name}"
