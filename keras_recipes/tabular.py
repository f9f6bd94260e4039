"""Columns of a table as ids and numbers for a network: fitted on a training part, kept as JSON, used on new rows."""

import dataclasses
import json
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from keras_recipes.config import require
from keras_recipes.files import as_json
from keras_recipes.tables import number_in

KINDS = ("category", "number", "date")
NORMALIZATIONS = ("standard", "quantile")
QUANTILES = 200  # points of the curve that "quantile" follows
MISSING_COLUMN = "{} is missing"
DATE_CATEGORIES = ("month", "weekday", "day")
DATE_NUMBERS = ("year", "day of the year", "days since 1970", "hour")


@dataclass
class TablePreprocessor:
    """What was learned of the columns of a table.

    `TablePreprocessor.fit(columns, kinds)` makes one; `transform` uses it.

    Attributes:
        kinds: Dict from the name of each column used to "category", "number" or "date".
        categories: Dict from name to the list of its categories, strings: the first has id 1. Id 0
            stands for what is missing, was never seen, or was too rare.
        numbers: Dict from name to a dict with the `median`, for what is missing, and what numbers are
            normalized by: `mean` and `scale`, or lists `x` and `y`, points of a curve.
    """

    kinds: dict
    categories: dict = dataclasses.field(default_factory=dict)
    numbers: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def fit(cls, columns, kinds, min_count=1, normalization="standard"):
        """Learn from the columns of a training part.

        Args:
            columns: Dict from name to array of shape `(n,)`, as `columns_of` returns it.
            kinds: Dict from the name of each column to use to one of `KINDS`; see `infer_kinds`.
            min_count: Integer of at least 1, how often a category must come to be one of its own.
            normalization: String: "standard", to mean 0 and standard deviation 1; or "quantile",
                along the curve that gives the numbers a normal distribution.

        Returns:
            `TablePreprocessor`.

        Raises:
            ValueError: If an argument is none of these, or a number is infinite.
        """
        require(min_count >= 1, "min_count", "an integer of at least 1", min_count)
        require(normalization in NORMALIZATIONS, "normalization", f"one of {NORMALIZATIONS}", normalization)
        for name, kind in kinds.items():
            require(kind in KINDS, "kinds", f"one of {KINDS} for {name!r}", kind)
            require(name in columns, "kinds", f"of the columns {', '.join(columns)}", name)
        found = cls(dict(kinds))
        categorical, numeric = found.spread(columns)
        for name, column in numeric.items():
            require(not np.isinf(column).any(), name, "finite numbers", "an infinite one")
            if np.isnan(column).any():
                categorical[MISSING_COLUMN.format(name)] = np.where(np.isnan(column), "yes", "no")
            found.numbers[name] = normalization_of(column, normalization)
        for name, column in categorical.items():
            texts, counts = np.unique(as_texts(column), return_counts=True)
            found.categories[name] = [
                str(t) for t, count in zip(texts, counts, strict=True) if t and count >= min_count
            ]
        return found

    def spread(self, columns):
        """Columns of categories and columns of numbers, two dicts; dates are spread over several of both."""
        categorical, numeric = {}, {}
        for name, kind in self.kinds.items():
            require(name in columns, "columns", f"a table with the column {name!r}", ", ".join(columns))
            if kind == "category":
                categorical[name] = columns[name]
            elif kind == "number":
                numeric[name] = as_numbers(columns[name])
            else:
                parts = date_parts(columns[name])
                categorical.update({f"{name}: {part}": parts[part] for part in DATE_CATEGORIES})
                numeric.update({f"{name}: {part}": parts[part] for part in DATE_NUMBERS})
        return categorical, numeric

    def transform(self, columns):
        """Rows as a network takes them; unknown categories and missing values are served.

        Args:
            columns: Dict from name to array of shape `(n,)`, as `columns_of` returns it;
                more columns than needed do not matter.

        Returns:
            Pair of ids, int32 of shape `(n, categorical columns)`, and numbers, float32 of `(n, numeric columns)`.

        Raises:
            ValueError: If a column is missing.
        """
        categorical, numeric = self.spread(columns)
        for name, column in numeric.items():
            if MISSING_COLUMN.format(name) in self.categories:
                categorical[MISSING_COLUMN.format(name)] = np.where(np.isnan(column), "yes", "no")
        rows = len(next(iter(columns.values())))
        ids, numbers = np.zeros((rows, len(self.categories)), "int32"), np.zeros((rows, len(self.numbers)), "float32")
        for place, (name, known) in enumerate(self.categories.items()):
            texts, places = np.unique(as_texts(categorical[name]), return_inverse=True)
            number_of = {text: number for number, text in enumerate(known, start=1)}
            ids[:, place] = np.array([number_of.get(str(text), 0) for text in texts])[places]
        for place, (name, known) in enumerate(self.numbers.items()):
            filled = np.where(np.isfinite(numeric[name]), numeric[name], known["median"])
            numbers[:, place] = normalized(filled, known)
        return ids, numbers

    def cardinalities(self):
        """List of how many ids each categorical column has, id 0 among them."""
        return [len(known) + 1 for known in self.categories.values()]

    def to_json(self):
        """All of it as text."""
        return as_json(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text):
        """Undo `to_json`."""
        return cls(**json.loads(text))


