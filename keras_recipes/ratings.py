"""Ratings of items by users: MovieLens, or a CSV file of the user's own."""

import contextlib
import csv
import io
import itertools
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_recipes.config import require
from keras_recipes.fetch import data_folder, fetch

GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
MOVIELENS = {  # name: (folder in the archive, sha256 of the archive)
    "movielens-latest-small": ("ml-latest-small", "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436"),
    "movielens-100k": ("ml-100k", "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"),
    "movielens-1m": ("ml-1m", "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"),
}


class Ratings(NamedTuple):
    """Who rated what, how, and when; one entry per rating, in file order.

    Attributes:
        users: Array of strings or integers, shape `(n,)`.
        items: Array of strings or integers, shape `(n,)`.
        ratings: Float64 array of shape `(n,)`.
        timestamps: Float64 array of shape `(n,)`, seconds, or None if unknown.
        titles: Dict from item to title; items without one are missing.
        genres: Dict from item to a list of strings; likewise.
    """

    users: np.ndarray
    items: np.ndarray
    ratings: np.ndarray
    timestamps: np.ndarray | None
    titles: dict
    genres: dict = {}  # noqa: RUF012 - never written to


def read_ratings(dataset):
    """Read a public data set of ratings, or the user's own.

    Args:
        dataset: String, a key of `MOVIELENS` (downloaded unless the data folder
            has it), or the path of a CSV file whose header names the columns
            `user`, `item`, `rating` and, if known, `timestamp` (seconds).

    Returns:
        `Ratings`.

    Raises:
        ValueError: If there is no such data set or file, if columns are
            missing, if a rating is not a finite number, or if fewer than two
            users rated.
    """
    if dataset in MOVIELENS:
        return checked(read_movielens(dataset), dataset)
    expected = "one of " + ", ".join(map(repr, ["synthetic", *MOVIELENS])) + ", or the path of a CSV file"
    require(Path(dataset).is_file(), "dataset", expected, dataset)
    return checked(from_rows(read_csv(dataset), titles={}), dataset)


def read_csv(path):
    """Rows `(user, item, rating, timestamp or None)` of strings, by the names in the header of a CSV file."""
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [name for name in ("user", "item", "rating") if name not in (rows.fieldnames or ())]
            require(
                not missing, "dataset", "a CSV file with columns user, item, rating", f"{path} with {rows.fieldnames}"
            )
            return [(row["user"], row["item"], row["rating"], row.get("timestamp")) for row in rows]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"`dataset` must be a CSV file in UTF-8, received {path}: {error}") from None


def read_movielens(dataset):
    """Read `Ratings` from one of the three layouts that MovieLens came in over the years."""
    with movielens_files(dataset) as read:
        if dataset == "movielens-latest-small":
            rows = [tuple(row) for row in csv.reader(read("ratings.csv", "utf-8"))][1:]
            films = list(csv.reader(read("movies.csv", "utf-8")))[1:]
        elif dataset == "movielens-100k":
            rows = [tuple(line.split()) for line in read("u.data", "latin-1")]
            names = [line.split("|")[0] for line in read("u.genre", "latin-1") if "|" in line]
            fields = [line.strip().split("|") for line in read("u.item", "latin-1")]
            films = [(*row[:2], "|".join(itertools.compress(names, map(int, row[5:])))) for row in fields]
        else:
            rows = [tuple(line.strip().split("::")) for line in read("ratings.dat", "latin-1")]
            films = [line.strip().split("::") for line in read("movies.dat", "latin-1")]
    genres = {film: kinds.split("|") for film, _, kinds in films if kinds and not kinds.startswith("(")}
    return from_rows(rows, {film: title for film, title, _ in films})._replace(genres=genres)


@contextlib.contextmanager
def movielens_files(dataset):
    """Give a function `read(file_name, encoding)` for the text files of a data set.

    They are read from an unpacked folder of the data folder where there is
    one, else straight from the downloaded archive.
    """
    folder = data_folder() / dataset
    if folder.is_dir():
        yield lambda name, encoding: io.StringIO((folder / name).read_text(encoding))
        return
    inside, sha256 = MOVIELENS[dataset]
    path = fetch(f"{inside}.zip", f"{GROUPLENS}{inside}.zip", sha256)
    require(zipfile.is_zipfile(path), "dataset", "an archive as it was published", str(path))
    with zipfile.ZipFile(path) as archive:
        yield lambda name, encoding: io.StringIO(archive.read(f"{inside}/{name}").decode(encoding))


