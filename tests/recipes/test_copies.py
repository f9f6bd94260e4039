"""A copied recipe needs nothing of this project, and computes to the last bit what the original does."""

import json
import shutil
import subprocess
import sys

import pytest

from keras_recipes.copying import copy, recipe_module, recipe_names, recipe_path

ALONE = """\
import runpy, sys
for name in ("keras_recipes", "recipes", "backends_matrix"):
    sys.modules[name] = None  # to import it is an error
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def metrics(command, folder, cwd):
    """The metrics that a smoke run of one epoch leaves in its folder."""
    line = [sys.executable, *command, "--preset", "smoke", "--epochs", "1", "--run-folder", str(folder)]
    result = subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads((folder / "metrics.json").read_text())


def test_there_are_recipes():
    assert recipe_names()


@pytest.mark.parametrize("name", recipe_names())
def test_a_copy_computes_what_the_recipe_does(name, tmp_path):
    path = copy(name, tmp_path)
    root = recipe_path(name).parents[len(recipe_module(name).split(".")) - 1]
    copied = metrics(["-c", ALONE, str(path)], tmp_path / "copied", tmp_path)
    original = metrics(["-m", recipe_module(name)], tmp_path / "original", root)
    assert copied
    assert copied == original


@pytest.mark.parametrize("module", ["keras_recipes", "recipes", "backends_matrix"])
def test_a_copy_runs_where_this_project_can_not_be_imported(module, tmp_path):
    path = tmp_path / "cheat.py"
    path.write_text(f"import {module}\n")
    result = subprocess.run([sys.executable, "-c", ALONE, str(path)], capture_output=True, text=True, check=False)
    assert f"import of {module} halted" in result.stderr


@pytest.mark.skipif(not shutil.which("ruff"), reason="ruff is in the dependency group `lint`")
@pytest.mark.parametrize("name", recipe_names())
def test_a_copy_passes_ruff_as_it_is(name, tmp_path):
    options = ["--isolated", "--no-cache", "--line-length=120", str(copy(name, tmp_path))]
    for command in (["check", "--select=E,F,I"], ["format", "--diff"]):
        result = subprocess.run(["ruff", *command, *options], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout
