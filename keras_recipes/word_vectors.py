"""Words as vectors: neighbours, analogies, how good they are, and the file formats of word2vec."""

from pathlib import Path

import numpy as np

from keras_recipes.config import require
from keras_recipes.fetch import fetch
from keras_recipes.files import write_file

TEST_DATA = "https://raw.githubusercontent.com/piskvorky/gensim/4.4.0/gensim/test/test_data/"
WORDSIM_SHA256 = "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d"
ANALOGIES_SHA256 = "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36"


class WordVectors:
    """Vectors of words, the most frequent word first.

    Args:
        words: List of distinct strings.
        vectors: Float array of shape `(len(words), dim)`.

    Raises:
        ValueError: If there is not a vector for each word.
    """

    def __init__(self, words, vectors):
        require(len(words) == len(vectors), "vectors", f"of shape ({len(words)}, dim)", np.shape(vectors))
        self.words, self.vectors = list(words), np.asarray(vectors, "float32")
        self.place = {word: number for number, word in enumerate(self.words)}
        self.directions = directions_of(self.vectors)

    def __getitem__(self, word):
        """The vector of a word; raises ValueError if there is none."""
        return self.vectors[self.number(word)]

    def number(self, word):
        """The place of a word; raises ValueError if there is none."""
        require(word in self.place, "word", "a word with a vector", word)
        return self.place[word]

    def similarity(self, one, other):
        """The cosine of the angle between two words, a float."""
        return float(self.directions[self.number(one)] @ self.directions[self.number(other)])

    def most_similar(self, positive, negative=(), k=10):
        """Words in the direction of some words, and away from others.

        Args:
            positive: String, or sequence of strings.
            negative: Sequence of strings.
            k: Integer of at least 1, how many.

        Returns:
            List of at most `k` tuples `(word, cosine)`, nearest first, without the words that were asked for.

        Raises:
            ValueError: If a word has no vector, or `k` is below 1.
        """
        require(k >= 1, "k", "an integer of at least 1", k)
        positive = [positive] if isinstance(positive, str) else list(positive)
        towards, away = ([self.number(word) for word in words] for words in (positive, negative))
        direction = self.directions[towards].sum(axis=0) - self.directions[away].sum(axis=0)
        scores = self.directions @ (direction / max(float(np.linalg.norm(direction)), 1e-12))
        scores[[*towards, *away]] = -np.inf
        best = np.argsort(-scores, kind="stable")[: min(k, len(scores) - len({*towards, *away}))]
        return [(self.words[i], float(scores[i])) for i in best]

    def analogy(self, a, b, c, k=1):
        """What is to `c` as `b` is to `a`: king to man as … to woman, as `most_similar` returns it."""
        return self.most_similar([b, c], [a], k)

    def save(self, path, binary=False):
        """Write the format of word2vec, which gensim reads: text, or binary."""
        parts = [f"{len(self.words)} {self.vectors.shape[1]}\n".encode()]
        for word, vector in zip(self.words, self.vectors, strict=True):
            require(not set(word) & set(" \n"), "words", "strings without spaces", word)
            numbers = vector.astype("<f4").tobytes() if binary else " ".join(map(repr, vector.tolist())).encode()
            parts.append(f"{word} ".encode() + numbers + b"\n")
        write_file(Path(path), b"".join(parts))

    @classmethod
    def load(cls, path, binary=False):
        """Read the format of word2vec, as `save` and gensim write it.

        Raises:
            ValueError: If the file is none.
        """
        content = Path(path).read_bytes()
        header, _, rest = content.partition(b"\n")
        try:
            number, dim = map(int, header.split())
            words, vectors = (binary_rows if binary else text_rows)(rest, number, dim)
        except (ValueError, IndexError):
            expected = "a file of word2vec, " + ("binary" if binary else "text")
            require(False, "path", expected, str(path))
        return cls(words, vectors)


