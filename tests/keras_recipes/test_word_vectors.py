import heapq

import numpy as np
import pytest
from gensim.models import KeyedVectors
from scipy.stats import spearmanr

from keras_recipes import word_vectors as module
from keras_recipes.huffman import huffman_paths
from keras_recipes.word_vectors import WordVectors, judge_analogies, judge_similarity, rank_correlation

RNG = np.random.default_rng(0)
WORDS = [f"w{i}" for i in range(60)]
VECTORS = WordVectors(WORDS, RNG.normal(size=(60, 7)))


@pytest.fixture
def gensims():
    found = KeyedVectors(7)
    found.add_vectors(WORDS, VECTORS.vectors)
    return found


def same(one, other):
    assert [word for word, _ in one] == [word for word, _ in other]
    np.testing.assert_allclose([score for _, score in one], [score for _, score in other], rtol=1e-4, atol=1e-6)


def test_neighbours_are_those_of_gensim(gensims):
    same(VECTORS.most_similar("w3"), gensims.most_similar("w3"))
    same(VECTORS.most_similar(["w3", "w4"], ["w5"], k=4), gensims.most_similar(["w3", "w4"], ["w5"], topn=4))
    same(VECTORS.analogy("w1", "w2", "w3"), gensims.most_similar(["w2", "w3"], ["w1"], topn=1))
    assert VECTORS.similarity("w1", "w2") == pytest.approx(gensims.similarity("w1", "w2"), rel=1e-5)
    np.testing.assert_array_equal(VECTORS["w9"], gensims["w9"])
    assert len(VECTORS.most_similar("w3", k=1000)) == 59


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_what_we_write_and_we_what_it_writes(binary, gensims, tmp_path):
    VECTORS.save(tmp_path / "ours", binary)
    theirs = KeyedVectors.load_word2vec_format(tmp_path / "ours", binary=binary)
    assert theirs.index_to_key == WORDS
    np.testing.assert_array_equal(theirs.vectors, VECTORS.vectors)
    gensims.save_word2vec_format(tmp_path / "theirs", binary=binary)
    ours = WordVectors.load(tmp_path / "theirs", binary)
    assert ours.words == WORDS
    np.testing.assert_allclose(ours.vectors, VECTORS.vectors, rtol=0 if binary else 1e-5)
    again = WordVectors.load(tmp_path / "ours", binary)
    np.testing.assert_array_equal(again.vectors, VECTORS.vectors)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("content", [b"", b"no header\n", b"2 3\na 1 2 3\n", b"2 3\na 1 2\nb 1 2 x\n"])
def test_files_that_are_none(binary, content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match="`path` must be a file of word2vec"):
        WordVectors.load(tmp_path / "file", binary)


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="`word` must be a word with a vector, received 'nowhere'"):
        VECTORS.most_similar("nowhere")
    with pytest.raises(ValueError, match="`k` must be"):
        VECTORS.most_similar("w1", k=0)
    with pytest.raises(ValueError, match=r"`vectors` must be of shape \(2, dim\)"):
        WordVectors(["a", "b"], np.ones((3, 2)))
    with pytest.raises(ValueError, match="`words` must be strings without spaces, received 'new york'"):
        WordVectors(["new york"], np.ones((1, 2))).save(tmp_path / "file")
    assert not list(tmp_path.iterdir())


def test_the_correlation_is_that_of_scipy():
    one, other = RNG.integers(0, 10, size=(2, 50)).astype(float)
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)


def test_similarity_is_that_of_gensim(gensims, tmp_path):
    pairs = [(WORDS[i], WORDS[j], float(RNG.integers(0, 11))) for i, j in RNG.integers(0, 60, size=(40, 2))]
    lost = [("w1", "nowhere", 1.0), ("nowhere", "w2", 9.0)]
    (tmp_path / "pairs").write_text("\n".join(f"{a}\t{b}\t{s}" for a, b, s in [*pairs, *lost]))
    found, covered = judge_similarity(VECTORS, [*pairs, *lost])
    expected = gensims.evaluate_word_pairs(tmp_path / "pairs")
    assert found == pytest.approx(expected[1][0])
    assert covered == pytest.approx(40 / 42)
    with pytest.raises(ValueError, match="`pairs` must be three or more"):
        judge_similarity(VECTORS, lost)


