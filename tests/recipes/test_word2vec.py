import dataclasses
import json

import keras
import numpy as np
import pytest
from gensim.models import KeyedVectors

from recipes import word2vec as recipe
from tests.marks import on_one_backend
from tests.recipes.training import trained

VARIANTS = [name for name in recipe.PRESETS if name.startswith("smoke")]


@on_one_backend
@pytest.mark.parametrize("preset", VARIANTS)
def test_finds_the_planted_similarities_and_analogies(preset):
    config = dataclasses.replace(recipe.PRESETS[preset], epochs=12)
    data, model = trained(recipe, config)
    metrics = recipe.evaluate(model, data, config)
    assert metrics["semantic_analogies"] > 0.9
    assert metrics["similarity"] > 0.6
    assert metrics["pairs_covered"] == metrics["analogies_covered"] == 1
    chance = recipe.evaluate(recipe.build_model(config, data), data, config)
    assert chance["semantic_analogies"] < 0.3
    assert abs(chance["similarity"]) < 0.3


def test_blocks_are_as_large_as_they_should_be():
    config = dataclasses.replace(recipe.PRESETS["smoke"], block_size=10, shared_negatives=7, batch_size=100)
    words, reach, negatives = recipe.load_data(config).test[0]
    assert words.shape == (10, 10 + 2 * config.window)
    assert (reach.shape, negatives.shape) == ((10, 10), (10, 7))


def softplus(x):
    return np.logaddexp(0, x)


def loss_by_loops(model, batch, config):
    """The sum of the losses of all pairs of a batch, by the papers, a pair at a time; and their number."""
    words, outputs = (table.get_weights()[0].astype("float64") for table in (model.words, model.predicted))
    paths = [np.array(weight.numpy()) for weight in (model.nodes, model.sides)] if model.path_length else ()
    total, number = 0.0, 0

    def predict(vector, word, negatives):
        if paths:
            way = zip(*(array[word] for array in paths), strict=True)
            return sum(softplus(-side * (vector @ outputs[node])) for node, side in way if side)
        share = config.num_negatives / len(negatives)
        return softplus(-vector @ outputs[word]) + share * sum(softplus(vector @ outputs[noise]) for noise in negatives)

    for block, reaches, negatives in zip(*batch, strict=True):
        for place, far in enumerate(reaches, start=config.window):
            near = [other for other in range(place - far, place + far + 1) if other != place and block[other]]
            if not block[place] or not near:
                continue
            if config.architecture == "cbow":
                pairs = [(words[block[near]].mean(axis=0), block[place])]
            elif paths:
                pairs = [(words[block[place]], block[other]) for other in near]
            else:
                pairs = [(words[block[place]], block[other]) for other in near]
            total += sum(predict(vector, word, negatives) for vector, word in pairs)
            number += len(pairs)
    return total, number


@pytest.mark.parametrize("preset", VARIANTS)
def test_the_loss_is_that_of_the_papers(preset):
    config = dataclasses.replace(recipe.PRESETS[preset], batch_size=32)
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    rng = np.random.default_rng(0)
    for table in (model.words, model.predicted):
        table.set_weights([rng.normal(size=table.get_weights()[0].shape).astype("float32")])
    batch = recipe.batches_of(data.train[0], data.names["counts"], config)[0][0]
    kinds = {"skip_gram": model.skip_gram_loss, "cbow": model.cbow_loss}
    found = kinds[config.architecture](*map(keras.ops.convert_to_tensor, batch), training=False)
    expected = loss_by_loops(model, batch, config)
    np.testing.assert_allclose([keras.ops.convert_to_numpy(value) for value in found], expected, rtol=1e-5)


@pytest.mark.parametrize("preset", ["smoke", "smoke-cbow"])
def test_a_step_is_one_of_gradient_descent(preset):
    """The weights after a step move along the slope of the sum of the losses, found by differences."""
    config = dataclasses.replace(
        recipe.PRESETS[preset], batch_size=32, optimizer="sgd", learning_rate=0.01, embedding_dim=3
    )
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    rng = np.random.default_rng(0)
    for table in (model.words, model.predicted):
        table.set_weights([rng.normal(size=table.get_weights()[0].shape).astype("float32")])
    batch, before = recipe.batches_of(data.train[0], data.names["counts"], config)[0], model.get_weights()
    model.train_on_batch(batch[0])
    after = model.get_weights()
    for table, (one, other) in enumerate(zip(before, after, strict=True)):
        for row in (int(batch[0][0].max()), int(batch[0][2][0, 0])):
            slopes = []
            for column in range(3):
                losses = []
                for move in (1e-3, -1e-3):
                    moved = [weights.astype("float64") for weights in before]
                    moved[table][row, column] += move
                    model.set_weights(moved)
                    losses.append(loss_by_loops(model, batch[0], config)[0])
                slopes.append((losses[0] - losses[1]) / 2e-3)
            np.testing.assert_allclose((one - other)[row] / 0.01, slopes, rtol=2e-2, atol=2e-3)


def write_text(path):
    rng = np.random.default_rng(0)
    lines = [" ".join(f"{w}" for w in rng.choice(["oak", "elm", "ash", "fir"], size=8)) for _ in range(60)]
    path.write_text("\n".join(line.replace("oak", "Old Oak") for line in lines), encoding="utf-8")


def test_a_text_of_the_users_own(tmp_path):
    write_text(tmp_path / "text.txt")
    flags = ["--dataset", str(tmp_path / "text.txt"), "--evaluation", "loss", "--run-folder", str(tmp_path / "run")]
    flags += ["--phrases", "1", "--phrase-threshold", "1", "--shown", "elm ash"]
    recipe.main(["--preset", "smoke", "--epochs", "2", *flags])
    vectors = KeyedVectors.load_word2vec_format(tmp_path / "run" / "vectors.txt")
    assert set(vectors.index_to_key) >= {"old_oak", "elm", "ash"}
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert list(metrics) == ["loss"]
    assert 0 < metrics["loss"] < 10


@on_one_backend
def test_english_words_are_judged_by_lists(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    (tmp_path / "word-vectors").mkdir()
    lines = ["oak\telm\t9", "oak\tash\t5", "elm\tfir\t1", "oak\tsea\t1"]
    (tmp_path / "word-vectors" / "wordsim353.tsv").write_text("\n".join(lines))
    questions = ": trees\noak elm ash fir\noak elm sea fir\n: gram1-x\nash fir oak elm\n"
    (tmp_path / "word-vectors" / "questions-words.txt").write_text(questions)
    write_text(tmp_path / "text.txt")
    config = dataclasses.replace(recipe.PRESETS["smoke"], dataset=str(tmp_path / "text.txt"), epochs=1)
    data, model = trained(recipe, config)
    metrics = recipe.evaluate(model, data, config)
    analogies = ["semantic_analogies", "syntactic_analogies"]
    assert list(metrics) == ["similarity", *analogies, "pairs_covered", "analogies_covered"]
    assert (metrics["pairs_covered"], metrics["analogies_covered"]) == (3 / 4, 2 / 3)


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("tokens", "letters", "`tokens` must be one of"),
        ("architecture", "glove", "`architecture` must be one of"),
        ("output", "softmax", "`output` must be one of"),
        ("evaluation", "french", "`evaluation` must be one of"),
        ("window", 0, "`window` must be"),
        ("sample", -1.0, "`sample` must be"),
        ("shared_negatives", 0, "`shared_negatives` must be"),
    ],
)
def test_bad_values(flag, value, message):
    with pytest.raises(ValueError, match=message):
        recipe.Config(**{flag: value})
