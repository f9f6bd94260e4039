import numpy as np
import pytest

from keras_recipes.corpus import read_corpus
from keras_recipes.window_batches import WindowBatches

RNG = np.random.default_rng(0)
SENTENCES = [[f"w{i}" for i in RNG.zipf(1.5, size=RNG.integers(1, 30)) % 50] for _ in range(300)]
CORPUS = read_corpus(SENTENCES)


def batches(**options):
    options = {"batch_size": 64, "window": 3, "num_negatives": 4, "sample": 0.0, "block_size": 8, **options}
    return WindowBatches(CORPUS.ids, CORPUS.counts, **options)


def pairs_of(words, reach, window):
    """All pairs of a word and a neighbour in its reach, as a batch has them, by loops."""
    found = []
    for block, reaches in zip(words, reach, strict=True):
        for place, far in enumerate(reaches, start=window):
            for other in range(place - far, place + far + 1):
                if other != place and block[place] and block[other]:
                    found.append((int(block[place]), int(block[other])))
    return found


def test_an_epoch_holds_each_word_once_and_no_pair_across_sentences():
    made = batches()
    every = [made[index][0] for index in range(len(made))]
    words = np.concatenate([words[:, 3:-3].ravel() for words, *_ in every])
    np.testing.assert_array_equal(np.bincount(words, minlength=len(CORPUS.words) + 1)[1:], CORPUS.counts)
    allowed = set()
    for sentence in SENTENCES:
        numbers = [CORPUS.words.index(word) + 1 for word in sentence]
        allowed |= {(a, b) for i, a in enumerate(numbers) for b in numbers[max(0, i - 3) : i + 4]}
    found = [pair for words, reach, _ in every for pair in pairs_of(words, reach, 3)]
    assert set(found) <= allowed
    # Of the 6 neighbours at most that a word has, two thirds are in its reach: 1, 2 or 3.
    inside = sum(2 * min(3, len(s) - 1) * len(s) - min(3, len(s) - 1) * (min(3, len(s) - 1) + 1) for s in SENTENCES)
    assert 0.6 < len(found) / inside < 0.85


def test_reach_is_drawn_evenly_and_negatives_by_a_power_of_counts():
    made = batches(num_negatives=64)
    every = [made[index][0] for index in range(len(made))]
    shares = np.bincount(np.concatenate([reach.ravel() for _, reach, _ in every]), minlength=4) / sum(
        reach.size for _, reach, _ in every
    )
    np.testing.assert_allclose(shares, [0, 1 / 3, 1 / 3, 1 / 3], atol=0.02)
    drawn = np.concatenate([negatives.ravel() for *_, negatives in every])
    expected = CORPUS.counts**0.75 / (CORPUS.counts**0.75).sum()
    found = np.bincount(drawn, minlength=len(expected) + 1)[1:] / len(drawn)
    np.testing.assert_allclose(found, expected, atol=5 * np.sqrt(0.25 / len(drawn)))
    assert drawn.min() >= 1


def test_frequent_words_come_less_often():
    made = batches(sample=0.01)
    words = np.concatenate([made[index][0][0][:, 3:-3].ravel() for index in range(len(made))])
    found = np.bincount(words, minlength=len(CORPUS.words) + 1)[1:]
    expected = CORPUS.counts * made.keep[1:]
    assert found[0] == pytest.approx(expected[0], abs=4 * np.sqrt(expected[0]))
    assert found.sum() == pytest.approx(expected.sum(), abs=4 * np.sqrt(expected.sum()))


@pytest.mark.parametrize("chunk_size", [500, 500_000])
def test_stacks_are_the_batches(chunk_size):
    made = batches(chunk_size=chunk_size)
    stacked = [array for ((words, _, _),) in made.stacks(max_steps=5) for array in words]
    assert len(stacked) == len(made)
    for index, words in enumerate(stacked):
        np.testing.assert_array_equal(words, made[index][0][0])


def test_epochs_differ_and_do_not_depend_on_what_was_read():
    one, other = batches(chunk_size=1000), batches(chunk_size=1000)
    first = [one[index][0][0] for index in range(len(one))]
    one.on_epoch_end()
    second = [one[index][0][0] for index in range(len(one))]
    assert any((a != b).any() for a, b in zip(first, second, strict=True))
    other.skip_epochs(1)
    for index in reversed(range(len(other))):
        np.testing.assert_array_equal(other[index][0][0], second[index])
    assert len(one.edges) > 3


@pytest.mark.parametrize("name", ["batch_size", "window", "num_negatives"])
def test_wrong_arguments(name):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        batches(**{name: 0})
    with pytest.raises(ValueError, match="`ids` must be a text with words"):
        WindowBatches(CORPUS.ids[:0], CORPUS.counts, 8)
