"""word2vec: a vector for each word of a text, learned from the words around it.

    python -m recipes.word2vec                                         # reviews of films, skip-gram
    python -m recipes.word2vec --preset smoke                          # no download, seconds
    python -m recipes.word2vec --preset cbow
    python -m recipes.word2vec --dataset text.txt --phrases 1 --output hierarchical_softmax

A run leaves `vectors.txt`, in the format of word2vec, which gensim reads; `WordVectors.load(path)` has
`most_similar` and `analogy`.

Source: Mikolov et al., 2013, https://arxiv.org/abs/1301.3781, section 3 (CBOW and skip-gram);
    Mikolov et al., 2013, https://arxiv.org/abs/1310.4546, sections 2 and 4 (negative sampling, hierarchical
    softmax, thinning of frequent words, phrases); Ji et al., 2016, https://arxiv.org/abs/1604.04661 (shared negatives).
Reaches: on 75,000 reviews (train and unsupervised part of imdb, one seed) a correlation with WordSim-353 of 0.5011 on
    JAX, 0.5066 on TensorFlow, 0.5084 on PyTorch; analogies 0.205 to 0.206 (semantic) and 0.323 to 0.327 (syntactic).
"""

from dataclasses import dataclass

import keras
import numpy as np

from keras_recipes.config import parse_config, require, require_at_least, require_one_of, require_seed
from keras_recipes.corpus import TOKENS, read_corpus, read_lines, with_phrases, words_of
from keras_recipes.data import Data
from keras_recipes.grammar import SIZES, synthetic_sentences
from keras_recipes.optimizers import SparseAdagrad, SparseSGD
from keras_recipes.pictures import bar_chart, labelled_points, principal_plane
from keras_recipes.run import save_run
from keras_recipes.training import Checkpoint, fit
from keras_recipes.window_batches import WindowBatches
from keras_recipes.window_model import WindowModel
from keras_recipes.word_vectors import (
    WordVectors,
    analogy_questions,
    judge_analogies,
    judge_similarity,
    known_pairs,
    wordsim,
)


@dataclass(frozen=True)
class Config:
    """What can be chosen; each field is a flag of the command line."""

    dataset: str = "imdb"  # or "synthetic", a small grammar; or path of a text file with a sentence in each line
    tokens: str = "words"  # small letters from a to z and apostrophes; or "spaces": what lies between them
    phrases: int = 0  # passes that join pairs of words that often come together
    phrase_threshold: float = 100.0  # how many times as often as by chance such a pair must come
    min_count: int = 5  # words that come less often are left out
    max_words: int = 0  # the most frequent so many words are kept; 0 for all
    architecture: str = "skip_gram"  # from a word to its neighbours; or "cbow", from the mean of these to the word
    output: str = "negative_sampling"  # or "hierarchical_softmax"
    embedding_dim: int = 100  # numbers per word
    window: int = 5  # how far neighbours are at most; for each word a number up to it is drawn
    num_negatives: int = 5  # words that are not there, for each that is
    shared_negatives: int = 40  # how many are drawn for a block of words, which stand for these
    block_size: int = 16  # words in such a block: larger ones share more, and are quicker
    sample: float = 1e-3  # words with a larger share of the text are thinned out; 0 for none
    shown: str = ""  # words, with spaces between, that are drawn with their neighbours; "" for frequent ones
    evaluation: str = "english"  # by lists of English words, downloaded; or "loss", that of training, for other texts
    batch_size: int = 1024  # words of the text per step
    epochs: int = 5  # passes over the text
    optimizer: str = "sgd"  # as in word2vec; or "adagrad", which bears larger batches, and the root of a tree
    learning_rate: float = 0.025  # as in word2vec, at the start; falls to zero in a straight line
    seed: int = 0  # of vectors, order, windows, negatives and synthetic data

    def __post_init__(self):
        require_one_of(self, "tokens", TOKENS)
        require_one_of(self, "architecture", ("skip_gram", "cbow"))
        require_one_of(self, "output", ("negative_sampling", "hierarchical_softmax"))
        require_one_of(self, "optimizer", ("sgd", "adagrad"))
        require_one_of(self, "evaluation", ("english", "loss"))
        require_at_least(self, 1, "min_count", "embedding_dim", "window", "num_negatives", "shared_negatives")
        require_at_least(self, 1, "block_size", "batch_size", "epochs")
        require_at_least(self, 0, "phrases", "phrase_threshold", "max_words", "sample", "learning_rate")
        require_seed(self, "seed")


