"""What docstrings and README quote is what was measured and committed."""

import dataclasses
import importlib
import json

import keras
import pytest

from backends_matrix import full
from keras_recipes.backend import backends
from keras_recipes.copying import recipe_names

if keras.config.backend() != "torch":  # where nothing is compiled
    pytest.skip("processes and files, the same on every backend: one is enough", allow_module_level=True)

MEASURED = sorted(path.stem for path in (full.RESULTS / "full").glob("*.json"))

UNFINISHED = {  # what is measured so far, of those that lack seeds or backends
    "image_classifier": {(backend, 0) for backend in backends()},
    "image_classifier-cifar10": {(backend, 0) for backend in backends()},
    "image_classifier-cifar10_small": {(backend, 0) for backend in backends()},
    "image_transfer": {(backend, 0) for backend in backends()},
    "image_transfer-mobilenet_v2": {(backend, 0) for backend in backends()},
    "word2vec": {(backend, 0) for backend in backends()},
}


def test_readme_holds_the_table_of_the_committed_results():
    text = full.README.read_text(encoding="utf-8")
    assert full.with_table(text, full.RESULTS) == text
    rows = full.table(full.RESULTS)
    assert rows[0][4:] == backends()  # whatever backend a recipe lacks, its cell is empty
    assert {name for name in MEASURED if "-" not in name} == {row[0] for row in rows[1:]}
    assert (full.RESULTS / "full.md").read_text(encoding="utf-8") == full.page(full.RESULTS)
    assert {name.partition("-")[0] for name in MEASURED} <= set(recipe_names())


@pytest.mark.parametrize("name", MEASURED)
def test_docstring_quotes_the_committed_results(name):
    of, _, preset = name.partition("-")
    recipe = importlib.import_module(f"recipes.{of}")
    found = json.loads((full.RESULTS / "full" / f"{name}.json").read_text())
    config = {key: value for key, value in vars(recipe.PRESETS[preset or "full"]).items() if key != "seed"}
    elsewhere = {key: found["config"][key] for key in ("dataset", "weights") if key in config}  # paths, or part of it
    # An option that is younger than a result is what it was then: its default.
    younger = {field.name: field.default for field in dataclasses.fields(recipe.Config) if field.name != "seed"}
    assert {**younger, **found["config"]} == {**config, **elsewhere}
    ran = {(run["backend"], run["seed"]) for run in found["runs"]}
    expected = {(backend, seed) for backend in backends() for seed in (full.SEEDS[: 1 if preset else 2])}
    assert ran >= UNFINISHED.get(name, expected)
    assert "Reaches: " in recipe.__doc__
    for row in full.table(full.RESULTS):
        for cell in row[4:] if row[0] == name else []:
            assert cell in " ".join(recipe.__doc__.split())
    assert list((full.RESULTS / "pictures" / name).glob("*.png"))


def test_runs_and_collects(tmp_path, capsys):
    backend = keras.config.backend()
    readme = tmp_path / "README.md"
    readme.write_text("above\n" + full.MARKS[0] + "old\n" + full.MARKS[1] + "\nbelow\n")
    runs, results, name = tmp_path / "runs", tmp_path / "results", "collaborative_filtering-smoke"
    for seed in (0, 1):
        full.run("collaborative_filtering", "smoke", seed, backend, runs, ["--epochs", "2"])
        full.run("collaborative_filtering", "smoke", seed, backend, runs)  # is there already
    (runs / name / f"{backend}-1" / "seconds.json").unlink()  # as if killed before its end
    full.run("collaborative_filtering", "smoke", 1, backend, runs, ["--epochs", "2"])
    full.collect(runs, results)
    found = json.loads((results / "full" / f"{name}.json").read_text())
    assert [run["seconds"] is None for run in found["runs"]] == [False, True]
    assert full.duration(found["runs"]) == full.duration(found["runs"][:1]) != full.duration(found["runs"][1:])
    one, other = (run["metrics"]["rmse"] for run in found["runs"])
    summary = found["summary"]["rmse"][backend]
    assert one != other
    assert found["config"]["epochs"] == 2
    assert summary["mean"] == pytest.approx((one + other) / 2)
    assert summary["standard_deviation"] == pytest.approx(abs(one - other) / 2**0.5)
    assert len(list((results / "pictures" / name).iterdir())) == 4
    assert summary["seeds"] == 2
    assert f"| rmse | {summary['mean']:.4f} ± {summary['standard_deviation']:.4f} |" in full.page(results)
    path = results / "full" / f"{name}.json"
    path.write_text(json.dumps({**found, "recipe": "collaborative_filtering"}))
    text = full.with_table(readme.read_text(), results)
    assert text.startswith("above\n")
    assert text.endswith("\nbelow\n")
    assert f"| collaborative_filtering | synthetic | 2 | rmse | {summary['mean']:.4f} ±" in text
    assert "old" not in text


def test_one_seed_has_no_spread():
    runs = [{"backend": "jax", "seed": 0, "metrics": {"rmse": 0.5}}]
    by_backend = full.summary(runs)["rmse"]
    assert full.figures(by_backend, ["jax", "torch"]) == ["0.5000", ""]
