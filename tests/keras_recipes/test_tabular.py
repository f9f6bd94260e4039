import numpy as np
import pytest
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer

from keras_recipes.tables import columns_of
from keras_recipes.tabular import TablePreprocessor, as_dates, as_texts, date_parts, embedding_size, infer_kinds

COLUMNS = columns_of(
    {
        "city": ["Rome", "Oslo", "Rome", "?", "Bonn", "Oslo"],
        "size": [1.0, 2.0, None, 4.0, 5.0, 6.0],
        "zip": ["07", "7", "8", "8", "8", "9"],
        "sold": ["2024-02-29", "2023-12-31 06:00", "", "2026-11-28", "1970-01-01", "2000-03-01"],
        "same": ["x"] * 6,
    }
)


def test_kinds_are_inferred_and_overridden():
    assert infer_kinds(COLUMNS, {}) == {"city": "category", "size": "category", "zip": "category", "sold": "date"}
    assert infer_kinds(COLUMNS, {"size": "number", "sold": "ignore"}) == {
        "city": "category",
        "size": "number",
        "zip": "category",
    }
    many = {"whole": np.arange(100.0), "few": np.arange(100.0) % 8, "parts": np.arange(100) % 8 / 2}
    assert infer_kinds(many, {}) == {"whole": "number", "few": "category", "parts": "number"}
    with pytest.raises(ValueError, match=r"`overrides` must be of the columns city.*received 'town'"):
        infer_kinds(COLUMNS, {"town": "category"})
    with pytest.raises(ValueError, match=r"`overrides` must be one of .* for 'city', received 'text'"):
        infer_kinds(COLUMNS, {"city": "text"})


def test_categories_have_ids_and_what_is_unknown_has_none():
    kinds = {"city": "category", "zip": "category"}
    found = TablePreprocessor.fit(COLUMNS, kinds)
    assert found.categories == {"city": ["Bonn", "Oslo", "Rome"], "zip": ["7", "8", "9"]}
    assert found.cardinalities() == [4, 4]
    ids, numbers = found.transform(COLUMNS)
    np.testing.assert_array_equal(ids, [[3, 1], [2, 1], [3, 2], [0, 2], [1, 2], [2, 3]])
    assert ids.dtype == np.int32
    assert numbers.shape == (6, 0)
    new = columns_of({"zip": [7, 8.0, None], "city": ["Paris", None, "Rome"]})
    np.testing.assert_array_equal(found.transform(new)[0], [[0, 1], [0, 2], [3, 0]])


def test_categories_that_differ_stay_apart():
    numbers = {"id": [1e14 + 1, 1e14 + 2, 0.1, 1 / 3, 0.3333333333333334]}
    assert len(set(as_texts(columns_of(numbers)["id"]).tolist())) == 5
    texts = ["1_2", "12", "1234567890123456", "1234567890123457", "1e999", "2e999"]
    assert as_texts(np.array(texts)).tolist() == texts


def test_rare_categories_count_as_unknown():
    found = TablePreprocessor.fit(COLUMNS, {"city": "category"}, min_count=2)
    assert found.categories == {"city": ["Oslo", "Rome"]}


def test_missing_numbers_have_the_median_and_a_flag():
    found = TablePreprocessor.fit(COLUMNS, {"size": "number"})
    ids, numbers = found.transform(COLUMNS)
    there = COLUMNS["size"][[0, 1, 3, 4, 5]]
    filled = np.where(np.isnan(COLUMNS["size"]), np.median(there), COLUMNS["size"])
    np.testing.assert_allclose(numbers[:, 0], (filled - there.mean()) / there.std(), rtol=1e-6)
    assert found.categories == {"size is missing": ["no", "yes"]}
    np.testing.assert_array_equal(ids[:, 0], [1, 1, 2, 1, 1, 1])
    others = found.transform({"size": np.array(["three", "", "inf"])})[1]  # none of these is a number to compute with
    np.testing.assert_allclose(others[:, 0], numbers[2, 0])


def test_a_number_that_is_missing_later_only():
    found = TablePreprocessor.fit({"x": np.arange(5.0)}, {"x": "number"})
    ids, numbers = found.transform({"x": np.array([np.nan])})
    assert ids.shape == (1, 0)
    np.testing.assert_array_equal(numbers, [[0.0]])


