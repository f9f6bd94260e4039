import dataclasses
import json

import numpy as np
import pytest
from gensim.models import KeyedVectors

from recipes import node2vec as recipe
from tests.marks import on_one_backend
from tests.recipes.training import trained


@on_one_backend
@pytest.mark.parametrize("preset", ["smoke", "smoke-tree"])
def test_finds_the_planted_groups(preset):
    config = recipe.PRESETS[preset]
    data, model = trained(recipe, config)
    metrics = recipe.evaluate(model, data, config)
    assert metrics["accuracy"] > 0.9
    assert metrics["rand_index"] > 0.8
    assert metrics.get("link_auc", 1) > 0.85  # an edge inside of a group is 30 times as likely
    chance = recipe.evaluate(recipe.build_model(config, data), data, config)
    assert chance["rand_index"] < 0.2
    assert abs(chance.get("link_auc", 0.5) - 0.5) < 0.2


def test_held_edges_are_not_walked_and_others_are():
    config = dataclasses.replace(recipe.PRESETS["smoke"], held_edges=0.3)
    data = recipe.load_data(config)
    ids = data.train[0]
    steps = np.stack([ids[:-1], ids[1:]], axis=1)
    steps = np.unique(np.sort(steps[(steps > 0).all(axis=1)] - 1, axis=1), axis=0)
    walked, held = ({tuple(pair) for pair in pairs.tolist()} for pairs in (steps, data.names["held"]))
    every = {tuple(pair) for pair in data.names["graph"].edges.tolist()}
    walked = {pair for pair in walked if pair[0] != pair[1]}
    assert not walked & held
    assert walked <= every
    assert len(held) == round(0.3 * len(every))
    assert len(walked) > 0.9 * (len(every) - len(held))
    pairs = recipe.pairs_without_edge(data.names["graph"], len(held), 0)
    assert len(pairs) == len(held)
    assert not {tuple(sorted(pair)) for pair in pairs.tolist()} & every


def test_a_graph_of_the_users_own(tmp_path):
    rng = np.random.default_rng(0)
    pairs = [(f"node {a}".replace(" ", "-"), f"node-{b}") for a, b in rng.integers(30, size=(120, 2))]
    (tmp_path / "edges.csv").write_text("\n".join(f"{a},{b}" for a, b in pairs), encoding="utf-8")
    flags = ["--dataset", str(tmp_path / "edges.csv"), "--run-folder", str(tmp_path / "run"), "--optimizer", "sgd"]
    recipe.main(["--preset", "smoke", "--epochs", "1", "--learning-rate", "0.01", *flags])
    assert list(json.loads((tmp_path / "run" / "metrics.json").read_text())) == ["link_auc"]
    names = KeyedVectors.load_word2vec_format(tmp_path / "run" / "vectors.txt").index_to_key
    assert set(names) <= {name for pair in pairs for name in pair}
    config = dataclasses.replace(recipe.PRESETS["smoke"], dataset=str(tmp_path / "edges.csv"), held_edges=0.0)
    with pytest.raises(ValueError, match="`held_edges` must be above 0 for a graph without labels"):
        recipe.load_data(config)


def test_edges_that_can_not_be_judged_are_refused(tmp_path):
    path = tmp_path / "edges.txt"
    path.write_text("\n".join(f"{a} {b}" for a in range(6) for b in range(a)))  # every node with every other one
    config = dataclasses.replace(recipe.PRESETS["smoke"], dataset=str(path))
    with pytest.raises(ValueError, match="`dataset` must be a graph with pairs without an edge"):
        recipe.load_data(config)
    path.write_text("a b\nb c\nc d\n")
    with pytest.raises(ValueError, match="`held_edges` must be such that one edge or more of the 3 is held back"):
        recipe.load_data(config)


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("p", 0.0, "`p` must be a number above 0"),
        ("q", float("inf"), "`q` must be a number above 0"),
        ("walks", 0, "`walks` must be"),
        ("output", "softmax", "`output` must be one of"),
        ("optimizer", "adam", "`optimizer` must be one of"),
        ("held_edges", 1.0, r"`held_edges` must be in \[0, 1\)"),
    ],
)
def test_bad_values(flag, value, message):
    with pytest.raises(ValueError, match=message):
        recipe.Config(**{flag: value})
