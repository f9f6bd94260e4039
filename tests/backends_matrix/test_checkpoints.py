"""The cells of saving and resuming, and the faults that they must find."""

import importlib
import json

import keras
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from backends_matrix import checkpoints
from backends_matrix.bundle import Bundle, read_bundles
from backends_matrix.judge_checkpoints import LEVELS, compare_checkpoints
from backends_matrix.origin import own_stem
from keras_recipes.training.saving import STATE_KEY

RECIPE, PRESET = "collaborative_filtering", "smoke-mlp"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `main` leaves on this backend for the preset with more to save, asked for twice."""
    folder = tmp_path_factory.mktemp("cells")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "MAIN_PRESET", PRESET)
        for action in ("save", "resume"):
            checkpoints.main([RECIPE, action, "--folder", str(folder), "--twins", "1"])
    return folder


def path_of(folder):
    return folder / RECIPE / PRESET / f"{own_stem()}.safetensors"


def bundles_of(folder):
    return [bundle for bundle in read_bundles(folder) if bundle.about["preset"] == PRESET]


def renamed(bundle, backend, source):
    """The bundle as if it were another backend's, or of another backend's checkpoint."""
    precision = bundle.about["precision"].partition("-")[0]
    precision += f"-{source}" if precision == "resumed" else ""
    return Bundle({**bundle.about, "backend": backend, "source": source, "precision": precision}, bundle.arrays)


def cells(folder):
    """Nine cells in small: four, two of them of this backend under another name."""
    saved, resumed = sorted(bundles_of(folder), key=lambda bundle: bundle.about["precision"])
    backend, source = keras.config.backend(), saved.about["source"]
    others = [renamed(saved, "other", "other-cpu"), renamed(resumed, "other", "other-cpu")]
    return [saved, resumed, *others, renamed(resumed, "other", source), renamed(resumed, backend, "other-cpu")]


def test_all_cells_agree_to_the_bit_on_one_backend(folder):
    findings = compare_checkpoints(cells(folder))
    assert {found.pair for found in findings} == {
        (a, b) for a in (keras.config.backend(), "other") for b in (keras.config.backend(), "other")
    }
    assert {found.level for found in findings} == {level.name for level in LEVELS}
    assert {found.name.partition("/")[0] for found in findings} == {
        "prediction", "step", "weights", "optimizer", "random",
    }  # fmt: skip
    assert all(found.measured == 0 for found in findings)
    limits = {found.pair: found.limit for found in findings if found.name.startswith("weights/")}
    assert limits == {pair: 0.0 if pair[0] == pair[1] else 8.0 for pair in limits}


def test_files_lie_where_the_matrix_looks_and_old_ones_go(folder):
    stem = own_stem()
    names = {f"{stem}.safetensors", f"{stem}-checkpoint.npz", f"{stem}-resumed-{stem}.npz"}
    assert {path.name for path in (folder / RECIPE / PRESET).iterdir()} == names


def test_a_missing_cell_is_no_agreement(folder):
    *present, _ = cells(folder)
    findings = [found for found in compare_checkpoints(present) if not found.agrees]
    assert {found.pair for found in findings} == {("other", keras.config.backend())}
    assert {found.measured for found in findings} == {np.inf}


def test_the_unit_is_that_of_the_checkpoint_itself(folder):
    saved, resumed = sorted(bundles_of(folder), key=lambda bundle: bundle.about["precision"])
    name = next(name for name in saved.arrays if name.startswith("weights/"))
    moved = saved.about["ulp"][name] = float(np.abs(saved.arrays[name]).max())
    another = renamed(saved, "other", "other-cpu")
    another.about["ulp"] = dict.fromkeys(saved.about["ulp"], 0.0)
    cell = renamed(resumed, "other", saved.about["source"])
    cell = cell._replace(arrays={**cell.arrays, name: saved.arrays[name] + np.float32(3 * moved)})
    found = compare_checkpoints([saved, another, cell])
    (measured,) = [f.measured for f in found if f.name == name and f.pair == (keras.config.backend(), "other")]
    assert measured == pytest.approx(3, rel=1e-5)


def test_each_checkpoint_is_loaded_into_a_model_as_new(folder, monkeypatch):
    monkeypatch.setattr(checkpoints, "load_training", lambda path, model: None)
    recipe = importlib.import_module(f"recipes.{RECIPE}")
    one, other = checkpoints.resume(recipe, PRESET, [path_of(folder)] * 2)
    assert all(np.array_equal(array, other.arrays[name]) for name, array in one.arrays.items())


def seed_lost(arrays):
    arrays["random/1"] = arrays["random/1"] - np.array([0, 5], arrays["random/1"].dtype)


def moment_lost(arrays):
    arrays["optimizer/user_embeddings_velocity"] = np.zeros_like(arrays["optimizer/user_embeddings_velocity"])


def counter_lost(arrays):
    arrays["optimizer/iteration"] = np.zeros_like(arrays["optimizer/iteration"])


def weight_off(arrays):
    arrays["weights/hidden/kernel"] = arrays["weights/hidden/kernel"] + np.float32(1e-3)


FAULTS = {
    seed_lost: ("checkpoint resumed", "random/1"),
    moment_lost: ("checkpoint resumed", "weights/user/embeddings"),
    counter_lost: ("checkpoint resumed", "optimizer/iteration"),
    weight_off: ("checkpoint predictions", "prediction/0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_checkpoint_loses_is_found_between_backends(fault, folder, tmp_path):
    path = tmp_path / path_of(folder).name
    with safe_open(path_of(folder), framework="numpy") as file:
        about, arrays = file.metadata()[STATE_KEY], load_file(path_of(folder))
    fault(arrays)
    save_file(arrays, path, metadata={STATE_KEY: json.dumps(json.loads(about))})
    (cell,) = checkpoints.resume(importlib.import_module(f"recipes.{RECIPE}"), PRESET, [path])
    saved = [bundle for bundle in bundles_of(folder) if bundle.about["precision"] == "checkpoint"]
    saved.append(renamed(saved[0], "other", "other-cpu"))
    cell = Bundle({**cell.about, "backend": "other"}, cell.arrays)
    found = [f for f in compare_checkpoints([*saved, cell]) if f.pair[0] != "other" and f.pair[1] == "other"]
    assert FAULTS[fault] in {(f.level, f.name) for f in found if not f.agrees}
