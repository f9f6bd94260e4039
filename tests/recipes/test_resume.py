"""A recipe that is killed in the middle of an epoch goes on, by the same command, to the same bits."""

import importlib
import signal
import subprocess
import sys

from safetensors.numpy import load_file

from backends_matrix.portable_random import portable_random
from keras_recipes.copying import recipe_path
from tests.marks import on_one_backend

RESULTS = ("metrics.json", "history.csv", "config.json")


def killed_run(name, folder):
    """Run the smoke preset in a process of its own, which dies in its third epoch."""
    command = [sys.executable, "-m", "backends_matrix.relay_leg", name, "smoke", str(folder), "3"]
    done = subprocess.run(command, cwd=recipe_path(name).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def run(name, folder):
    """Run the smoke preset here, with the random numbers of the other process."""
    with portable_random():
        importlib.import_module(f"recipes.{name}").main(["--preset", "smoke", "--run-folder", str(folder)])


@on_one_backend
def test_a_killed_run_ends_as_one_that_was_not(tmp_path, capfd):
    """In the matrix all recipes go on, on each backend, without a kill; kills on each backend are in test_kills.py."""
    name = "collaborative_filtering"
    killed_run(name, tmp_path / "killed")
    assert {path.name for path in (tmp_path / "killed").iterdir()} == {"training.safetensors"}
    run(name, tmp_path / "killed")
    printed = capfd.readouterr().out
    assert "saved after 2 epochs" in printed
    assert "Epoch 2/" not in printed
    run(name, tmp_path / "whole")
    for result in RESULTS:
        assert (tmp_path / "killed" / result).read_text() == (tmp_path / "whole" / result).read_text()
    one, other = (load_file(tmp_path / run_folder / "weights.safetensors") for run_folder in ("killed", "whole"))
    assert all((one[path] == other[path]).all() for path in other)
