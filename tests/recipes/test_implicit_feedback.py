import dataclasses

import numpy as np
import pytest

from recipes import implicit_feedback as recipe
from tests.marks import on_one_backend
from tests.recipes.training import trained


@pytest.fixture(scope="module")
def smoke():
    return trained(recipe, recipe.PRESETS["smoke"])


@on_one_backend
@pytest.mark.parametrize("preset", ["smoke", "smoke-bpr"])
def test_finds_the_planted_groups(preset):
    config = dataclasses.replace(recipe.PRESETS[preset], epochs=15)
    data, model = trained(recipe, config)
    metrics = recipe.evaluate(model, data, config)
    assert metrics["recall"] > 1.8 * metrics["recall_of_popularity"]  # of the free items a quarter is of the group
    assert metrics["recall_of_new_users"] > 1.8 * metrics["recall_of_popularity"]
    assert metrics["recall"] > 0.8 * metrics["recall_of_svd"]
    vectors = model.item.get_weights()[0]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = np.arange(len(vectors)) % 4
    cosines, same = vectors @ vectors.T, groups[:, None] == groups
    assert cosines[same].mean() > cosines[~same].mean() + 0.4


def test_recommends_what_was_not_used(smoke):
    data, model = smoke
    found = recipe.recommend(model, data, 7, k=200)
    pairs = np.concatenate([data.train[0], data.test[0][:, :2]])
    used = {f"item {data.names['items'][item]}" for user, item in pairs if user == 7}
    assert len(used) == 12
    titles = [title for title, _ in found]
    assert len(titles) == data.sizes["num_items"] - len(used)
    assert not used & set(titles)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    scores = model.predict(np.array([[7, *range(data.sizes["num_items"])]]), verbose=0)
    best = int(data.names["items"][np.argmax(np.where([t in titles for t in data.names["titles"]], scores, -np.inf))])
    assert titles[0] == f"item {best}"
    popular = recipe.recommend(model, data, "nobody", k=1)
    counts = np.bincount(data.train[0][:, 1])
    assert popular == [(data.names["titles"][counts.argmax()], counts.max())]
    with pytest.raises(ValueError, match="`k` must be"):
        recipe.recommend(model, data, 7, k=0)


def test_somebody_new_gets_items_of_the_same_kind(smoke):
    data, model = smoke
    items = [item for item in data.names["items"].tolist() if item % 4 == 2][:5]
    found = recipe.recommend_to_new(model, data, items, k=5)
    groups = [int(title.split()[1]) % 4 for title, _ in found]
    assert groups.count(2) >= 4
    assert not {f"item {item}" for item in items} & {title for title, _ in found}
    with pytest.raises(ValueError, match="`used` must be ids of items of the data set, received 'nothing'"):
        recipe.recommend_to_new(model, data, ["nothing"])


def test_negatives_are_never_what_was_used(monkeypatch):
    config = recipe.PRESETS["smoke"]
    data, seen = recipe.load_data(config), []
    monkeypatch.setattr(recipe, "fit", lambda model, batches, epochs, callbacks: seen.append(batches))
    recipe.train(None, data, config)
    used = {tuple(pair) for pair in data.train[0].tolist()}
    for index in range(4):
        (pairs, drawn, free), _ = seen[0][index]
        assert drawn.shape == (16,)
        for (user, item), row in zip(pairs.tolist(), free, strict=True):
            assert (user, item) in used
            assert row.tolist() == [float((user, other) not in used) for other in drawn.tolist()]


def test_holds_out_a_part_by_time(tmp_path):
    rows = ["a,x,5,1", "a,y,2,2", "a,z,4,3", "b,x,4,9", "b,z,5,8", "c,y,5,1"]
    (tmp_path / "mine.csv").write_text("user,item,rating,timestamp\n" + "\n".join(rows))
    config = dataclasses.replace(recipe.PRESETS["smoke"], dataset=str(tmp_path / "mine.csv"))
    data = recipe.load_data(config)
    assert data.test[0][:, :2].tolist() == [[0, 2], [1, 0]]
    assert data.names["titles"].tolist() == ["x", "y", "z"]
    liked = recipe.load_data(dataclasses.replace(config, least_rating=3.0))
    assert len(liked.train[0]) + len(liked.test[0]) == 5
    held = recipe.load_data(dataclasses.replace(config, holdout="validation"))
    assert held.test[0][:, :2].tolist() == [[0, 1]]
    rows += ["a,x,5,4", "b,x,4,7", "b,x,4,9", "d,x,5,1", "d,x,5,2"]  # a comes back to x; d used nothing else
    (tmp_path / "mine.csv").write_text("user,item,rating,timestamp\n" + "\n".join(rows))
    data = recipe.load_data(config)
    assert data.test[0][:, :2].tolist() == [[0, 2], [1, 2]]
    assert data.train[0].tolist() == [[0, 0], [2, 1], [3, 0], [0, 1], [1, 0]]
    (tmp_path / "mine.csv").write_text("user,item,rating\na,x,5\nb,x,4\n")
    with pytest.raises(ValueError, match="`dataset` must be with timestamps"):
        recipe.load_data(config)


def test_a_file_may_be_called_synthetic(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "synthetic_mine.csv").write_text("user,item,rating,timestamp\na,x,5,1\na,y,2,2\nb,x,4,9\n")
    data = recipe.load_data(dataclasses.replace(recipe.PRESETS["smoke"], dataset="synthetic_mine.csv"))
    assert data.sizes == {"num_users": 2, "num_items": 2}


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("loss", "hinge", "`loss` must be one of"),
        ("holdout", "train", "`holdout` must be one of"),
        ("k", 0, "`k` must be"),
        ("num_negatives", 0, "`num_negatives` must be"),
        ("l2", -1.0, "`l2` must be"),
    ],
)
def test_bad_values(flag, value, message):
    with pytest.raises(ValueError, match=message):
        recipe.Config(**{flag: value})
