import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from keras_recipes.numeric_bins import bin_edges
from keras_recipes.tables import columns_of
from keras_recipes.tabular_baselines import baseline_metrics, table_metrics, verdict
from keras_recipes.tabular_targets import TableTargets

COLUMNS = columns_of(
    {
        "price": [1.5, 3.0, 9.0, 2.25],
        "sold": ["yes", "no", "no", "yes"],
        "colour": ["red", "blue", "green", "red"],
        "tags": ["big old", "", "old", "new"],
        "gap": [1.0, None, 2.0, 3.0],
        "a": [0, 1, 1, 0],
        "b": [1, 1, 0, 0],
    }
)


def test_numbers_and_back():
    for log in (False, True):
        found = TableTargets.fit(COLUMNS, ["price"], log=log)
        encoded = found.encode(COLUMNS)
        assert (found.task, found.num_outputs(), encoded.shape, encoded.dtype) == ("regression", 1, (4, 1), np.float32)
        assert abs(encoded.mean()) < 1e-6
        assert encoded.std() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(found.decode(encoded)[:, 0], COLUMNS["price"], rtol=1e-6)
    both = TableTargets.fit(COLUMNS, ["price", "a"])
    assert (both.task, both.encode(COLUMNS).shape) == ("regression", (4, 2))


def test_a_range_on_the_scale_of_the_targets():
    for log, bounds in ((False, "0,10"), (True, "0.1,100")):
        found = TableTargets.fit(COLUMNS, ["price"], log=log)
        middle, half = found.middle_and_half(bounds)
        ends = found.decode(np.stack([middle - half, middle + half]))
        np.testing.assert_allclose(ends[:, 0], [float(bound) for bound in bounds.split(",")], rtol=1e-9, atol=1e-9)
    for wrong in ("1", "2,1", "a,b", "0,inf"):
        with pytest.raises(ValueError, match='`y_range` must be "lowest,highest'):
            TableTargets.fit(COLUMNS, ["price"]).middle_and_half(wrong)
    with pytest.raises(ValueError, match="`y_range` must be above 0"):
        TableTargets.fit(COLUMNS, ["price"], log=True).middle_and_half("0,10")
    with pytest.raises(ValueError, match="`y_range` must be empty where there are classes"):
        TableTargets.fit(COLUMNS, ["sold"]).middle_and_half("0,1")


def test_classes_and_back():
    binary = TableTargets.fit(COLUMNS, ["sold"])
    assert (binary.task, binary.classes, binary.num_outputs()) == ("binary", ["no", "yes"], 1)
    np.testing.assert_array_equal(binary.encode(COLUMNS), [[1], [0], [0], [1]])
    np.testing.assert_allclose(binary.decode([[0.0], [np.log(3)]]), [[0.5], [0.75]])
    several = TableTargets.fit(COLUMNS, ["colour"])
    assert (several.task, several.num_outputs()) == ("multi_class", 3)
    np.testing.assert_array_equal(several.encode(COLUMNS), [2, 0, 1, 2])
    np.testing.assert_allclose(several.decode(np.zeros((1, 3))), np.full((1, 3), 1 / 3))
    with pytest.raises(ValueError, match=r"`target` must be one of the classes .*received \['pink'\]"):
        several.encode(columns_of({"colour": ["pink"]}))


def test_labels_and_back():
    texts = TableTargets.fit(COLUMNS, ["tags"], "multi_label")
    assert (texts.classes, texts.num_outputs()) == (["big", "new", "old"], 3)
    np.testing.assert_array_equal(texts.encode(COLUMNS), [[1, 0, 1], [0, 0, 0], [0, 0, 1], [0, 1, 0]])
    flags = TableTargets.fit(COLUMNS, ["a", "b"], "multi_label")
    np.testing.assert_array_equal(flags.encode(COLUMNS), [[0, 1], [1, 1], [1, 0], [0, 0]])
    np.testing.assert_allclose(flags.decode(np.zeros((1, 2))), [[0.5, 0.5]])
    assert TableTargets.fit(COLUMNS, ["a", "b"]) == flags  # what they look like
    with pytest.raises(ValueError, match=r"`target` must be of the labels .*received \['thin'\]"):
        texts.encode(columns_of({"tags": ["big thin"]}))


def test_is_kept_as_json():
    for names, task in ((["price"], "auto"), (["tags"], "multi_label"), (["colour"], "auto")):
        found = TableTargets.fit(COLUMNS, names, task)
        assert TableTargets.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["gap"], {}, "`target` must be given in each row of 'gap'"),
        (["sold", "colour"], {"task": "multi_class"}, "`target` must be one column for 'multi_class'"),
        (["sold"], {"log": True}, "`log_target` must be false for 'binary'"),
        (["a"], {"task": "regression", "log": True}, "`target` must be above 0 in each row"),
        (["colour"], {"task": "binary"}, "`target` must be a column of 2 classes"),
        (["colour"], {"task": "regression"}, "`target` must be a finite number in each row"),
        (["colour"], {"task": "ranking"}, "`task` must be one of"),
        (["sold", "a"], {"task": "multi_label"}, "`target` must be columns .* of 0 and 1"),
        (["gap", "a"], {"task": "multi_label"}, "`target` must be columns .* of 0 and 1"),
    ],
)
def test_columns_that_do_not_fit(names, options, message):
    with pytest.raises(ValueError, match=message):
        TableTargets.fit(COLUMNS, names, **options)


