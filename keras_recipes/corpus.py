"""Text as a stream of numbers of words: of corpora that need not fit into memory."""

import array
import re
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_recipes.config import require
from keras_recipes.fetch import fetch
from keras_recipes.ratings import index_of

IMDB_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
IMDB_SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
IMDB_PARTS = re.compile(r"aclImdb/train/(pos|neg|unsup)/[^/]+\.txt")
WORD = re.compile(r"[a-z']+")
TOKENS = ("words", "spaces")
BUFFER = 2**20  # words between two writes
LONGEST = 2**16  # letters of a line that are read at once: about 10,000 words, where gensim cuts lines too


class Corpus(NamedTuple):
    """A text in numbers.

    Attributes:
        words: List of strings, the most frequent first: the first one has id 1.
        counts: Int64 array of shape `(len(words),)`, how often each comes.
        ids: Int32 array of shape `(n,)`, the words of all sentences, with a 0 behind each; it lies in a file.
    """

    words: list
    counts: np.ndarray
    ids: np.ndarray


def read_lines(dataset):
    """The sentences of a text, one after the other.

    Args:
        dataset: String: "imdb", reviews of films, downloaded unless the data folder has them, of which each is a
            sentence here; or the path of a text file in UTF-8, of which each line is one. Lines of more than
            `LONGEST` letters are cut between two words, so that a text without line breaks fits into memory.

    Yields:
        Strings.

    Raises:
        ValueError: If there is no such file, or it is not in UTF-8.
    """
    if dataset == "imdb":
        with tarfile.open(fetch("imdb/aclImdb_v1.tar.gz", IMDB_URL, IMDB_SHA256)) as archive:
            for member in archive:
                if IMDB_PARTS.fullmatch(member.name):
                    yield archive.extractfile(member).read().decode()
        return
    require(Path(dataset).is_file(), "dataset", "one of 'synthetic', 'imdb', or the path of a text file", dataset)
    try:
        with Path(dataset).open(encoding="utf-8") as file:
            yield from short_lines(file)
    except UnicodeDecodeError as error:
        raise ValueError(f"`dataset` must be a text file in UTF-8, received {dataset}: {error}") from None


def short_lines(file, longest=LONGEST):
    """The lines of a text file, those of more than `longest` letters in parts that end where a word does."""
    rest = ""
    while piece := file.readline(longest):
        line, rest = rest + piece, ""
        if len(piece) < longest or piece[-1].isspace():
            yield line
        else:  # the last word may go on
            *begin, rest = line.rsplit(maxsplit=1)
            yield from begin
    if rest:
        yield rest


def words_of(line, tokens="words"):
    """The words of a sentence.

    Args:
        line: String.
        tokens: String: "words" for runs of letters from a to z and apostrophes, after
            capitals were made small; "spaces" for what lies between spaces, as it is.

    Returns:
        List of strings.
    """
    return line.split() if tokens == "spaces" else WORD.findall(line.lower())


def read_corpus(sentences, min_count=1, max_words=0):
    """Number the words of sentences; memory is needed for the distinct words only.

    Args:
        sentences: Iterable of lists of strings.
        min_count: Integer of at least 1: words that come less often are left out.
        max_words: Integer, the most frequent so many words are kept; 0 for all.

    Returns:
        `Corpus`.

    Raises:
        ValueError: If no word is left.
    """
    require(min_count >= 1, "min_count", "an integer of at least 1", min_count)
    found, counts, buffer = {}, array.array("q"), array.array("i")
    with tempfile.TemporaryFile() as file:
        for sentence in sentences:
            for word in sentence:
                number = found.setdefault(word, len(found))
                if number == len(counts):
                    counts.append(0)
                counts[number] += 1
                buffer.append(number + 1)
            buffer.append(0)
            if len(buffer) >= BUFFER:
                file.write(buffer)
                del buffer[:]
        require(len(found) > 0, "dataset", "text with words", "none")
        file.write(buffer)
        file.flush()
        ids = np.memmap(file, "int32", "r")
        return numbered_words(list(found), np.array(counts), ids, min_count, max_words)


def numbered_words(words, counts, ids, min_count=1, max_words=0):
    """A `Corpus` of the more frequent words, in the order of their counts, from a stream in any order of words."""
    often = counts.tolist()
    # Not by an array of the words: all of its entries would be as long as the longest word.
    order = sorted(np.flatnonzero(counts >= min_count).tolist(), key=lambda i: (-often[i], words[i]))
    order = np.array(order, int)
    order = order[:max_words] if max_words else order
    require(len(order) > 0, "dataset", f"text with words that come {min_count} times", f"{len(words)} others")
    place = np.full(len(words) + 1, -1, "int32")  # of words that are left out
    place[0], place[order + 1] = 0, np.arange(1, len(order) + 1)
    kept = (some[some >= 0] for some in (place[part] for part in parts_of(ids)))
    return Corpus([words[i] for i in order], counts[order], in_file(kept))


