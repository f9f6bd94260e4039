"""Tables of named columns: a CSV file, a frame of pandas or polars, or a public data set."""

import csv
import io
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_recipes.config import require
from keras_recipes.fetch import data_folder, fetch

MISSING_TEXTS = ("", "?", "NA", "N/A", "nan", "NaN", "NaT", "None", "null", "<NA>")
TRUTHS = {"true": "1", "false": "0"}
MOST_DIGITS = 15  # of a whole number that is read as one
ADULT_URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/"
ADULT = {  # file: sha256
    "adult.data": "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
    "adult.test": "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
}
ADULT_COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship",
    "race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income",
)  # fmt: skip
CALIFORNIA_URL = "https://ndownloader.figshare.com/files/5976036"
CALIFORNIA_SHA256 = "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681"
KNOWN_TABLES = ("synthetic", "adult", "california_housing")


class Tables(NamedTuple):
    """A data set as columns.

    Attributes:
        train: Dict from name to array of shape `(n,)`, as `columns_of` returns it; the targets are among them.
        test: Likewise, or None if the data set comes in one part.
        target: String, the name of the column to predict, or several with commas between.
    """

    train: dict
    test: dict | None
    target: str


def read_tables(dataset, target, seed=0, rows=4000):
    """Read a public data set of a table, or the user's own.

    Args:
        dataset: String: "adult" or "california_housing", downloaded unless the data folder has them; "synthetic";
            or the path of a CSV file whose first line names the columns.
        target: String, the column to predict, or several with commas between; "" for the usual one of a
            known data set, and the last one of a file.
        seed: Integer, seed of the synthetic table.
        rows: Integer, rows of the synthetic table.

    Returns:
        `Tables`.

    Raises:
        ValueError: If there is no such data set, file or column, or a row has another length than the first one.
    """
    if dataset == "adult":
        found = Tables(read_adult("adult.data"), read_adult("adult.test"), "income")
    elif dataset == "california_housing":
        found = Tables(read_california(), None, "price")
    elif dataset == "synthetic":
        found = Tables(synthetic_table(rows, seed)[0], None, "target")
    else:
        expected = "one of " + ", ".join(map(repr, KNOWN_TABLES)) + ", or the path of a CSV file"
        require(Path(dataset).is_file(), "dataset", expected, dataset)
        columns = read_columns(Path(dataset))
        found = Tables(columns, None, list(columns)[-1])
    target = target or found.target
    for name in target.split(","):
        require(name in found.train, "target", f"among the columns {', '.join(found.train)}", name)
    return found._replace(target=target)


def columns_of(frame):
    """The columns of a table as arrays of one of two kinds.

    Args:
        frame: Frame of pandas or polars, or a dict from name to a sequence of one length.

    Returns:
        Dict from name to an array of shape `(n,)`: float64 with NaN for what is missing, if all that
        is there are numbers, or if all is true or false, 1 or 0; else strings, "" for what is missing. Whole
        numbers of 16 digits or more, such as of accounts, are strings: no float64 tells all of them apart.

    Raises:
        ValueError: If columns differ in length, or there are none.
    """
    names = list(getattr(frame, "columns", frame))
    require(len(names) > 0, "frame", "a table with columns", "none")
    columns = {str(name): plain_column(np.asarray(frame[name])) for name in names}
    lengths = {name: len(column) for name, column in columns.items()}
    require(len(set(lengths.values())) == 1, "frame", "columns of one length", lengths)
    return columns


def plain_column(values):
    """A column as float64 or as strings, see `columns_of`."""
    if values.dtype.kind in "bf" or (values.dtype.kind in "iu" and (np.abs(values) < 10.0**MOST_DIGITS).all()):
        return values.astype("float64")
    texts, places = np.unique(values.astype(str), return_inverse=True)  # each text is looked at once
    stripped = [text.strip() for text in texts]
    known = ["" if text in MISSING_TEXTS else text for text in stripped]
    if {text.lower() for text in known if text} <= TRUTHS.keys():
        known = [TRUTHS.get(text.lower(), "") for text in known]
    numbers = [number_in(text) if text else np.nan for text in known]
    return np.array(known if None in numbers else numbers)[places]