def test_quantiles_make_numbers_normal():
    column = np.random.default_rng(0).exponential(size=4000) ** 3
    found = TablePreprocessor.fit({"x": column}, {"x": "number"}, normalization="quantile")
    numbers = found.transform({"x": column})[1][:, 0]
    expected = QuantileTransformer(n_quantiles=200, output_distribution="normal").fit_transform(column[:, None])[:, 0]
    inner = np.abs(expected) < 2
    np.testing.assert_allclose(numbers[inner], expected[inner], atol=0.05)
    assert abs(numbers.mean()) < 0.01
    assert numbers.std() == pytest.approx(1, abs=0.02)
    assert norm.cdf(found.transform({"x": np.array([1e9])})[1])[0, 0] < 1  # no further than the last quantile


def test_quantiles_of_a_column_with_one_value():
    found = TablePreprocessor.fit({"x": np.ones(5)}, {"x": "number"}, normalization="quantile")
    assert np.isfinite(found.transform({"x": np.array([0.0, 1.0, 2.0])})[1]).all()


def test_parts_of_dates():
    parts = {name: part.tolist() for name, part in date_parts(COLUMNS["sold"]).items()}
    assert parts["month"][:2] == [2, 12]
    assert parts["day"][:2] == [29, 31]
    assert parts["year"][:2] == [2024, 2023]
    assert parts["weekday"] == pytest.approx([3, 6, np.nan, 5, 3, 2], nan_ok=True)  # Thursday, Sunday, …
    assert parts["day of the year"] == pytest.approx([60, 365, np.nan, 332, 1, 61], nan_ok=True)
    assert parts["days since 1970"][4] == 0
    assert parts["hour"][:2] == [0, 6]
    assert np.isnat(as_dates(np.array(["2024-13-01", "tomorrow", "1234"]))).all()


def test_dates_become_categories_and_numbers():
    found = TablePreprocessor.fit(COLUMNS, {"sold": "date"})
    ids, numbers = found.transform(COLUMNS)
    assert list(found.numbers) == ["sold: year", "sold: day of the year", "sold: days since 1970", "sold: hour"]
    assert ids.shape == (6, 3 + 4)  # month, weekday, day; and a flag for each number, as one date is missing
    assert np.isfinite(numbers).all()
    assert ids[2, :3].tolist() == [0, 0, 0]


def test_is_kept_as_json():
    kinds = infer_kinds(COLUMNS, {"size": "number"})
    found = TablePreprocessor.fit(COLUMNS, kinds, normalization="quantile")
    again = TablePreprocessor.from_json(found.to_json())
    assert again == found
    for one, other in zip(again.transform(COLUMNS), found.transform(COLUMNS), strict=True):
        np.testing.assert_array_equal(one, other)


def test_texts_of_numbers_are_the_same_from_wherever():
    assert as_texts(np.array(["007", "7.0", "seven", ""])).tolist() == ["7", "7", "seven", ""]
    assert as_texts(np.array([7.0, np.nan, 0.1])).tolist() == ["7", "", "0.1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_count": 0}, "`min_count` must be"),
        ({"normalization": "minmax"}, "`normalization` must be one of"),
        ({"kinds": {"size": "text"}}, "`kinds` must be one of .* for 'size', received 'text'"),
        ({"kinds": {"town": "number"}}, "`kinds` must be of the columns city"),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        TablePreprocessor.fit(COLUMNS, **{"kinds": {"size": "number"}, **changes})


def test_infinite_numbers_and_missing_columns():
    with pytest.raises(ValueError, match="`x` must be finite numbers"):
        TablePreprocessor.fit({"x": np.array([1.0, np.inf])}, {"x": "number"})
    found = TablePreprocessor.fit(COLUMNS, {"city": "category"})
    with pytest.raises(ValueError, match="`columns` must be a table with the column 'city', received 'size'"):
        found.transform({"size": np.ones(3)})


def test_sizes_of_embeddings():
    sizes = [2, 10, 1000, 100_000]
    rules = {"fastai": [2, 6, 77, 600], "half": [1, 5, 50, 50], "7": [7, 7, 7, 7]}
    for rule, expected in rules.items():
        assert [embedding_size(size, rule) for size in sizes] == expected