SMALL = {"dataset": "synthetic", "embedding_dim": 8, "window": 4, "sample": 0.0, "batch_size": 512, "epochs": 4}
TREE = {"output": "hierarchical_softmax", "optimizer": "adagrad", "learning_rate": 0.2}
CBOW = {"block_size": 32, "shared_negatives": 20}  # as there is less to learn from a word, and less to compute
BEGIN = 100_000  # words of the text from which blocks are taken to look at
LARGE = {"dataset": "synthetic_large", "epochs": 8, "learning_rate": 0.01}
PRESETS = {
    "full": Config(),
    "cbow": Config(architecture="cbow", learning_rate=0.07, **CBOW),  # the rate: by the loss on a text held out
    "tree": Config(**TREE),
    "smoke": Config(**SMALL, optimizer="adagrad", learning_rate=0.2),  # few words, each of which comes often
    "smoke-cbow": Config(**SMALL, architecture="cbow", learning_rate=0.025, **CBOW),
    "smoke-tree": Config(**SMALL, **TREE),
    "smoke-cbow_tree": Config(**SMALL, **TREE | {"learning_rate": 0.1}, architecture="cbow"),
    "bench": Config(**LARGE),
    "bench-cbow": Config(**LARGE, architecture="cbow", **CBOW),
}  # fmt: skip


def load_data(config):
    """Ids of the words of the text, int32 of shape (n,), with 0 behind each sentence; and some blocks of it."""
    names = {}
    if config.dataset in SIZES:
        sentences, names["pairs"], names["analogies"] = synthetic_sentences(config.dataset, config.seed)
    else:
        sentences = (words_of(line, config.tokens) for line in read_lines(config.dataset))
    corpus = read_corpus(sentences, config.min_count, config.max_words)
    for _ in range(config.phrases):
        corpus = with_phrases(corpus, config.phrase_threshold, config.min_count)
    check_words(corpus.words, names, config)
    blocks = batches_of(corpus.ids[:BEGIN], corpus.counts, config)[0][0]
    train, test = (corpus.ids, np.zeros(len(corpus.ids), "int8")), (blocks, np.zeros(len(blocks[0]), "int8"))
    return Data(
        train, test, {"num_words": len(corpus.words)}, {"words": corpus.words, "counts": corpus.counts, **names}
    )


def check_words(words, names, config):
    """Raise ValueError before training where a vocabulary lacks what is to be judged or shown after it."""
    words = set(words)
    if config.evaluation == "english" and "pairs" not in names:
        few = len(known_pairs(wordsim(), words)) < 3
        require(not few, "evaluation", "'loss' for a text with fewer than three pairs of WordSim-353", "english")
    for word in config.shown.split():
        require(word in words, "shown", f"words of the text that come {config.min_count} times or more", word)


def build_model(config, data):
    """Both tables, with what hierarchical softmax knows of the words."""
    options = {"num_negatives": config.num_negatives, "seed": config.seed, "name": "word2vec"}
    sizes = config.embedding_dim, config.window, config.output
    model = WindowModel.for_counts(data.names["counts"], *sizes, architecture=config.architecture, **options)
    model(keras.tree.map_structure(lambda array: array[:1], data.test[0]))
    steps = config.epochs * len(batches_of(data.train[0], data.names["counts"], config))
    rate = keras.optimizers.schedules.PolynomialDecay(config.learning_rate, steps, 0.0)
    model.compile(SparseSGD(rate) if config.optimizer == "sgd" else SparseAdagrad(rate, 0.0, row_wise=True))
    return model


