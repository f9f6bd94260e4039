"""The relay's judge, on planted ends, and its legs, on one backend."""

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from backends_matrix import relay
from backends_matrix.bundle import Bundle
from keras_recipes.files import as_json, write_file

if keras.config.backend() != "torch":  # where nothing is compiled
    pytest.skip("processes and files, the same on every backend: one is enough", allow_module_level=True)

RECIPE = "collaborative_filtering"
WEIGHTS = np.linspace(1, 2, 50, dtype="float32")


def planted(folder, moved=0.0, metric=0.5):
    """The end of a relay, and bundles of two whole trainings whose spread is 1e-5 in weights and metric."""
    run = folder / "relay" / RECIPE
    write_file(run / "metrics.json", as_json({"rmse": metric}))
    save_file({"w": WEIGHTS + np.float32(moved)}, run / "weights.safetensors")
    about = {"recipe": RECIPE, "preset": "smoke", "device": "cpu", "precision": "float32"}
    for backend in ("jax", "torch"):
        ulp = {"typical_weights@end": 1e-5, "typical_metric/rmse": 1e-5}
        arrays = {"typical_weights@end/w": WEIGHTS, "typical_metric/rmse": np.array(0.5)}
        Bundle({**about, "backend": backend, "ulp": ulp}, arrays).write(folder / "bundles")
    return ["compare", RECIPE, "--folder", str(folder / "relay"), "--bundles", str(folder / "bundles")]


@pytest.mark.parametrize(
    ("difference", "status"),
    [({}, 0), ({"metric": 0.5 + 7e-5}, 0), ({"metric": 0.5 + 9e-5}, 1), ({"moved": 1e-4}, 1), ({"moved": np.nan}, 1)],
)
def test_an_end_is_held_against_whole_trainings(difference, status, tmp_path, capsys):
    assert relay.main(planted(tmp_path, **difference)) == status
    printed = capsys.readouterr().out
    assert ("disagree on" in printed) == bool(status)
    for name in ("jax", "torch", "metric/rmse", "weights@end"):
        assert name in printed


def test_nothing_to_compare_with_is_an_error(tmp_path):
    arguments = planted(tmp_path)
    with pytest.raises(ValueError, match="`bundles` must be a folder with bundles of collaborative_filtering"):
        relay.main([*arguments[:-1], str(tmp_path / "none")])


def test_legs_end_as_they_should(tmp_path, capfd):
    def leg(*more):
        return relay.main(["leg", RECIPE, "--folder", str(tmp_path), "--backend", keras.config.backend(), *more])

    (tmp_path / RECIPE).mkdir()
    (tmp_path / RECIPE / "left_over.txt").write_text("of an earlier relay")
    assert leg("--first", "--kill-in-epoch", "2") == 0
    assert {path.name for path in (tmp_path / RECIPE).iterdir()} == {"training.safetensors"}
    assert leg() == 0
    assert f"finished on {keras.config.backend()}" in capfd.readouterr().out
    assert (tmp_path / RECIPE / "weights.safetensors").exists()
    with pytest.raises(RuntimeError, match="ended with status 0, not -9"):
        leg("--kill-in-epoch", "2")  # there is no such epoch any more