def directions_of(vectors):
    """Vectors, float array of shape `(n, dim)`, each of them as long as 1, or zeros."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def text_rows(content, number, dim):
    """Words and vectors, float32 of shape `(number, dim)`, of the lines of a text file."""
    rows = [line.rstrip().rsplit(" ", dim) for line in content.decode().split("\n")[:number]]
    return [row[0] for row in rows], np.array([row[1:] for row in rows], "float32").reshape(number, dim)


def binary_rows(content, number, dim):
    """Words and vectors of a binary file; each vector may end with a new line or not."""
    words, vectors, begin = [], np.empty((number, dim), "float32"), 0
    for row in range(number):
        end = content.index(b" ", begin)
        words.append(content[begin:end].lstrip(b"\n").decode())
        vectors[row] = np.frombuffer(content, "<f4", dim, end + 1)
        begin = end + 1 + 4 * dim
    return words, vectors


def wordsim():
    """The 353 pairs of WordSim-353: list of tuples of two words and how similar people found them, 0 to 10."""
    path = fetch("word-vectors/wordsim353.tsv", f"{TEST_DATA}wordsim353.tsv", WORDSIM_SHA256)
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [(one.lower(), other.lower(), float(score)) for one, other, score in rows if score.strip()[:1].isdigit()]


def analogy_questions():
    """The 19,544 questions that came with word2vec: dict from section to a list of tuples of four words."""
    path = fetch("word-vectors/questions-words.txt", f"{TEST_DATA}questions-words.txt", ANALOGIES_SHA256)
    sections, questions = {}, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(":"):
            questions = sections.setdefault(line[1:].strip(), [])
        elif line.strip():
            questions.append(tuple(line.lower().split()))
    return sections


def rank_correlation(one, other):
    """Spearman's correlation of two float arrays of shape `(n,)`; equal numbers share the mean of their ranks."""

    def ranks(values):
        _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
        return (np.cumsum(counts) - (counts - 1) / 2)[places]

    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def known_pairs(pairs, words):
    """Those of a list of tuples `(word, word, similarity)` of which both words are in `words`, a set or dict."""
    return [pair for pair in pairs if pair[0] in words and pair[1] in words]


def judge_similarity(vectors, pairs):
    """How well cosines put pairs of words into the order that people do.

    Args:
        vectors: `WordVectors`.
        pairs: List of tuples `(word, word, similarity)`.

    Returns:
        Tuple of Spearman's correlation over the pairs whose words have vectors, and the share of these.

    Raises:
        ValueError: If there are fewer than three of these.
    """
    known = known_pairs(pairs, vectors.place)
    require(len(known) > 2, "pairs", "three or more of which both words have vectors", len(known))
    found = np.array([vectors.similarity(one, other) for one, other, _ in known])
    return rank_correlation(found, np.array([score for *_, score in known])), len(known) / len(pairs)


def judge_analogies(vectors, sections, most_frequent=30_000):
    """The share of analogies whose answer is the word nearest to `b - a + c`, but these three.

    Args:
        vectors: `WordVectors`, the most frequent word first.
        sections: Dict from name to a list of tuples of four words.
        most_frequent: Integer: answers, and words of questions, are sought among the first so many.

    Returns:
        Dict from name to a tuple of how many were right, and how many there were with known words.
    """
    directions, found = vectors.directions[:most_frequent], {}
    for name, questions in sections.items():
        numbers = [[vectors.place.get(word, most_frequent) for word in question] for question in questions]
        asked = np.array([row for row in numbers if max(row) < most_frequent]).reshape(-1, 4)
        right = 0
        for part in np.array_split(asked, -(-len(asked) // 500)) if len(asked) else []:
            a, b, c, answers = part.T
            scores = (directions[b] - directions[a] + directions[c]) @ directions.T  # (questions, words)
            for given in (a, b, c):
                np.put_along_axis(scores, given[:, None], -np.inf, axis=1)
            right += int((scores.argmax(axis=1) == answers).sum())
        found[name] = right, len(asked)
    return found