def rows(number, seed):
    """Rows whose numbers decide about the targets, and an id that does not."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(number, 3))
    return (rng.integers(0, 5, size=(number, 1)).astype("int32"), numbers.astype("float32")), numbers


@pytest.mark.parametrize("task", ["regression", "binary", "multi_class", "multi_label"])
def test_metrics_and_baselines_of_each_task(task):
    parts, columns = [], []
    for seed in (0, 1):
        x, numbers = rows(400, seed)
        score = numbers @ [1.0, 2.0, 0.0] + 0.3 * np.random.default_rng(seed + 2).normal(size=400)
        kinds = {"regression": score, "binary": score > 0, "multi_class": np.digitize(score, [-1, 1])}
        labels = np.array([" ".join(np.array(["p", "q"])[[s > 0, s > 1]]) for s in score])
        columns.append(columns_of({"y": kinds.get(task, labels)}))
        parts.append(x)
    targets = TableTargets.fit(columns[0], ["y"], task)
    train, test = ((x, targets.encode(column)) for x, column in zip(parts, columns, strict=True))
    found = baseline_metrics(targets, [5], train, test)
    if task == "regression":
        assert found["r2_of_linear"] > 0.95
        assert found["r2_of_trees"] > 0.9
    else:
        assert found["accuracy_of_linear"] > 0.85
        assert found["accuracy_of_trees"] > 0.8
    own = {name.removesuffix("_of_trees"): value for name, value in found.items() if name.endswith("_of_trees")}
    assert verdict({**own, **found}) == "By {} {} is best here.".format(
        "rmse" if task == "regression" else "log loss", "a linear model"
    )
    headline = "rmse" if task == "regression" else "log_loss"
    assert "this network" in verdict({**own, **found, headline: 0.0})
    assert "boosted trees" in verdict({**own, **found, headline: 9.0, f"{headline}_of_linear": 9.0})


def test_baselines_of_a_single_label():
    """scikit-learn gives the probabilities of no and of yes there."""
    (ids, numbers), scores = rows(200, 0)
    columns = columns_of({"y": np.where(scores[:, 0] > 0, "old", "")})
    targets = TableTargets.fit(columns, ["y"], "multi_label")
    part = (ids, numbers), targets.encode(columns)
    found = baseline_metrics(targets, [5], part, part)
    assert min(found["accuracy_of_linear"], found["accuracy_of_trees"]) > 0.95
    assert found["log_loss_of_linear"] < 0.3


def test_metrics_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    targets = TableTargets.fit({"y": rng.normal(3, 2, size=50)}, ["y"])
    truth, guess = rng.normal(3, 2, size=50), rng.normal(3, 2, size=(50, 1))
    found = table_metrics(targets, targets.encode({"y": truth}), guess)
    expected = [function(truth, guess) for function in (root_mean_squared_error, mean_absolute_error, r2_score)]
    np.testing.assert_allclose([found["rmse"], found["mae"], found["r2"]], expected, rtol=1e-5)

    binary = TableTargets(["y"], "binary", ["no", "yes"], [], [])
    y, p = rng.integers(0, 2, size=(50, 1)), rng.uniform(0.01, 0.99, size=(50, 1))
    found = table_metrics(binary, y, p)
    expected = [accuracy_score(y, p >= 0.5), log_loss(y, p), roc_auc_score(y, p)]
    np.testing.assert_allclose([found["accuracy"], found["log_loss"], found["auc"]], expected, rtol=1e-6)

    several = TableTargets(["y"], "multi_class", list("abc"), [], [])
    y, p = rng.integers(0, 3, size=50), rng.dirichlet(np.ones(3), size=50)
    found = table_metrics(several, y, p)
    expected = [accuracy_score(y, p.argmax(axis=1)), log_loss(y, p)]
    np.testing.assert_allclose([found["accuracy"], found["log_loss"]], expected, rtol=1e-6)


def test_bins_of_equally_many_numbers():
    column = np.random.default_rng(0).exponential(size=1000)
    (edges,) = bin_edges("quantile", column[:, None], column[:, None], 4)
    assert np.histogram(column, edges)[0].tolist() == [250] * 4
    (edges,) = bin_edges("quantile", np.repeat([0.0, 1.0], [900, 100])[:, None], None, 8)
    assert edges == [0.0, 1.0]
    assert bin_edges("quantile", np.ones((5, 1)), None, 3) == [[1.0, 2.0]]


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_bins_where_targets_change(kind):
    column = np.random.default_rng(0).uniform(size=2000)
    steps = np.digitize(column, [0.123, 0.7])
    targets = steps.astype("int32") if kind == "classes" else steps[:, None] * 1.5
    (edges,) = bin_edges("tree", column[:, None], targets, 3)
    np.testing.assert_allclose(edges, [column.min(), 0.123, 0.7, column.max()], atol=2e-3)
    with pytest.raises(ValueError, match="`bin_edges` must be one of"):
        bin_edges("trees", column[:, None], targets, 3)
