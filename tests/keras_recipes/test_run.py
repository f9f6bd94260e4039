import csv
import json
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from keras_recipes.run import environment, load_weights, save_run


@dataclass(frozen=True)
class Config:
    """For these tests."""

    epochs: int = 2  # passes


def model_of(units, name="dense"):
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(units, name=name)(inputs))


def test_run_folder_holds_everything(tmp_path, capsys):
    folder, model = tmp_path / "new" / "run", model_of(2)
    save_run(folder, Config(epochs=5), model, {"loss": [0.5, 0.25], "mae": [1.0, 2.0]}, {"rmse": 0.1 + 0.2})
    assert json.loads((folder / "config.json").read_text()) == {"epochs": 5}
    assert json.loads((folder / "metrics.json").read_text()) == {"rmse": 0.1 + 0.2}
    with (folder / "history.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["epoch", "loss", "mae"], ["1", "0.5", "1.0"], ["2", "0.25", "2.0"]]
    found = json.loads((folder / "environment.json").read_text())
    assert found["backend"] == keras.config.backend()
    assert found["keras"] == keras.__version__
    weights = load_file(folder / "weights.safetensors")
    np.testing.assert_array_equal(weights["dense/kernel"], model.get_weights()[0])
    assert capsys.readouterr().out.splitlines() == ["rmse 0.3000", f"Results are in {folder}"]
    assert sorted(path.suffix for path in folder.iterdir()) == [
        ".csv",
        ".json",
        ".json",
        ".json",
        ".png",
        ".safetensors",
    ]


def test_weights_come_back(tmp_path):
    one, other = model_of(2), model_of(2)
    save_run(tmp_path, Config(), one, {}, {})
    load_weights(other, tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(other.get_weights()[0], one.get_weights()[0])


@pytest.mark.parametrize(("model", "named"), [(model_of(3), "dense/bias"), (model_of(2, name="other"), "other/kernel")])
def test_weights_of_another_model_are_refused(model, named, tmp_path):
    save_run(tmp_path, Config(), model_of(2), {}, {})
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"`path` must be weights of this model.*{named}"):
        load_weights(model, tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_environment_names_versions_and_machine():
    found = environment()
    assert found[keras.config.backend()]
    assert all(isinstance(value, str) and value for value in found.values())
    assert {"python", "numpy", "platform", "processor", "cores"} <= set(found)
