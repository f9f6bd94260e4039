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


def loss_by_loops(model, batch, config, rest=None):
    """The sum of the losses of all pairs of a batch, by the papers, a pair at a time; and their number.

    In word2vec.c a mean of neighbours moves as far as these together: from where they are at `rest`.
    """
    words, outputs = (table.get_weights()[0].astype("float64") for table in (model.words, model.predicted))
    paths = [np.array(weight.numpy()) for weight in (model.nodes, model.sides)] if model.path_length else ()
    rest, total, number = words if rest is None else rest, 0.0, 0

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
                moved = (words[block[near]] - rest[block[near]]).sum(axis=0)
                pairs = [(rest[block[near]].mean(axis=0) + moved, block[place])]
            elif paths:
                pairs = [(words[block[place]], block[other]) for other in near]
            else:
                pairs = [(words[block[place]], block[other]) for other in near]
            total += sum(predict(vector, word, negatives) for vector, word in pairs)
            number += len(pairs)
    return total, number


@on_one_backend
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
                    losses.append(loss_by_loops(model, batch[0], config, before[0])[0])
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
    assert list(metrics) == ["training_loss"]
    assert 0 < metrics["training_loss"] < 10
    assert not (tmp_path / "run" / "analogies.png").exists()


QUESTIONS = ": trees\noak elm ash fir\noak elm sea fir\n: gram1-x\nash fir oak elm\n"


def write_lists(folder, monkeypatch, questions=QUESTIONS):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(folder))
    (folder / "word-vectors").mkdir()
    lines = ["oak\telm\t9", "oak\tash\t5", "elm\tfir\t1", "oak\tsea\t1"]
    (folder / "word-vectors" / "wordsim353.tsv").write_text("\n".join(lines))
    (folder / "word-vectors" / "questions-words.txt").write_text(questions)


def test_words_that_are_missing_are_missed_before_training(tmp_path, monkeypatch):
    write_lists(tmp_path, monkeypatch)
    text = tmp_path / "synthetic_text.txt"  # whatever the name, it is a file
    text.write_text("oak elm ash\n" * 20)
    monkeypatch.chdir(tmp_path)
    config = dataclasses.replace(recipe.PRESETS["smoke"], dataset="synthetic_text.txt", evaluation="english")
    with pytest.raises(ValueError, match="`evaluation` must be 'loss' for a text with fewer than three pairs"):
        recipe.load_data(config)
    config = dataclasses.replace(config, evaluation="loss", shown="oak fir")
    with pytest.raises(ValueError, match="`shown` must be words of the text that come 5 times or more, received 'fir'"):
        recipe.load_data(config)
    text.write_text("oak elm ash fir\n" * 20)
    recipe.load_data(dataclasses.replace(config, evaluation="english"))


def test_vectors_are_kept_where_judging_fails(tmp_path, monkeypatch):
    def fails(model, data, config):
        raise RuntimeError("judging")

    monkeypatch.setattr(recipe, "evaluate", fails)
    with pytest.raises(RuntimeError, match="judging"):
        recipe.main(["--preset", "smoke", "--epochs", "1", "--run-folder", str(tmp_path)])
    assert len(KeyedVectors.load_word2vec_format(tmp_path / "vectors.txt").index_to_key) == 54


@pytest.mark.parametrize("output", ["negative_sampling", "hierarchical_softmax"])
def test_a_text_of_a_single_word(output, tmp_path):
    (tmp_path / "text.txt").write_text("oak oak oak\n" * 20)
    changes = {"dataset": str(tmp_path / "text.txt"), "evaluation": "loss", "output": output}
    config = dataclasses.replace(recipe.PRESETS["smoke"], **changes)
    data = recipe.load_data(config)
    if output == "negative_sampling":
        recipe.build_model(config, data)
    else:
        with pytest.raises(ValueError, match="`dataset` must be two words or more"):
            recipe.build_model(config, data)


@on_one_backend
def test_analogies_are_drawn_by_section(tmp_path, monkeypatch):
    questions = ": trees\noak elm ash fir\n: seas\noak elm sea fir\n: more\nash fir oak elm\nfir elm ash oak\n"
    write_lists(tmp_path, monkeypatch, questions + ": gram1-x\noak sea ash fir\n")
    write_text(tmp_path / "text.txt")
    config = dataclasses.replace(recipe.PRESETS["smoke"], dataset=str(tmp_path / "text.txt"), epochs=1)
    data, model = trained(recipe, config)
    metrics, drawn = recipe.evaluate(model, data, config), []
    assert "syntactic_analogies" not in metrics  # of which no question has known words
    monkeypatch.setattr(recipe, "bar_chart", lambda *args: drawn.append(args) or args[-1])
    pictures = recipe.show(model, data, config, tmp_path)
    assert [picture.name for picture in pictures] == ["neighbours.png", "analogies.png"]
    labels, values = drawn[0][:2]
    assert labels == ["more (2)", "trees (1)"]  # the first one at the top
    assert np.average(values, weights=[2, 1]) == pytest.approx(metrics["semantic_analogies"])


@on_one_backend
def test_english_words_are_judged_by_lists(tmp_path, monkeypatch):
    write_lists(tmp_path, monkeypatch)
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
