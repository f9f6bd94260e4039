import collections
import io
import itertools
import tarfile
import tracemalloc

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


@pytest.mark.parametrize("longest", [1, 2, 3, 7, 16, 1000])
def test_long_lines_are_cut_between_words(longest):
    text = "".join(np.random.default_rng(0).choice(list("ab \t\n"), p=[0.4, 0.3, 0.2, 0.05, 0.05], size=500))
    found = list(module.short_lines(io.StringIO(text), longest))
    assert [word for line in found for word in line.split()] == text.split()
    words = max(map(len, text.split()))
    assert max(map(len, found)) <= longest + words
    if longest == 1000:
        assert found == text.splitlines(keepends=True)


def test_a_text_of_one_line_is_read_in_parts(tmp_path):
    words = ["word"] * 100_000
    (tmp_path / "text.txt").write_text(" ".join(words), encoding="utf-8")
    lines = list(read_lines(str(tmp_path / "text.txt")))
    assert max(len(line.split()) for line in lines) < 20_000
    assert [word for line in lines for word in words_of(line)] == words


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "text.txt"
    for content in ("", "\n\n"):
        path.write_text(content)
        with pytest.raises(ValueError, match="`dataset` must be text with words, received 'none'"):
            read_corpus(map(words_of, read_lines(str(path))))
    path.write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(ValueError, match=r"`dataset` must be a text file in UTF-8, received .*text.txt: 'utf-8' codec"):
        list(read_lines(str(path)))


def test_words_as_frequent_are_in_the_order_of_the_alphabet():
    rng = np.random.default_rng(0)
    words = list({"".join(chr(letter) for letter in rng.choice([39, 65, 97, 233, 0x1F600], size=3)) for _ in range(80)})
    counts = rng.integers(1, 5, size=len(words))
    found = module.numbered_words(words, counts, np.arange(len(words) + 1, dtype="int32"), min_count=2)
    order = np.lexsort((np.array(words), -counts))
    assert found.words == [words[i] for i in order if counts[i] >= 2]
    assert found.counts.tolist() == sorted(counts[counts >= 2].tolist(), reverse=True)


def test_a_long_word_costs_its_own_length_only():
    tracemalloc.start()
    words = ["x" * 100_000, *(f"w{i}" for i in range(500))]
    module.numbered_words(words, np.ones(501, int), np.arange(502, dtype="int32"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**22  # an array of words as long as the longest one is of 200 MB


def test_counts_of_parts_are_added_up_as_they_come(monkeypatch):
    monkeypatch.setattr(module.parts_of, "__defaults__", (50,))
    corpus = read_corpus([["a", "b"], *([f"w{i}"] for i in range(3000))])  # about 120 parts
    tracemalloc.start()
    found = with_phrases(corpus, threshold=1e9)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.words == corpus.words
    np.testing.assert_array_equal(found.counts, corpus.counts)
    assert most < 2**21  # an array per part is 3 MB


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
