import json

import keras
import numpy as np
import pytest

from backends_matrix.peers import __main__ as module
from backends_matrix.peers import peers_of, recipes_with_peers
from tests.marks import on_one_backend

SEEN = {
    "collaborative_filtering": "rmse",
    "node2vec": "accuracy",
    "tabular_embeddings": "rmse",
    "word2vec": "similarity",
}


def test_each_recipe_with_peers_names_them():
    assert recipes_with_peers() == sorted(SEEN)
    for recipe in recipes_with_peers():
        assert peers_of(recipe).PEERS


@on_one_backend
@pytest.mark.filterwarnings("ignore")  # of fastai
@pytest.mark.parametrize("recipe", SEEN)
def test_a_recipe_beside_its_peers(recipe, tmp_path, capsys):
    """Each in this process: what they find is alike, and the page has a row for each."""
    names = [keras.config.backend(), *peers_of(recipe).PEERS]
    for who in names:
        folder = ["--folder", str(tmp_path / "peers"), "--threads", "1"]
        module.main(["one", recipe, "--who", who, "--preset", "smoke", "--epochs", "1", *folder])
    found = {}
    for path in (tmp_path / "peers" / f"{recipe}-preset-smoke-epochs-1").glob("*.json"):
        one = json.loads(path.read_text())
        found[one["who"]] = one
    assert set(found) == set(names)
    assert len({(one["amount"], one["unit"], one["threads"]) for one in found.values()}) == 1
    assert all(one["seconds"] > 0 and SEEN[recipe] in one["metrics"] for one in found.values())
    module.main(["collect", "--folder", str(tmp_path / "peers"), "--results", str(tmp_path / "results")])
    text = (tmp_path / "results" / "peers.md").read_text()
    assert f"## {recipe} --preset smoke --epochs 1\n" in text
    assert "; seeds: 0.\n" in text
    for who, one in found.items():
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {who} {one['version']} |")]
        ratios = [found[keras.config.backend()], *(found[peer] for peer in peers_of(recipe).PEERS)]
        if who == keras.config.backend():
            expected = module.speed(ratios[:1]) / module.speed(ratios[1:2])
            assert f"| {expected:.2f} |" in row
    assert json.loads((tmp_path / "results" / "peers" / f"{recipe}-preset-smoke-epochs-1.json").read_text())


@on_one_backend
def test_gensim_trains_on_the_same_words():
    from backends_matrix.peers import word2vec as peer
    from recipes import word2vec as recipe

    config = recipe.PRESETS["smoke"]
    data = recipe.load_data(config)
    _, metrics = peer.run_gensim(recipe, config, data, 1)
    assert metrics["semantic_analogies"] > 0.8
    assert metrics["similarity"] > 0.6


def test_runs_each_in_a_process_of_its_own(monkeypatch):
    commands = []
    monkeypatch.setattr(module.subprocess, "run", lambda command, check, env: commands.append((command, env)))
    module.main(["run", "word2vec", "--python", "jax=a", "--python", "torch=b", "--threads", "2", "--window", "3"])
    assert [command[command.index("--who") + 1] for command, _ in commands] == ["jax", "torch", "gensim"]
    assert [command[0] for command, _ in commands] == ["a", "b", "b"]
    assert all(command[-2:] == ["--window", "3"] and env["OMP_NUM_THREADS"] == "2" for command, env in commands)
    assert [env["KERAS_BACKEND"] for _, env in commands] == ["jax", "torch", "torch"]
    commands.clear()
    module.main(["run", "word2vec", "--python", "jax=a", "--seeds", "4", "5"])
    asked = [(command[command.index("--seeds") + 1], command[command.index("--who") + 1]) for command, _ in commands]
    assert asked == [("4", "jax"), ("4", "gensim"), ("5", "jax"), ("5", "gensim")]


def test_seeds_make_a_row_of_means_and_deviations():
    """Two trainings of 30 words in 3 and 7 seconds are 6 words a second: not the mean of 10 and 4.3."""
    about = {"recipe": "word2vec", "settings": "word2vec", "threads": 1, "amount": 30, "unit": "words", "version": "1"}
    seconds = {("jax", 0): 3, ("jax", 1): 7, ("gensim", 0): 1}
    found = [
        {"who": who, "seed": seed, "seconds": time, "metrics": {"similarity": 0.4 + seed / 10}, **about}
        for (who, seed), time in seconds.items()
    ]
    assert module.table(found)[1:] == [
        ["jax 1", "6", "0.20", "0.4500 ± 0.0707"],
        ["gensim 1", "30", "", "0.4000"],
    ]


@on_one_backend
def test_a_seed_is_the_recipes(tmp_path, capsys):
    names = ["one", "word2vec", "--who", keras.config.backend(), "--preset", "smoke", "--epochs", "1", "--threads", "1"]
    metrics = []
    for seed in ("3", "4"):
        module.main([*names, "--seeds", seed, "--folder", str(tmp_path)])
        (path,) = tmp_path.glob(f"*/*-{seed}.json")
        metrics.append(json.loads(path.read_text())["metrics"])
    assert metrics[0] != metrics[1]


@on_one_backend
@pytest.mark.filterwarnings("ignore")
def test_fastai_learns_the_planted_ratings():
    from backends_matrix.peers import collaborative_filtering as peer
    from recipes import collaborative_filtering as recipe

    config = recipe.PRESETS["smoke"]
    data = recipe.load_data(config)
    _, metrics = peer.run_fastai(recipe, config, data, 1)
    mean = np.std(data.test[1])  # what the mean of all ratings would be off by
    assert metrics["rmse"] < 0.6 * mean
