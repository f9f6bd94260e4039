"""What the built wheel does where nothing but it is installed; run by `nox -s wheel`."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest


def command(*arguments, cwd=None):
    program = Path(sys.executable).with_name("keras-recipes")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("KERAS", "PYTHON"))}
    return subprocess.run([program, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def test_only_the_package_is_installed():
    assert "site-packages" in importlib.util.find_spec("keras_recipes").origin
    for name in ("recipes", "backends_matrix", "tests"):
        assert importlib.util.find_spec(name) is None
    assert importlib.metadata.metadata("keras-recipes")["License-Expression"] == "MIT-0"


def test_lists_the_recipes(tmp_path):
    listed = command("list", cwd=tmp_path)
    assert listed.returncode == 0
    names = {line.split()[0] for line in listed.stdout.splitlines()}
    assert names == {path.stem for path in (Path(__file__).parents[1] / "recipes").glob("[!_]*.py")}


def test_copies_every_recipe_as_the_checkout_does(tmp_path):
    for line in command("list").stdout.splitlines():
        name = line.split()[0]
        assert command("copy", name, "mine/", cwd=tmp_path).returncode == 0
        copy = tmp_path / "mine" / f"{name}.py"
        compile(copy.read_text(), str(copy), "exec")
        assert "keras_recipes import" not in copy.read_text()
        assert command("diff", name, str(copy)).returncode == 0
        assert command("copy", name, "mine/", cwd=tmp_path).returncode == 2  # never overwrites


@pytest.mark.parametrize("flags", [["--preset", "smoke"], ["--help"]])
def test_without_a_backend_it_says_what_to_install(flags):
    name = command("list").stdout.split()[0]
    ran = command("run", name, *flags)
    assert ran.returncode == 2
    assert 'pip install "keras-recipes[jax]"' in ran.stderr
    assert "Traceback" not in ran.stderr
