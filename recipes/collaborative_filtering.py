"""Collaborative filtering: predict a rating from an embedding of the user and one of the item.

    python -m recipes.collaborative_filtering                    # MovieLens, 100,836 ratings
    python -m recipes.collaborative_filtering --preset smoke     # no download, seconds
    python -m recipes.collaborative_filtering --dataset my.csv   # columns user,item,rating[,timestamp]

`recommend(model, data, user)` lists what a user would like best.

Source: Koren, Bell and Volinsky, 2009, https://doi.org/10.1109/MC.2009.263, section
    "Adding biases"; `head="mlp"`: He et al., 2017, https://arxiv.org/abs/1708.05031, section 3.3.
Reaches: test RMSE 0.8430 ± 0.0013 on JAX, 0.8432 ± 0.0015 on TensorFlow, 0.8433 ± 0.0010 on
    PyTorch (three seeds each; random 80/20 split of movielens-latest-small). Chosen on
    `--holdout validation`.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from keras_recipes.config import (
    bounds_of,
    parse_config,
    require,
    require_at_least,
    require_fraction,
    require_one_of,
    require_seed,
)
from keras_recipes.data import Batches, Data, split
from keras_recipes.layers import Bias, Embedding, UnknownIds
from keras_recipes.pictures import bar_chart, labelled_points, predicted_against_true, principal_plane
from keras_recipes.ratings import index_of, read_ratings, synthetic_ratings
from keras_recipes.run import save_run
from keras_recipes.training import Checkpoint, fit


@dataclass(frozen=True)
class Config:
    """What can be chosen; each field is a flag of the command line."""

    dataset: str = "movielens-latest-small"  # movielens-latest-small, -100k, -1m; "synthetic"; or path of a CSV file
    split: str = "random"  # which fifth of the ratings is held out: "random", or "time" for the last ones
    split_seed: int = 42  # seed of the random split
    holdout: str = "test"  # judge on "test", or on "validation": the last tenth of the training part
    head: str = "dot"  # how user and item meet: in a "dot" product, or in an "mlp", a small network
    embedding_dim: int = 20  # numbers per user and per item
    hidden_units: int = 64  # width of the small network
    embedding_dropout: float = 0.0  # share of an embedding's numbers dropped while training
    unknown_rate: float = 0.01  # share of ids trained as "unknown", which serves for unseen users and items
    y_range: str = ""  # "lowest,highest": a sigmoid keeps predictions in this range (--y-range=-1,1)
    batch_size: int = 256  # ratings per step
    epochs: int = 10  # passes over the training ratings
    learning_rate: float = 5e-3  # of Adam at the start; falls to zero in a straight line
    l2: float = 0.12  # penalty per rating on the squares of its two embeddings
    bias_l2: float = 0.03  # penalty per rating on the squares of its two biases
    seed: int = 0  # of weights, dropout, batch order and synthetic data
    synthetic_users: int = 100  # size of the synthetic data, in users and in items

    def __post_init__(self):
        require_at_least(self, 1, "embedding_dim", "hidden_units", "batch_size", "epochs")
        require_at_least(self, 0, "learning_rate", "l2", "bias_l2")
        require_seed(self, "seed", "split_seed")
        require_at_least(self, 10, "synthetic_users")
        require_fraction(self, "embedding_dropout", "unknown_rate")
        require_one_of(self, "split", ("random", "time"))
        require_one_of(self, "holdout", ("test", "validation"))
        require_one_of(self, "head", ("dot", "mlp"))
        if self.y_range:
            bounds_of(self.y_range, "y_range")


PRESETS = {
    "full": Config(),
    "smoke": Config(dataset="synthetic", embedding_dim=4, epochs=12, learning_rate=2e-2, l2=0.003, bias_l2=0.003),
    "smoke-mlp": Config(
        dataset="synthetic", head="mlp", embedding_dim=8, epochs=12, embedding_dropout=0.1,
        y_range="-1,7", l2=0.003, bias_l2=0.003, split="time",
    ),
    "bench": Config(dataset="synthetic", synthetic_users=2000, epochs=8),
}  # fmt: skip


def load_data(config):
    """Pairs `(user, item)`, int32 of shape (n, 2), and ratings, float32 of shape (n, 1).

    Users and items are numbered from 1 in the order of their sorted ids; 0
    stands for those that the training part does not hold.
    """
    synthetic = config.dataset == "synthetic"
    ratings = synthetic_ratings(config.synthetic_users, config.seed) if synthetic else read_ratings(config.dataset)
    order = np.random.default_rng(config.split_seed).permutation(len(ratings.ratings))
    if config.split == "time":
        require(ratings.timestamps is not None, "split", "random for ratings without timestamps", config.split)
        order = np.argsort(ratings.timestamps, kind="stable")
    columns = [ratings.users, ratings.items, ratings.ratings.astype("float32")]
    train, test = split(columns, order, test_fraction=0.2)
    if config.holdout == "validation":
        train, test = split(train, np.arange(len(train[0])), test_fraction=0.1)

    users, items = np.unique(train[0]), np.unique(train[1])

    def numbered(part):
        pairs = np.stack([index_of(part[0], users), index_of(part[1], items)], axis=1)
        return pairs.astype("int32"), part[2][:, None]

    titles = np.array(["unknown", *(ratings.titles.get(item, str(item)) for item in items)])
    sizes = {"num_users": len(users) + 1, "num_items": len(items) + 1}
    return Data(numbered(train), numbered(test), sizes, {"users": users, "items": items, "titles": titles})


def build_model(config, data):
    """Match of user and item, plus a bias for each, plus the mean of all ratings."""
    pair = keras.Input((2,), dtype="int32", name="pair")
    known = UnknownIds(config.unknown_rate, seed=config.seed)(pair)
    vectors, biases = [], []
    for column, name in enumerate(("user", "item")):
        ids, size = known[:, column], data.sizes[f"num_{name}s"]
        penalty, bias_penalty = keras.regularizers.L2(config.l2), keras.regularizers.L2(config.bias_l2)
        vector = Embedding(size, config.embedding_dim, activity_regularizer=penalty, name=name)(ids)  # (batch, dim)
        vectors.append(layers.Dropout(config.embedding_dropout, seed=config.seed + 1000 * (1 + column))(vector))
        bias = Embedding(size, 1, "zeros", activity_regularizer=bias_penalty, name=f"{name}_bias")
        biases.append(bias(ids))  # (batch, 1)

    if config.head == "dot":
        match = ops.sum(vectors[0] * vectors[1], axis=-1, keepdims=True)  # (batch, 1)
    else:
        hidden = layers.Dense(config.hidden_units, "relu", name="hidden")(layers.Concatenate()(vectors))
        match = layers.Dense(1, use_bias=False, name="match")(hidden)  # (batch, 1)

    score, mean = layers.Add()([match, *biases]), float(np.mean(data.train[1]))
    if config.y_range:
        lowest, highest = bounds_of(config.y_range, "y_range")
        share = np.clip((mean - lowest) / (highest - lowest), 0.01, 0.99)
        score = Bias(np.log(share / (1 - share)), name="mean")(score)
        # A sigmoid from lowest to highest, written as tanh: TensorFlow's own sigmoid rounds down more often than up.
        rating = (lowest + highest) / 2 + (highest - lowest) / 2 * layers.Activation("tanh")(score / 2)
    else:
        rating = Bias(mean, name="mean")(score)

    model = keras.Model(pair, rating, name="collaborative_filtering")
    steps = config.epochs * len(Batches(data.train, config.batch_size))
    falling = keras.optimizers.schedules.PolynomialDecay(config.learning_rate, steps, end_learning_rate=0.0)
    model.compile(keras.optimizers.Adam(falling), loss="mse")
    return model


def train(model, data, config, callbacks=()):
    """Minimise the squared error of the ratings in the training part."""
    return fit(model, Batches(data.train, config.batch_size, config.seed), config.epochs, callbacks)


def evaluate(model, data, config):
    """Root mean squared and mean absolute error of the ratings held out."""
    error = predict_ratings(model, data.test[0]) - data.test[1].astype("float64")
    return {"rmse": float(np.sqrt(np.mean(error**2))), "mae": float(np.mean(np.abs(error)))}


def predict_ratings(model, pairs):
    """Ratings, float64 of shape (n, 1), of pairs of shape (n, 2)."""
    return model.predict(pairs, batch_size=8192, verbose=0).astype("float64")


def recommend(model, data, user, k=10):
    """What a user would like best among the items not rated so far.

    Args:
        model: The trained model.
        data: The `Data` it was trained on.
        user: Id of the user as it stands in the data set; one that training
            never saw gets what the unknown user would like.
        k: Integer of at least 1, how many items.

    Returns:
        List of at most `k` tuples `(title, predicted rating)`, best first.
    """
    require(k >= 1, "k", "a number of at least 1", k)
    same = np.flatnonzero(data.names["users"].astype(str) == str(user))
    row = int(same[0]) + 1 if len(same) else 0
    pairs = np.array([(row, item) for item in range(1, data.sizes["num_items"])], dtype="int32")
    ratings = predict_ratings(model, pairs)[:, 0]
    if row:
        rated = np.concatenate([part[0][part[0][:, 0] == row, 1] for part in (data.train, data.test)])
        ratings[rated[rated > 0] - 1] = -np.inf
    best = np.argsort(-ratings, kind="stable")[:k]
    return [(str(data.names["titles"][1 + i]), float(ratings[i])) for i in best if ratings[i] > -np.inf]


def show(model, data, config, folder):
    """Predictions against truth, popular items in the plane, items with the strongest biases."""
    counts = np.bincount(data.train[0][:, 1], minlength=data.sizes["num_items"])
    popular = np.argsort(-counts[1:], kind="stable")[:30] + 1
    vectors = model.get_layer("item").get_weights()[0]  # (num_items, embedding_dim)
    biases = model.get_layer("item_bias").get_weights()[0][:, 0]  # (num_items,)
    often = np.flatnonzero(counts >= min(20, counts[popular[-1]]))
    often = often[often > 0]
    by_bias = often[np.argsort(biases[often], kind="stable")]
    extremes = by_bias if len(by_bias) < 20 else np.concatenate([by_bias[:10], by_bias[-10:]])
    titles = data.names["titles"]
    truth, predicted = data.test[1][:, 0], predict_ratings(model, data.test[0])[:, 0]
    return [
        predicted_against_true(truth, predicted, "rating", folder / "predicted_against_true.png"),
        labelled_points(principal_plane(vectors[popular]), titles[popular], folder / "popular_items.png"),
        bar_chart(titles[extremes], biases[extremes], "bias of the item", folder / "item_biases.png"),
    ]


def main(argv=None):
    config, folder = parse_config(Config, PRESETS, argv)
    checkpoint = Checkpoint(folder / "training.safetensors", config)  # a run that was killed goes on from there
    keras.utils.set_random_seed(config.seed)
    data = load_data(config)
    model = build_model(config, data)
    history = train(model, data, config, [checkpoint])
    metrics = evaluate(model, data, config)
    save_run(folder, config, model, history, metrics)
    show(model, data, config, folder)


if __name__ == "__main__":
    main()
