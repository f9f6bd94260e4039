import collections
import io
import itertools
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_recipes import corpus as module
from keras_recipes.corpus import read_corpus, read_lines, sampling_rates, with_phrases, words_of

SENTENCES = [["b", "a", "b"], [], ["c", "b"], ["a"]]


def texts(corpus):
    """The sentences of a corpus, as it has them."""
    words = " ".join(corpus.words[i - 1] if i else "|" for i in corpus.ids)
    return [part.split() for part in words.split("|")][:-1]


def test_words_are_numbered_by_how_often_they_come():
    found = read_corpus(SENTENCES)
    assert found.words == ["b", "a", "c"]
    assert found.counts.tolist() == [3, 2, 1]
    assert found.ids.tolist() == [1, 2, 1, 0, 0, 3, 1, 0, 2, 0]
    assert (type(found.ids), found.ids.dtype) == (np.ndarray, np.int32)


def test_rare_words_are_left_out():
    assert texts(read_corpus(SENTENCES, min_count=2)) == [["b", "a", "b"], [], ["b"], ["a"]]
    assert read_corpus(SENTENCES, max_words=1).words == ["b"]
    with pytest.raises(ValueError, match="`dataset` must be text with words that come 4 times, received '3 others'"):
        read_corpus(SENTENCES, min_count=4)
    with pytest.raises(ValueError, match="`min_count` must be"):
        read_corpus(SENTENCES, min_count=0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6), min_size=1).filter(any))
def test_is_a_counter_whatever_the_parts(sentences):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BUFFER", 5)
        found = read_corpus(iter(sentences))
    expected = collections.Counter(itertools.chain(*sentences))
    assert dict(zip(found.words, found.counts.tolist(), strict=True)) == expected
    assert texts(found) == sentences
    assert found.counts.tolist() == sorted(found.counts, reverse=True)


def test_tokens():
    assert words_of("It's 9 o'clock,\tÉlan -- OK.") == ["it's", "o'clock", "lan", "ok"]
    assert words_of("It's 9 o'clock", "spaces") == ["It's", "9", "o'clock"]


def test_lines_of_a_file(tmp_path):
    (tmp_path / "text.txt").write_text("One line\nanother\n", encoding="utf-8")
    assert [words_of(line) for line in read_lines(str(tmp_path / "text.txt"))] == [["one", "line"], ["another"]]
    with pytest.raises(ValueError, match="`dataset` must be one of 'synthetic', 'imdb', or the path"):
        list(read_lines("no-such-set"))


def test_imdb_is_read_from_its_archive(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    (tmp_path / "imdb").mkdir()
    files = {
        "train/pos/0_9.txt": "Good.",
        "train/unsup/5_0.txt": "So so.",
        "test/pos/0_10.txt": "Never read.",
        "README": "no",
    }
    with tarfile.open(tmp_path / "imdb" / "aclImdb_v1.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    assert list(read_lines("imdb")) == ["Good.", "So so."]


def test_phrases_are_pairs_that_come_together():
    rng = np.random.default_rng(0)
    sentences = []
    for _ in range(400):
        sentence = [f"w{i}" for i in rng.integers(20, size=6)]
        place = rng.integers(5)
        sentences.append([*sentence[:place], *(["new", "york"] if rng.random() < 0.3 else []), *sentence[place:]])
    found = with_phrases(read_corpus(sentences), threshold=20, min_count=5)
    assert [word for word in found.words if "_" in word] == ["new_york"]
    assert found.counts[found.words.index("new_york")] == sum("york" in sentence for sentence in sentences)
    assert not {"new", "york"} & set(found.words)
    joined = [" ".join(sentence).replace("new york", "new_york").split() for sentence in sentences]
    assert texts(found) == joined


@pytest.mark.parametrize("size", [4, 2**20])
def test_of_overlapping_phrases_the_first_one_counts(monkeypatch, size):
    monkeypatch.setattr(module.parts_of, "__defaults__", (size,))
    corpus = read_corpus([["a", "b", "a", "b", "c"]] * 20 + [["x"] * 50])
    found = texts(with_phrases(corpus, threshold=0.1, min_count=2))
    if size > 4:  # else pairs that lie across two parts are no pairs
        assert found[0] == ["a_b", "a_b", "c"]
    assert [" ".join(sentence).replace("_", " ").split() for sentence in found] == texts(corpus)


def test_longer_phrases_take_a_second_pass():
    sentences = [["new", "york", "city", f"w{i}"] for i in range(40)] + [["new"], ["york"], ["city"]]
    once = with_phrases(read_corpus(sentences), threshold=2, min_count=5)
    twice = with_phrases(once, threshold=2, min_count=5)
    assert "new_york" in once.words
    assert "new_york_city" in twice.words


def test_no_phrases_at_all():
    corpus = read_corpus(SENTENCES)
    assert texts(with_phrases(corpus, threshold=1e9)) == texts(corpus)


def test_pairs_that_came_once_may_be_forgotten():
    corpus = read_corpus([["a", "b"], ["a", "b"], ["a", "c"]])
    pairs, counts = module.pair_counts(corpus.ids, 4, most=1)
    assert counts.tolist() == [2]
    assert len(module.pair_counts(corpus.ids, 4)[0]) == len(pairs) + 1


def test_frequent_words_are_thinned_out_as_in_word2vec():
    counts = np.array([1000, 100, 1])
    found = sampling_rates(counts, 0.01)
    share = counts / counts.sum()
    expected = (np.sqrt(share / 0.01) + 1) * 0.01 / share  # as word2vec.c writes it
    np.testing.assert_allclose(found, [1, *np.minimum(1, expected)])
    np.testing.assert_array_equal(sampling_rates(counts, 0), np.ones(4))
    with pytest.raises(ValueError, match="`sample` must be"):
        sampling_rates(counts, -1)
