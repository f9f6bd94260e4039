"""A recipe that is killed in the middle of an epoch goes on, by the same command, to the same bits."""

import signal
import subprocess
import sys

import keras
import pytest
from safetensors.numpy import load_file

from keras_recipes.copying import recipe_names, recipe_path

RESULTS = ("metrics.json", "history.csv", "config.json")


def run(name, folder, kill_in_epoch):
    """Run the smoke preset in a process of its own; returns its exit status and what it printed."""
    command = [sys.executable, "-m", "backends_matrix.relay_leg", name, "smoke", str(folder), str(kill_in_epoch)]
    done = subprocess.run(command, cwd=recipe_path(name).parents[1], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", recipe_names() if keras.config.backend() == "jax" else recipe_names()[:1])
def test_a_killed_run_ends_as_one_that_was_not(name, tmp_path):
    status, printed = run(name, tmp_path / "killed", kill_in_epoch=3)
    assert status == -signal.SIGKILL, printed
    assert {path.name for path in (tmp_path / "killed").iterdir()} == {"training.safetensors"}
    status, printed = run(name, tmp_path / "killed", kill_in_epoch=0)
    assert status == 0, printed
    assert "saved after 2 epochs" in printed
    assert "Epoch 2/" not in printed
    status, printed = run(name, tmp_path / "whole", kill_in_epoch=0)
    assert status == 0, printed
    for result in RESULTS:
        assert (tmp_path / "killed" / result).read_text() == (tmp_path / "whole" / result).read_text()
    one, other = (load_file(tmp_path / run_folder / "weights.safetensors") for run_folder in ("killed", "whole"))
    assert all((one[path] == other[path]).all() for path in other)