def parts_of(ids, size=BUFFER):
    """A stream of ids in parts of one size, the last one smaller."""
    return (ids[begin : begin + size] for begin in range(0, len(ids), size))


def in_file(parts):
    """An int32 array of all parts, which lies in a file without a name: gone when the array is."""
    with tempfile.TemporaryFile() as file:
        for part in parts:
            file.write(np.ascontiguousarray(part, "int32"))
        file.flush()
        return np.asarray(np.memmap(file, "int32", "r"))


def with_phrases(corpus, threshold=100.0, min_count=5):
    """A corpus whose phrases are words: pairs that come far more often than chance makes them.

    Where pairs overlap, the first one counts. Called again, it finds longer ones.

    Args:
        corpus: `Corpus`.
        threshold: Float above 0, how many times as often as by chance a pair must come.
        min_count: Integer of at least 1, how often a pair must come at least.

    Returns:
        `Corpus`; its phrases are two words with "_" between.

    Reference:
        Mikolov et al., 2013, https://arxiv.org/abs/1310.4546, section 4.
    """
    size = len(corpus.words) + 1
    pairs, often = pair_counts(corpus.ids, size)
    left, right = pairs // size, pairs % size
    by_chance = corpus.counts[left - 1] * corpus.counts[right - 1].astype("float64")
    scores = (often - min_count) / by_chance * corpus.counts.sum()
    phrases = pairs[(scores > threshold) & (often >= min_count)]
    joined = [f"{corpus.words[pair // size - 1]}_{corpus.words[pair % size - 1]}" for pair in phrases]
    ids = in_file(with_pairs_joined(part, phrases, size) for part in parts_of(corpus.ids))
    counts = np.zeros(size + len(phrases), "int64")
    for part in parts_of(ids):
        counts += np.bincount(part, minlength=len(counts))
    return numbered_words([*corpus.words, *joined], counts[1:], ids, min_count=1)


def pair_counts(ids, size, most=2**24):
    """The pairs of neighbours in a stream, sorted, each as `left * size + right`, and how often each comes.

    If there are more than `most` pairs, those that came once are forgotten on the way.
    """
    pairs, counts = np.empty((2, 0), "int64")
    for part in parts_of(ids):
        codes = part[:-1].astype("int64") * size + part[1:]
        found, often = np.unique(codes[(part[:-1] > 0) & (part[1:] > 0)], return_counts=True)
        pairs, places = np.unique(np.concatenate([pairs, found]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([counts, often])).astype("int64")
        if len(pairs) > most:
            pairs, counts = pairs[counts > 1], counts[counts > 1]
    return pairs, counts


def with_pairs_joined(ids, phrases, size):
    """A part of a stream with the number `size + i` in the place of the pair `phrases[i]`, which are sorted."""
    if not len(phrases):
        return ids
    places = index_of(ids[:-1].astype("int64") * size + ids[1:], phrases)  # from 1; 0 for no phrase
    is_phrase = places > 0
    # In a run of overlapping pairs every second one counts, from the first one on.
    numbers = np.arange(len(places))
    begins = np.maximum.accumulate(np.where(is_phrase & ~np.concatenate([[False], is_phrase[:-1]]), numbers, 0))
    is_phrase &= (numbers - begins) % 2 == 0
    ids = ids.copy()
    ids[:-1][is_phrase] = size + places[is_phrase] - 1
    return ids[~np.concatenate([[False], is_phrase])]


def sampling_rates(counts, sample):
    """How likely each word is kept while training: frequent words often are not.

    Args:
        counts: Integer array of shape `(words,)`.
        sample: Float: words whose share of the text is above it are thinned out; 0 keeps all.

    Returns:
        Float array of shape `(words + 1,)`, for ids: 1 for id 0.

    Reference:
        Mikolov et al., 2013, https://arxiv.org/abs/1310.4546, section 2.3, in the form that word2vec.c computes.
    """
    require(sample >= 0, "sample", "a number of at least 0", sample)
    share = np.asarray(counts) / np.sum(counts)
    rates = np.minimum(1, np.sqrt(sample / share) + sample / share) if sample else np.ones(len(share))
    return np.concatenate([[1.0], rates])
