"""A copied recipe needs nothing of this project, and computes to the last bit what the original does."""

import collections
import importlib
import json
import shutil
import subprocess
import sys

import keras
import pytest

from keras_recipes.copying import copy, recipe_module, recipe_names

ALONE = """\
import pathlib, runpy, sys
for name in ("keras_recipes", "recipes", "backends_matrix"):
    sys.modules[name] = None  # to import it is an error
for path in sys.argv[1:]:
    print("running", path, file=sys.stderr)
    folder = str(pathlib.Path(path).with_suffix(""))
    sys.argv = [path, "--preset", "smoke", "--epochs", "1", "--run-folder", folder]
    runpy.run_path(path, run_name="__main__")
"""
# Where each recipe is compiled, which takes its time, half of the copies are run: each recipe on two backends.
HALVES = {"jax": slice(0, None, 2), "tensorflow": slice(1, None, 2)}
NAMES = recipe_names()[HALVES.get(keras.config.backend(), slice(None))]
FLAGS = ["--preset", "smoke", "--epochs", "1", "--run-folder"]
FILES = {"config.json", "environment.json", "history.csv", "history.png", "metrics.json", "weights.safetensors"}


def metrics(folder):
    """The metrics that a run has left in its folder."""
    return json.loads((folder / "metrics.json").read_text())


def test_every_copy_is_run_on_two_backends():
    times = collections.Counter(name for half in [*HALVES.values(), slice(None)] for name in recipe_names()[half])
    assert set(times.values()) == {2}
    assert set(times) == set(recipe_names())


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """The folder where copies of recipes have run, in one process: each left a folder of its name."""
    place = tmp_path_factory.mktemp("copies")
    command = [sys.executable, "-c", ALONE, *(str(copy(name, place)) for name in NAMES)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_computes_what_the_recipe_does(name, copied, tmp_path):
    importlib.import_module(recipe_module(name)).main([*FLAGS, str(tmp_path)])
    left = {path.name for path in tmp_path.iterdir()}
    assert left >= FILES
    assert {path.name for path in (copied / name).iterdir()} == left
    assert metrics(copied / name)
    assert metrics(copied / name) == metrics(tmp_path)


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
