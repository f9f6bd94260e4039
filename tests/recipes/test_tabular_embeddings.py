import dataclasses
import json

import keras
import numpy as np
import pandas
import polars
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error

from keras_recipes.tables import synthetic_table
from keras_recipes.tabular_pictures import partial_dependence, permutation_importance
from recipes import tabular_embeddings as recipe
from tests.marks import on_one_backend
from tests.recipes.training import trained

ADDITIVE = dataclasses.replace(
    recipe.PRESETS["smoke"], hidden_units="", epochs=40, learning_rate=0.03, unknown_rate=0.0, dropout=0.0,
    numeric_bins=16, numeric_embedding_dim=8, weight_decay=0.0, embedding_dim="2", bin_edges="quantile",
)  # fmt: skip
NOISE = 0.5  # of the synthetic table


@pytest.fixture(scope="module")
def additive():
    return trained(recipe, ADDITIVE)


def predict(model, data):
    return lambda rows: recipe.predict(model, rows, data.names["targets"])


@on_one_backend
def test_the_effects_of_categories_come_back_within_their_standard_error(additive):
    data, model = additive
    effects = synthetic_table(4000, ADDITIVE.seed)[1]
    preprocessor = data.names["preprocessor"]
    for column, (name, known) in enumerate(preprocessor.categories.items()):
        planted = effects[name][[int(text.split()[1]) for text in known]]
        counts = np.bincount(data.train[0][0][:, column], minlength=len(known) + 1)[1:]
        found = partial_dependence(predict(model, data), data.test[0], column, range(1, len(known) + 1))[:, 0]
        error = (found - found.mean()) - (planted - planted.mean())
        shares = error / (NOISE / np.sqrt(counts * (1 - ADDITIVE.validation_fraction)))
        assert 0.6 < np.sqrt(np.mean(shares**2)) < 1.4
        assert np.corrcoef(found, planted)[0, 1] > 0.98


@on_one_backend
def test_reaches_the_planted_noise_and_trees_gain_by_its_embeddings(additive):
    data, model = additive
    metrics = recipe.evaluate(model, data, ADDITIVE)
    assert 0.9 * NOISE < metrics["rmse"] < 1.15 * NOISE
    truth = data.names["targets"].decode(data.test[1])[:, 0]
    target = data.names["targets"].decode(data.train[1])[:, 0]
    found = {}
    for kind, make in (("embedded", lambda rows: recipe.embedded(model, rows)), ("codes", np.hstack)):
        trees = HistGradientBoostingRegressor(random_state=0).fit(make(data.train[0]), target)
        found[kind] = root_mean_squared_error(truth, trees.predict(make(data.test[0])))
    assert found["embedded"] < 0.9 * found["codes"]


@on_one_backend
def test_shuffled_columns_matter_as_planted(additive):
    data, model = additive
    (ids, numbers), y = data.test
    found = permutation_importance(predict(model, data), (ids, numbers), y, data.names["targets"])
    names = [*data.names["preprocessor"].categories, *data.names["preprocessor"].numbers]
    found = dict(zip(names, found, strict=True))
    assert min(found["shop"], found["product"], found["number"]) > 0.3
    assert abs(found["useless"]) < 0.05


@on_one_backend
@pytest.mark.parametrize("changes", [{"numeric_embedding": "periodic"}, {"sparse_embeddings": True}], ids=str)
def test_each_kind_of_embedding_finds_the_wave(changes):
    config = dataclasses.replace(ADDITIVE, **changes, hidden_units="32", epochs=25, learning_rate=0.01)
    data, model = trained(recipe, config)
    assert recipe.evaluate(model, data, config)["rmse"] < 1.35 * NOISE


def table(rows, seed, missing=True):
    """A table of all kinds of columns, and targets of all kinds."""
    rng = np.random.default_rng(seed)
    kind, size = rng.choice(["a", "b", "c"], size=rows), rng.normal(size=rows)
    score = size + (kind == "a")
    days = np.datetime64("2024-01-01") + rng.integers(0, 700, size=rows).astype("timedelta64[D]")
    size = np.where(rng.uniform(size=rows) < 0.1, np.nan, size) if missing else size
    return {
        "kind": kind, "size": size, "sold": days.astype(str), "price": np.exp(score),
        "good": np.where(score > 0, "yes", "no"), "grade": np.digitize(score, [-0.5, 0.5]).astype("float64"),
        "tags": np.array([" ".join(np.array(["p", "q"])[[s > 0, s > 0.7]]) for s in score]),
    }  # fmt: skip


TARGETS = {"price": "regression", "good": "binary", "grade": "multi_class", "tags": "multi_label"}