def test_analogies_are_those_of_gensim(tmp_path):
    """Vectors with a planted direction and noise, so that about half of the answers are right."""
    base, noise = RNG.normal(size=(20, 5)), RNG.normal(size=(60, 5)) * 0.6
    vectors = np.concatenate([base, base + 1.5, base - 1.5]) + noise
    kv = KeyedVectors(5)
    kv.add_vectors(WORDS, vectors)
    sections = {"one": [], "gram2": []}
    for i in range(19):
        for j in range(i + 1, 20):
            sections["one"].append((f"w{i}", f"w{i + 20}", f"w{j}", f"w{j + 20}"))
            sections["gram2"].append((f"w{i}", f"w{i + 40}", f"w{j}", f"w{j + 40}"))
    sections["one"].append(("w1", "w2", "w3", "nowhere"))
    lines = [line for name, rows in sections.items() for line in [f": {name}", *map(" ".join, rows)]]
    (tmp_path / "questions").write_text("\n".join(lines))
    for most in (60, 50):
        _, expected = kv.evaluate_word_analogies(tmp_path / "questions", restrict_vocab=most, case_insensitive=False)
        found = judge_analogies(WordVectors(WORDS, vectors), sections, most)
        for section in expected[:2]:
            right, asked = len(section["correct"]), len(section["correct"]) + len(section["incorrect"])
            assert found[section["section"]] == (right, asked)
        assert 0.1 < found["one"][0] / found["one"][1] < 0.9
    assert judge_analogies(VECTORS, {"none": [("w1", "w2", "w3", "nowhere")]}) == {"none": (0, 0)}


def test_the_lists_of_english_words(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    folder = tmp_path / "word-vectors"
    folder.mkdir()
    (folder / "wordsim353.tsv").write_text("# about\n# Word 1\tWord 2\tHuman (mean)\nlove\tSex\t6.77\n")
    (folder / "questions-words.txt").write_text(": capital\nAthens Greece Oslo Norway\n: gram1\na b c d\n")
    assert module.wordsim() == [("love", "sex", 6.77)]
    expected = {"capital": [("athens", "greece", "oslo", "norway")], "gram1": [("a", "b", "c", "d")]}
    assert module.analogy_questions() == expected


def test_the_lists_come_with_gensim():
    """The files that are downloaded are those of the package."""
    import hashlib
    from pathlib import Path

    import gensim

    folder = Path(gensim.__file__).parent / "test" / "test_data"
    for name, sha256 in (("wordsim353.tsv", module.WORDSIM_SHA256), ("questions-words.txt", module.ANALOGIES_SHA256)):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256


def test_paths_of_the_tree_are_those_of_huffman():
    counts = np.sort(RNG.integers(1, 100, size=30))[::-1]
    nodes, sides = huffman_paths(counts)
    lengths = (sides != 0).sum(axis=1)
    queue = list(counts)  # the least sum of lengths, by merging alone
    heapq.heapify(queue)
    least = 0
    while len(queue) > 1:
        both = heapq.heappop(queue) + heapq.heappop(queue)
        least += both
        heapq.heappush(queue, both)
    assert (lengths * counts).sum() == least
    paths = {tuple(zip(nodes[i, :length], sides[i, :length], strict=True)) for i, length in enumerate(lengths)}
    assert len(paths) == 30
    assert {path[0][0] for path in paths} == {28}  # all begin at the root
    np.testing.assert_allclose((2.0**-lengths).sum(), 1)
    after = {}  # wherever two paths have come the same way, they are at the same node
    for path in paths:
        for place, (node, _) in enumerate(path):
            assert after.setdefault(path[:place], node) == node


def test_a_tree_of_two_words():
    nodes, sides = huffman_paths(np.array([3, 1]))
    assert nodes.tolist() == [[0], [0]]
    assert sorted(sides[:, 0]) == [-1, 1]
    with pytest.raises(ValueError, match="`dataset` must be two words or more for a tree over them, received 1"):
        huffman_paths(np.array([3]))