def number_in(text):
    """The number that a text is, a float; or None, also for what no float holds, and for `1_000`."""
    whole = text.lstrip("+-").isdecimal()
    try:
        number = float(text)
    except ValueError:
        return None
    return None if "_" in text or np.isinf(number) or (whole and abs(number) >= 10.0**MOST_DIGITS) else number


def read_columns(path):
    """The columns of a CSV file, by the names in its first line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = [line for line in csv.reader(io.StringIO(text), skipinitialspace=True) if line]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"`dataset` must be a CSV file in UTF-8, received {path}: {error}") from None
    names, rows = lines[0] if lines else [], lines[1:]
    require(len(rows) > 0 and len(set(names)) == len(names), "dataset", "a table with rows and distinct names", path)
    for number, row in enumerate(rows, start=1):
        require(len(row) == len(names), "dataset", f"a table of {len(names)} columns, row {number} of {path}", len(row))
    return columns_of_rows(names, rows)


def columns_of_rows(names, rows):
    """The columns of rows of strings, see `columns_of`."""
    return columns_of(dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True)))


def read_adult(name):
    """One part of the census of 1994, with the income as "<=50K" or ">50K"."""
    path = fetch(f"adult/{name}", f"{ADULT_URL}{name}", ADULT[name])
    lines = [line.removesuffix(".") for line in path.read_text(encoding="utf-8").splitlines() if line.count(",") == 14]
    return columns_of_rows(ADULT_COLUMNS, csv.reader(lines, skipinitialspace=True))


def read_california():
    """Blocks of houses in 1990: the price in 100,000 dollars, and, per household, what is counted per block."""
    path = data_folder() / "california_housing" / "cal_housing.data"
    if path.exists():
        content = path.read_bytes()
    else:
        archive = fetch("cal_housing.tgz", CALIFORNIA_URL, CALIFORNIA_SHA256)
        with tarfile.open(archive) as opened:
            content = opened.extractfile("CaliforniaHousing/cal_housing.data").read()
    longitude, latitude, age, rooms, bedrooms, people, households, income, price = (
        np.loadtxt(io.BytesIO(content), delimiter=",").T
    )  # fmt: skip
    return {
        "income": income, "age": age, "rooms": rooms / households, "bedrooms": bedrooms / households,
        "population": people, "occupancy": people / households, "latitude": latitude, "longitude": longitude,
        "price": price / 100_000,
    }  # fmt: skip


def synthetic_table(rows, seed, noise=0.5):
    """A table with a planted answer: effects of two columns of many categories, and a wave of a number, plus noise.

    Args:
        rows: Integer, the rows.
        seed: Integer, seed of the numbers.
        noise: Float, standard deviation of the noise.

    Returns:
        Tuple of the columns, "shop", "product", "number", "useless" and "target"; and a dict from
        "shop" and "product" to the effect of each of its categories, float arrays.
    """
    rng = np.random.default_rng(seed)
    sizes = {"shop": max(4, rows // 100), "product": max(4, rows // 40)}
    effects = {name: rng.normal(size=size) for name, size in sizes.items()}
    ids = {name: rng.permutation(np.arange(rows) % size) for name, size in sizes.items()}
    number, useless = rng.uniform(-1, 1, size=(2, rows))
    target = sum(effects[name][ids[name]] for name in sizes) + np.sin(6 * number) + noise * rng.normal(size=rows)
    named = {name: np.array([f"{name} {i}" for i in range(size)])[ids[name]] for name, size in sizes.items()}
    return {**named, "number": number, "useless": useless, "target": target}, effects