def embedding_size(num_ids, rule):
    """Numbers per category of a column: "fastai", 1.6 n ** 0.56, at most 600; "half" of n, at most 50; or a number."""
    if rule == "fastai":
        return min(600, round(1.6 * num_ids**0.56))
    return min(50, (num_ids + 1) // 2) if rule == "half" else int(rule)


def infer_kinds(columns, overrides, few=8):
    """What kind each column is of.

    Args:
        columns: Dict from name to array of shape `(n,)`, as `columns_of` returns it.
        overrides: Dict from name to one of `KINDS`, or to "ignore".
        few: Integer: whole numbers of at most so many distinct values are categories.

    Returns:
        Dict from name to kind; a column that says the same in all rows is left out.

    Raises:
        ValueError: If `overrides` names a column that is not there, or another kind.
    """
    for name, kind in overrides.items():
        require(name in columns, "overrides", f"of the columns {', '.join(columns)}", name)
        require(kind in (*KINDS, "ignore"), "overrides", f"one of {(*KINDS, 'ignore')} for {name!r}", kind)
    kinds = {name: overrides.get(name) or kind_of(column, few) for name, column in columns.items()}
    return {name: kind for name, kind in kinds.items() if kind != "ignore"}


def kind_of(column, few):
    """The kind of a column by its values."""
    if column.dtype.kind == "f":
        values = np.unique(column)  # NaN once
        if len(values) < 2:
            return "ignore"
        values = values[~np.isnan(values)]
        return "category" if len(values) <= few and (values == np.floor(values)).all() else "number"
    texts = np.unique(column)
    if len(texts) < 2:
        return "ignore"
    return "category" if np.isnat(as_dates(texts[texts != ""])).any() else "date"


def as_texts(column):
    """Strings of a column, "" for what is missing; a number is written the same way whatever it was read from."""
    values, places = np.unique(column, return_inverse=True)
    return np.array([as_text(value) for value in values])[places]


def as_text(value):
    """A category as a string: 7, 7.0 and "07" are one."""
    number = number_in(str(value))
    if number is None:
        return str(value)
    return "" if np.isnan(number) else f"{number:.0f}" if number.is_integer() else repr(number)


def as_numbers(column):
    """Float64 of a column, NaN for what is no number."""
    if column.dtype.kind == "f":
        return column
    values, places = np.unique(column, return_inverse=True)

    def number(text):
        found = number_in(text)
        return np.nan if found is None else found

    return np.array([number(text) for text in values])[places]


def as_dates(column):
    """Datetime64, to the second, of a column of ISO 8601 strings; NaT for what is none."""

    def date(text):
        try:
            return np.datetime64(text.replace(" ", "T", 1), "s") if text[4:5] == "-" else np.datetime64("NaT", "s")
        except ValueError:
            return np.datetime64("NaT", "s")

    values, places = np.unique(column.astype(str), return_inverse=True)
    return np.array([date(text) for text in values], "datetime64[s]")[places]


def date_parts(column):
    """Parts of the dates of a column, a dict from name to an array; NaN or "" where there is none."""
    dates = as_dates(column)
    days, years = dates.astype("datetime64[D]"), dates.astype("datetime64[Y]")
    months, gone = dates.astype("datetime64[M]"), np.isnat(dates)
    since = np.where(gone, np.nan, days.astype("int64").astype("float64"))
    return {
        "month": np.where(gone, np.nan, months.astype("int64") % 12 + 1),
        "weekday": np.where(gone, np.nan, (days.astype("int64") + 3) % 7),  # 0 is Monday, and 1970 began on a Thursday
        "day": np.where(gone, np.nan, (days - months).astype("int64") + 1),
        "year": np.where(gone, np.nan, years.astype("int64") + 1970),
        "day of the year": np.where(gone, np.nan, (days - years).astype("int64") + 1),
        "days since 1970": since,
        "hour": np.where(gone, np.nan, (dates - days).astype("int64") / 3600),
    }


def normalization_of(column, kind):
    """What normalizes a column: the `median`, and `mean` and `scale`, or the points `x` and `y` of a curve."""
    there = column[~np.isnan(column)]
    there = there if len(there) else np.zeros(1)
    median = float(np.median(there))
    if kind == "standard":
        return {"median": median, "mean": float(there.mean()), "scale": float(there.std()) or 1.0}
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    knots, places = np.unique(np.quantile(there, shares), return_inverse=True)
    scores = np.array([NormalDist().inv_cdf(share) for share in shares])
    heights = np.bincount(places, scores) / np.bincount(places)  # where several shares have one value, their mean
    return {"median": median, "x": knots.tolist(), "y": heights.tolist()}


def normalized(values, known):
    """Values normalized by what `normalization_of` returned."""
    if "x" in known:
        return np.interp(values, known["x"], known["y"])
    return (values - known["mean"]) / known["scale"]
