import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import keras_recipes
from keras_recipes import cli

PACKAGE = Path(keras_recipes.__file__).parent
TOY = '''\
"""A toy: it prints its flags.

    python -m recipes.toy
"""

import argparse
import os


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=3)
    size = parser.parse_args(argv).size
    if size < 0:
        raise ValueError(f"`size` must be positive, received {size}")
    print(os.environ["KERAS_BACKEND"], size)


if __name__ == "__main__":
    main()
'''
PYPROJECT = """\
[project]
name = "keras-recipes"
license = "MIT-0"
requires-python = ">=3.11"
dependencies = ["keras>=3.15"]
optional-dependencies = {jax = ["jax>=0.6"], torch = ["torch>=2.6"]}
"""
METADATA = """\
Metadata-Version: 2.4
Name: keras-recipes
Version: 0.1.0
License-Expression: MIT-0
Requires-Python: >=3.11
Requires-Dist: keras>=3.15
Provides-Extra: jax
Requires-Dist: jax>=0.6; extra == 'jax'
Provides-Extra: torch
Requires-Dist: torch>=2.6; extra == 'torch'
"""


@pytest.fixture(params=["checkout", "wheel"])
def command(request, tmp_path):
    """Run `keras-recipes` on a planted recipe, where nothing but this package and the backends named is installed."""
    site = tmp_path / "site"
    wheel = request.param == "wheel"
    recipes = site / "keras_recipes" / "_recipes" if wheel else site / "recipes"
    shutil.copytree(PACKAGE, site / "keras_recipes", ignore=shutil.ignore_patterns("_recipes", "__pycache__"))
    recipes.mkdir()
    (recipes / "__init__.py").touch()
    (recipes / "toy.py").write_text(TOY)
    (recipes / "another_toy.py").write_text('"""Another toy."""\n\nX = 1\n')
    if wheel:
        (site / "keras_recipes-0.1.0.dist-info").mkdir()
        (site / "keras_recipes-0.1.0.dist-info" / "METADATA").write_text(METADATA)
    else:
        (site / "pyproject.toml").write_text(PYPROJECT)

    def run(*arguments, installed=("jax",)):
        for name in installed:
            (site / f"{name}.py").touch()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS", "PYTHON"))}
        environment = {**kept, "PYTHONPATH": str(site), "KERAS_HOME": str(tmp_path)}
        line = [sys.executable, "-S", "-m", "keras_recipes.cli", *arguments]
        return subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_list_shows_each_recipe(command):
    result = command("list")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "another_toy  Another toy.\ntoy          A toy: it prints its flags.\n"


def test_run_passes_flags_on_to_the_recipe(command):
    result = command("run", "toy", "--size", "5")
    assert (result.returncode, result.stdout) == (0, "jax 5\n"), result.stderr
    assert result.stderr == "keras-recipes: KERAS_BACKEND is not set; using jax.\n"


def test_run_shows_the_help_of_the_recipe(command):
    result = command("run", "toy", "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("usage: keras-recipes run toy [-h] [--size SIZE]")


def test_run_shows_its_own_help(command):
    result = command("run", "--help")
    assert result.returncode == 0, result.stderr
    assert "`run NAME --help` shows the recipe's flags" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["run", "toy", "--size", "-1"], "`size` must be positive, received -1"),
        (["run", "toi"], "there is no recipe 'toi', but: another_toy, toy"),
        (["copy", "toi"], "there is no recipe 'toi', but: another_toy, toy"),
        (["copy", "toy", "nowhere"], "there is no folder nowhere: end it with / to have it made, or name a .py file"),
        (["diff", "toy", "absent.py"], "[Errno 2] No such file or directory: 'absent.py'"),
    ],
)
def test_errors_are_one_line(command, arguments, error):
    result = command(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"error: {error}"
    assert "Traceback" not in result.stderr


def test_run_without_a_backend_says_what_to_install(command):
    result = command("run", "toy", installed=())
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == 'error: Keras needs a backend: pip install "keras-recipes[jax]" (or [torch])\n'


def test_copy_then_diff(command, tmp_path):
    result = command("copy", "toy", "mine/")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "mine/toy.py\nRun it: uv run mine/toy.py --preset smoke\n"
    assert command("diff", "toy", "mine/toy.py").returncode == 0

    path = tmp_path / "mine" / "toy.py"
    path.write_text(path.read_text().replace("default=3", "default=4"))
    result = command("diff", "toy", "mine/toy.py")
    assert result.returncode == 1
    changes = [line for line in result.stdout.splitlines()[2:] if line[0] in "+-"]
    assert [line[0] + line[-10:] for line in changes] == ["-default=4)", "+default=3)"]

    refused = command("copy", "toy", "mine/")
    assert refused.returncode == 2
    assert refused.stderr == "error: mine/toy.py exists already; --force replaces it\n"
    assert command("copy", "toy", "mine/", "--force").returncode == 0
    assert command("diff", "toy", "mine/toy.py").returncode == 0


def test_copy_goes_to_the_current_folder_by_default(command, tmp_path):
    assert command("copy", "toy").returncode == 0
    assert (tmp_path / "toy.py").exists()


def test_diff_says_which_side_is_which(command):
    text = " ".join(command("diff", "--help").stdout.split())
    assert "with - are those of your FILE, lines with + those that `copy` would write now" in text


@pytest.mark.parametrize("arguments", [[], ["sell"], ["copy"]])
def test_unknown_commands_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(arguments)
    assert exit_info.value.code == 2
    assert "usage: keras-recipes" in capsys.readouterr().err


def test_main_returns_the_status(tmp_path, capsys):
    assert cli.main(["list"]) == 0
    assert cli.main(["copy", "no such recipe", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: there is no recipe 'no such recipe'")