def batches_of(ids, counts, config):
    """Blocks of a text with windows and words that are not there."""
    negatives = {"num_negatives": config.shared_negatives, "block_size": config.block_size}
    options = {"sample": config.sample, "seed": config.seed, **negatives}
    return WindowBatches(ids, counts, config.batch_size, config.window, **options)


def train(model, data, config, callbacks=()):
    """Make neighbours likely, and words that are not there unlikely."""
    return fit(model, batches_of(data.train[0], data.names["counts"], config), config.epochs, callbacks)


def vectors_of(model, data):
    """The `WordVectors` of a model."""
    return WordVectors(data.names["words"], model.vectors())


def evaluate(model, data, config):
    """How well cosines order pairs of words as people do, which share of analogies is right, and of how many.

    A kind of analogies of which no question has known words is left out. With `evaluation="loss"` it is
    the loss of the first words of the text, which the model was trained on: only whether training went well.
    """
    if config.evaluation == "loss":
        return {"training_loss": float(model.evaluate(*data.test, verbose=0, return_dict=True)["loss"])}
    vectors = vectors_of(model, data)
    similarity, covered = judge_similarity(vectors, data.names.get("pairs") or wordsim())
    found, asked = asked_analogies(vectors, data)
    shares = {
        f"{kind}_analogies": share_right([found[name] for name in found if name.startswith("gram") == syntactic])
        for kind, syntactic in (("semantic", False), ("syntactic", True))
        if any(name.startswith("gram") == syntactic for name in found)
    }
    return {"similarity": similarity, **shares, "pairs_covered": covered, "analogies_covered": asked}


def asked_analogies(vectors, data):
    """How many analogies are right and how many there are, by section with known words; and the share of these."""
    questions = data.names.get("analogies") or analogy_questions()
    found = {name: counts for name, counts in judge_analogies(vectors, questions).items() if counts[1]}
    return found, sum(number for _, number in found.values()) / sum(map(len, questions.values()))


def share_right(counts):
    """The share of right answers, of pairs of how many were right and how many there were."""
    return sum(right for right, _ in counts) / sum(number for _, number in counts)


def show(model, data, config, folder):
    """Some words in the plane, each with its nearest neighbours; and which share of analogies is right, by section."""
    vectors = vectors_of(model, data)
    # The most frequent words say little.
    chosen = config.shown.split() or vectors.words[len(vectors.words) // 200 :][:15]
    near = [[word, *(other for other, _ in vectors.most_similar(word, k=3))] for word in chosen]
    words = list(dict.fromkeys(word for group in near for word in group))
    plane = principal_plane(vectors.directions[[vectors.number(word) for word in words]])
    pictures = [labelled_points(plane, words, folder / "neighbours.png")]
    found = asked_analogies(vectors, data)[0] if config.evaluation == "english" else {}
    if found:
        labels = [f"{name} ({asked})" for name, (_, asked) in found.items()]
        values = [share_right([counts]) for counts in found.values()]
        title = "share of analogies that are right (of how many)"
        pictures.append(bar_chart(labels[::-1], values[::-1], title, folder / "analogies.png"))
    return pictures


def main(argv=None):
    config, folder = parse_config(Config, PRESETS, argv)
    checkpoint = Checkpoint(folder / "training.safetensors", config)  # a run that was killed goes on from there
    keras.utils.set_random_seed(config.seed)
    data = load_data(config)
    model = build_model(config, data)
    history = train(model, data, config, [checkpoint])
    vectors_of(model, data).save(folder / "vectors.txt")  # before anything else that could go wrong
    metrics = evaluate(model, data, config)
    save_run(folder, config, model, history, metrics)
    show(model, data, config, folder)


if __name__ == "__main__":
    main()