# Heads of all tasks are tested on all backends in test_task_heads.py.
@on_one_backend
@pytest.mark.parametrize("target", TARGETS)
def test_a_file_of_the_users_own_with_each_task(target, tmp_path, capsys):
    """From the file to predictions of new rows, with unknown categories and missing values."""
    path, folder = tmp_path / "table.csv", tmp_path / "run"
    pandas.DataFrame(table(300, 0)).to_csv(path, index=False)
    others = ",".join(name for name in TARGETS if name != target)
    flags = ["--dataset", str(path), "--target", target, "--ignored", others, "--run-folder", str(folder)]
    flags += ["--task", "multi_label"] if target == "tags" else []
    flags += ["--log-target", "--y-range", "0.01,100"] if target == "price" else []
    recipe.main(["--preset", "smoke", "--epochs", "2", *flags])
    assert "is best here" in capsys.readouterr().out
    assert not list(folder.glob("*.part.keras"))
    new = {
        "kind": ["a", "new", None],
        "size": [0.5, None, 1e6],
        "sold": ["2024-05-05", "", "2030-01-01"],
        "more": [1, 2, 3],
    }
    found = recipe.predict_rows(folder, pandas.DataFrame(new))
    np.testing.assert_array_equal(recipe.predict_rows(str(folder), polars.DataFrame(new)), found)
    pandas.DataFrame(new).to_csv(tmp_path / "new.csv", index=False)
    np.testing.assert_array_equal(recipe.predict_rows(folder, tmp_path / "new.csv"), found)
    outputs = {"price": 1, "good": 1, "grade": 3, "tags": 2}[target]
    assert found.shape == (3, outputs)
    assert np.isfinite(found).all()
    if target == "price":
        assert (found > 0.01 * (1 - 1e-5)).all()  # to rounding, where a sigmoid is at its end
        assert (found < 100 * (1 + 1e-5)).all()
    with pytest.raises(ValueError, match="`columns` must be a table with the column 'kind'"):
        recipe.predict_rows(folder, {"size": [1.0]})


@on_one_backend
def test_a_row_is_predicted_as_in_the_run(tmp_path):
    path, folder = tmp_path / "table.csv", tmp_path / "run"
    frame = pandas.DataFrame(table(300, 0))
    frame.to_csv(path, index=False)
    flags = ["--dataset", str(path), "--target", "good", "--ignored", "price,grade,tags", "--run-folder", str(folder)]
    recipe.main(["--preset", "smoke", "--epochs", "2", *flags])
    config = recipe.Config(**json.loads((folder / "config.json").read_text()))
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    keras_model = keras.saving.load_model(folder / "model.keras", compile=False)
    model.set_weights(keras_model.get_weights())
    expected = recipe.predict(
        model, data.names["preprocessor"].transform(recipe.columns_of(frame)), data.names["targets"]
    )
    np.testing.assert_allclose(recipe.predict_rows(folder, frame), expected, rtol=1e-5)


@on_one_backend
@pytest.mark.parametrize("columns", [["kind", "good"], ["size", "good"]])
def test_a_table_of_categories_or_of_numbers_alone(columns, tmp_path):
    rows = {name: column for name, column in table(120, 1, missing=False).items() if name in columns}
    pandas.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
    config = dataclasses.replace(recipe.PRESETS["smoke"], dataset=str(tmp_path / "table.csv"), epochs=1)
    data, model = trained(recipe, config)
    assert np.isfinite(list(recipe.evaluate(model, data, config).values())).all()
    assert recipe.show(model, data, config, tmp_path)


@on_one_backend
def test_training_stops_early_and_no_validation_part_is_fine():
    config = dataclasses.replace(ADDITIVE, epochs=30, patience=1, learning_rate=0.5)
    data = recipe.load_data(config)
    history = recipe.train(recipe.build_model(config, data), data, config)
    assert len(history["val_loss"]) < 30
    whole = dataclasses.replace(ADDITIVE, epochs=1, validation_fraction=0.0)
    assert "val_loss" not in recipe.train(recipe.build_model(whole, data), data, whole)


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("embedding_dim", "fast", "`embedding_dim` must be 'fastai', 'half' or a number"),
        ("embedding_dim", "0", "`embedding_dim` must be"),
        ("hidden_units", "16 x", "`hidden_units` must be integers"),
        ("numeric_embedding", "splines", "`numeric_embedding` must be one of"),
        ("bin_edges", "even", "`bin_edges` must be one of"),
        ("normalization", "minmax", "`normalization` must be one of"),
        ("task", "ranking", "`task` must be one of"),
        ("test_fraction", 1.0, r"`test_fraction` must be in \[0, 1\)"),
    ],
)
def test_bad_values(flag, value, message):
    with pytest.raises(ValueError, match=message):
        recipe.Config(**{flag: value})


def test_columns_that_are_not_there():
    config = dataclasses.replace(recipe.PRESETS["smoke"], categories="shop, town")
    with pytest.raises(ValueError, match=r"`overrides` must be of the columns shop, .*received 'town'"):
        recipe.load_data(config)
    config = dataclasses.replace(recipe.PRESETS["smoke"], ignored="shop,product,number,useless")
    with pytest.raises(ValueError, match="`dataset` must be a table with columns to predict from"):
        recipe.load_data(config)