def synthetic_ratings(num_users, seed, rank=2, noise=0.25):
    """Ratings with a planted answer: mean, biases and a product of low rank, plus noise.

    Args:
        num_users: Integer, the number of users and of items; each user rates
            up to 80 items.
        seed: Integer, seed of the numbers.
        rank: Integer, numbers per user and per item.
        noise: Float, standard deviation of the noise: no model's root mean
            squared error is lower, on average.

    Returns:
        `Ratings`; user and item ids are integers, the order of time is random.
    """
    rng = np.random.default_rng(seed)
    user_vectors, item_vectors = rng.normal(size=(2, num_users, rank)) * 0.7
    user_bias, item_bias = rng.normal(size=(2, num_users)) * 0.5
    users = np.repeat(np.arange(num_users), min(80, num_users))
    items = np.concatenate([rng.permutation(num_users)[:80] for _ in range(num_users)])
    match = (user_vectors[users] * item_vectors[items]).sum(-1)
    ratings = 3.5 + user_bias[users] + item_bias[items] + match + noise * rng.normal(size=len(users))
    titles = {item: f"item {item}" for item in range(num_users)}
    return Ratings(users, items, ratings, rng.permutation(len(users)).astype("float64"), titles)


def synthetic_interactions(seed, large=False, groups=4):
    """Uses of items with a planted answer: people use items of their own group, and others seldom.

    Args:
        seed: Integer, seed of the numbers.
        large: Boolean, whether there are 2,000 users and 1,000 items of 60 uses, in place of 200, 80 and 12.
        groups: Integer, of users and of items: those whose number has the same remainder.

    Returns:
        `Ratings`, all of them 1, at times one after the other; the genre of an item is its group.
    """
    rng = np.random.default_rng(seed)
    num_users, num_items, uses = (2000, 1000, 60) if large else (200, 80, 12)
    same = np.arange(num_users)[:, None] % groups == np.arange(num_items) % groups
    popularity = rng.lognormal(sigma=0.5, size=num_items)
    weights = np.log(np.where(same, 20, 1) * popularity) + rng.gumbel(size=same.shape)  # draws without repeats
    items = np.argsort(-weights, axis=1)[:, :uses]
    items = rng.permuted(items, axis=1).ravel()
    users = np.repeat(np.arange(num_users), uses)
    titles = {item: f"item {item}" for item in range(num_items)}
    genres = {item: [f"group {item % groups}"] for item in range(num_items)}
    return Ratings(users, items, np.ones(len(users)), np.arange(len(users), dtype="float64"), titles, genres)


def index_of(ids, known):
    """Number ids by their place in a sorted list, from 1; 0 for those that it lacks.

    Args:
        ids: Array of strings or integers, shape `(n,)`.
        known: Sorted array of the same type, shape `(m,)`, without repeats.

    Returns:
        Integer array of shape `(n,)`, entries from 0 to `m`.
    """
    place = np.searchsorted(known, ids).clip(max=len(known) - 1)
    return np.where(known[place] == ids, place + 1, 0)


def from_rows(rows, titles):
    """`Ratings` from tuples of strings `(user, item, rating, timestamp or None)`."""
    for number, (user, item, *_) in enumerate(rows, start=1):
        require(user and item, "user and item", f"given in each row, row {number}", (user, item))
    users, items, ratings, timestamps = zip(*rows, strict=True) if rows else ((), (), (), ())
    known = timestamps and None not in timestamps
    return Ratings(
        np.array(users), np.array(items), numbers(ratings, "rating"),
        numbers(timestamps, "timestamp") if known else None, titles,
    )  # fmt: skip


def numbers(column, name):
    """A column of strings as float64, or a ValueError that names the first which is none."""
    values = np.empty(len(column))
    for row, text in enumerate(column):
        try:
            values[row] = float(text)
        except (TypeError, ValueError):
            require(False, name, f"a number in each row, row {row + 1}", text)
    return values


def checked(ratings, dataset):
    """The `ratings` if a model can be trained on them, else a ValueError."""
    for name, column in (("rating", ratings.ratings), ("timestamp", ratings.timestamps)):
        limit = np.finfo("float32").max if name == "rating" else np.inf
        bad = [] if column is None else np.flatnonzero(~(np.abs(column) < limit))
        if len(bad):
            require(False, name, f"finite in each row, row {bad[0] + 1} of {dataset}", float(column[bad[0]]))
    users = len(np.unique(ratings.users))
    require(users > 1, "dataset", "ratings of two users or more", f"{dataset} with {users}")
    return ratings
