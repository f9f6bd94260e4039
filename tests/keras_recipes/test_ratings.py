import zipfile

import numpy as np
import pytest

from keras_recipes import ratings as module
from keras_recipes.ratings import index_of, read_ratings, synthetic_ratings


@pytest.fixture
def data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    return tmp_path


FILES = {  # as their publishers write them
    "movielens-latest-small": {
        "ratings.csv": "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n2,20,0.5,964981247\n",
        "movies.csv": 'movieId,title,genres\n10,"American President, The (1995)",Drama\n20,Heat (1995),Action\n',
    },
    "movielens-100k": {
        "u.data": "1\t10\t4\t964982703\n2\t20\t0.5\t964981247\n",
        "u.genre": "Action|0\nDrama|1\n\n",
        "u.item": "10|American President, The (1995)|01-Jan-1995||url|0|1\n20|Heat (1995)|01-Jan-1995||url|1|0\n",
    },
    "movielens-1m": {
        "ratings.dat": "1::10::4::964982703\n2::20::0.5::964981247\n",
        "movies.dat": "10::American President, The (1995)::Drama\n20::Heat (1995)::Action\n",
    },
}


@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "archive"])
@pytest.mark.parametrize("dataset", FILES)
def test_movielens_in_its_three_layouts(dataset, packed, data_folder):
    inside = module.MOVIELENS[dataset][0]
    if packed:
        with zipfile.ZipFile(data_folder / f"{inside}.zip", "w") as archive:
            for name, text in FILES[dataset].items():
                archive.writestr(f"{inside}/{name}", text)
    else:
        (data_folder / dataset).mkdir()
        for name, text in FILES[dataset].items():
            (data_folder / dataset / name).write_text(text)
    found = read_ratings(dataset)
    assert list(found.users) == ["1", "2"]
    assert list(found.items) == ["10", "20"]
    assert list(found.ratings) == [4.0, 0.5]
    assert list(found.timestamps) == [964982703, 964981247]
    assert {found.titles["10"], found.titles["20"]} == {"American President, The (1995)", "Heat (1995)"}
    assert found.genres == {"10": ["Drama"], "20": ["Action"]}


def write(folder, text):
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_own_csv_by_header_names(tmp_path):
    found = read_ratings(write(tmp_path, "\ufeffrating,extra,item,user\n3,x,tea,ann\n5,y,jam,bob\n"))
    assert list(found.users) == ["ann", "bob"]
    assert list(found.items) == ["tea", "jam"]
    assert list(found.ratings) == [3, 5]
    assert found.timestamps is None
    timed = read_ratings(write(tmp_path, "user,item,rating,timestamp\na,b,3,20\nc,d,5,10\n"))
    assert list(timed.timestamps) == [20, 10]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,item,stars\na,b,3\n", "a CSV file with columns user, item, rating, received .*stars"),
        ("", "a CSV file with columns user, item, rating"),
        ("user,item,rating\na,b,3\nc,d,nan\n", "`rating` must be finite in each row, row 2 .*, received nan"),
        ("user,item,rating\na,b,inf\nc,d,1\n", "`rating` must be finite in each row, row 1 .*, received inf"),
        ("user,item,rating\na,b,3\nc,d,good\n", "`rating` must be a number in each row, row 2, received 'good'"),
        ("user,item,rating\na,b,1e39\nc,d,1\n", "`rating` must be finite in each row, row 1"),
        ("user,item,rating\n,b,1\nc,d,1\n", r"`user and item` must be given in each row, row 1, received \('', 'b'\)"),
        ("rating,user,item\n3,a,b\n4,c\n", r"`user and item` must be given in each row, row 2, received \('c', None\)"),
        ("user,item,rating,timestamp\na,b,1,nan\nc,d,2,1\n", "`timestamp` must be finite in each row, row 1"),
        ("user,item,rating\na," + "b" * 200_000 + ",1\n", "a CSV file in UTF-8, received .*field larger"),
        ("user,item,rating\na,b\n", "`rating` must be a number in each row, row 1, received None"),
        ("user,item,rating,timestamp\na,b,1,noon\nc,d,2,1\n", "`timestamp` must be a number in each row, row 1"),
        ("user,item,rating\na,b,3\na,c,4\n", "ratings of two users or more, received .* with 1"),
        ("user,item,rating\n", "ratings of two users or more, received .* with 0"),
    ],
)
def test_bad_csv_is_a_value_error_that_says_where(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_ratings(write(tmp_path, text))


def test_another_encoding_is_a_value_error(tmp_path):
    (tmp_path / "latin.csv").write_bytes("user,item,rating\nJos\xe9,b,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a CSV file in UTF-8, received .*latin.csv"):
        read_ratings(str(tmp_path / "latin.csv"))


def test_a_broken_archive_is_a_value_error(data_folder):
    (data_folder / "ml-1m.zip").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"an archive as it was published, received .*ml-1m.zip"):
        read_ratings("movielens-1m")


def test_missing_file_lists_the_known_sets(tmp_path):
    with pytest.raises(ValueError, match="'synthetic', 'movielens-latest-small', 'movielens-100k', 'movielens-1m'"):
        read_ratings(str(tmp_path / "none.csv"))


def test_synthetic_ratings_hold_what_was_planted():
    found = synthetic_ratings(200, seed=1, rank=2, noise=0.0)
    dense = np.full((200, 200), np.nan)
    dense[found.users, found.items] = found.ratings
    assert np.isfinite(dense).sum(axis=1).tolist() == [80] * 200
    again = synthetic_ratings(80, seed=1, noise=0.0)  # every pair rated: mean + two biases + rank 2
    dense = np.zeros((80, 80))
    dense[again.users, again.items] = again.ratings
    values = np.linalg.svd(dense, compute_uv=False)
    assert values[3] > 1
    assert values[4] < 1e-9
    noisy = synthetic_ratings(80, seed=1, noise=0.3)
    np.testing.assert_array_equal(noisy.items, again.items)
    assert abs(np.std(noisy.ratings - again.ratings) - 0.3) < 0.01


def test_index_of_counts_from_one_and_gives_zero_to_strangers():
    known = np.array(["a", "c", "e"])
    assert list(index_of(np.array(["c", "b", "e", "zzz", "a"]), known)) == [2, 0, 3, 0, 1]
