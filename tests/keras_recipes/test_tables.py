import io
import tarfile

import numpy as np
import pandas
import polars
import pytest

from keras_recipes import tables
from keras_recipes.tables import columns_of, read_columns, read_tables, synthetic_table

FRAME = {"name": ["a", "b", None, " c "], "number": [1.0, 2.5, None, 4.0], "flag": [True, False, True, True]}


def same(one, other):
    assert list(one) == list(other)
    for name, column in one.items():
        np.testing.assert_array_equal(column, other[name])
        assert column.dtype.kind == other[name].dtype.kind


def test_frames_of_all_kinds_and_files_give_the_same_columns(tmp_path):
    found = columns_of(FRAME)
    assert found["name"].tolist() == ["a", "b", "", "c"]
    np.testing.assert_array_equal(found["number"], [1, 2.5, np.nan, 4])
    np.testing.assert_array_equal(found["flag"], [1, 0, 1, 1])
    same(columns_of(pandas.DataFrame(FRAME)), found)
    same(columns_of(polars.DataFrame(FRAME)), found)
    (tmp_path / "table.csv").write_text("name,number,flag\na,1,True\nb,2.5,False\n?,NA,true\n c ,4,TRUE\n")
    same(read_columns(tmp_path / "table.csv"), found)


def test_what_is_no_number_stays_what_it_is():
    texts = {
        "separated": ["1_2", "12", "3_4"],
        "accounts": ["1234567890123456", "1234567890123457", "7"],
        "huge": ["1e999", "2e999", "1"],
    }
    for name, column in columns_of(texts).items():
        assert column.tolist() == texts[name]
    whole = [1234567890123456, 1234567890123457, 7]
    assert columns_of({"accounts": whole})["accounts"].tolist() == texts["accounts"]
    assert columns_of({"few": [True, None, False]})["few"].tolist()[::2] == [1.0, 0.0]
    np.testing.assert_array_equal(columns_of({"long": ["123456789012345", "1e5"]})["long"], [123456789012345, 1e5])


def test_columns_of_pandas_own_kinds():
    frame = pandas.DataFrame(
        {
            "kind": pandas.Categorical(["x", None, "y"]),
            "whole": pandas.array([1, None, 3], dtype="Int64"),
            "when": pandas.to_datetime(["2024-02-29 00:00", None, "2026-11-28 13:00"]),
        }
    )
    found = columns_of(frame)
    assert found["kind"].tolist() == ["x", "", "y"]
    np.testing.assert_array_equal(found["whole"], [1, np.nan, 3])
    assert [text[:13] for text in found["when"]] == ["2024-02-29T00", "", "2026-11-28T13"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "a table of 2 columns, row 2"),
        ("a,a\n1,2\n", "distinct names"),
        ("a,b\n", "a table with rows"),
        ("", "a table with rows"),
    ],
)
def test_files_that_are_no_tables(tmp_path, text, message):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_columns(tmp_path / "table.csv")


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="a CSV file in UTF-8"):
        read_columns(tmp_path / "table.csv")


def test_columns_of_different_lengths():
    with pytest.raises(ValueError, match="`frame` must be columns of one length"):
        columns_of({"a": [1, 2], "b": [1]})
    with pytest.raises(ValueError, match="`frame` must be a table with columns"):
        columns_of({})


def test_adult(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    (tmp_path / "adult").mkdir()
    row = "39, State-gov, 77516, Bachelors, 13, Never-married, ?, Not-in-family, White, Male, 2174, 0, 40, Peru, <=50K"
    other = row.replace("39", "50", 1).replace("?", "Sales").replace("<=50K", ">50K")
    (tmp_path / "adult" / "adult.data").write_text(f"{row}\n{other}\n\n")
    (tmp_path / "adult" / "adult.test").write_text(f"|1x3 Cross validator\n{other}.\n")
    train, test, target = read_tables("adult", "")
    assert target == "income"
    assert train["income"].tolist() == ["<=50K", ">50K"]
    assert test["income"].tolist() == [">50K"]
    assert train["age"].tolist() == [39, 50]
    assert train["occupation"].tolist() == ["", "Sales"]
    assert len(train) == 15


def test_california_housing_from_its_archive(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    content = b"-122.23,37.88,41,880,129,322,126,8.3252,452600\n-122.22,37.86,21,7099,1106,2401,1138,8.3014,358500\n"
    with tarfile.open(tmp_path / "cal_housing.tgz", "w:gz") as archive:
        member = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    columns, test, target = read_tables("california_housing", "")
    assert (target, test) == ("price", None)
    np.testing.assert_allclose(columns["price"], [4.526, 3.585])
    np.testing.assert_allclose(columns["rooms"], [880 / 126, 7099 / 1138])  # as scikit-learn has them: 6.98, 6.24
    (tmp_path / "california_housing").mkdir()
    (tmp_path / "california_housing" / "cal_housing.data").write_bytes(content)
    (tmp_path / "cal_housing.tgz").unlink()
    same(read_tables("california_housing", "").train, columns)


def test_the_checksums_are_those_of_scikit_learn():
    from sklearn.datasets import _california_housing

    assert _california_housing.ARCHIVE.checksum == tables.CALIFORNIA_SHA256


def test_targets_of_a_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,c\n1,2,3\n4,5,6\n")
    assert read_tables(str(path), "").target == "c"
    assert read_tables(str(path), "a,b").target == "a,b"
    with pytest.raises(ValueError, match="`target` must be among the columns a, b, c, received 'd'"):
        read_tables(str(path), "d")


def test_the_synthetic_table_holds_what_is_planted():
    columns, effects = synthetic_table(4000, 0)
    assert {name: len(effect) for name, effect in effects.items()} == {"shop": 40, "product": 100}
    rest = columns["target"] - np.sin(6 * columns["number"])
    for name, effect in effects.items():
        rest = rest - effect[[int(text.split()[1]) for text in columns[name]]]
    assert rest.std() == pytest.approx(0.5, rel=0.05)
    assert abs(rest.mean()) < 0.05
