import json

import pytest

from keras_recipes.files import as_json, write_file


def test_writes_text_and_bytes_into_new_folders(tmp_path):
    write_file(tmp_path / "a" / "b.txt", "grün\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "grün\n".encode()
    write_file(tmp_path / "a" / "b.txt", b"\x00")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"\x00"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_failure_keeps_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_file(path, "before")
    monkeypatch.setattr(type(path), "replace", lambda *_: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        write_file(path, "after")
    assert path.read_text() == "before"


def test_json_has_words_for_numbers_that_json_lacks():
    values = [float("nan"), {"x": (float("inf"), float("-inf"), 1.5)}]
    assert json.loads(as_json(values)) == ["nan", {"x": ["inf", "-inf", 1.5]}]


def test_json_keeps_every_bit_of_a_float():
    assert as_json({"x": 0.1 + 0.2}) == '{\n  "x": 0.30000000000000004\n}\n'
