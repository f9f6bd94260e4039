import pytest

from keras_recipes import __version__
from keras_recipes.copying import bundle, copy, difference, recipe_module, recipe_names, recipe_path, summary

TOY = "=== toy.py\nX = 1\n"


def test_recipes_are_the_files_of_the_folder(plant):
    folder = plant(TOY)["recipes"]
    (folder / "another.py").write_text('"""Another.\n\nMore."""\n')
    for name in ("empty.py", "_hidden.py", "__init__.py", "notes.md"):
        (folder / name).touch()
    assert recipe_names(folder) == ["another", "empty", "toy"]
    assert recipe_path("toy", folder) == folder / "toy.py"
    assert recipe_module("toy", folder) == "recipes.toy"
    assert summary("another", folder) == "Another."
    assert summary("empty", folder) == ""


@pytest.mark.parametrize("function", [recipe_path, recipe_module, summary])
def test_an_unknown_recipe_is_answered_with_those_known(plant, function):
    folder = plant(TOY)["recipes"]
    (folder / "another.py").touch()
    with pytest.raises(ValueError, match="there is no recipe 'toi', but: another, toy"):
        function("toi", folder)


def test_there_are_recipes():
    assert recipe_names()


@pytest.mark.parametrize(
    ("destination", "expected"),
    [(".", "toy.py"), ("there", "there/toy.py"), ("new/er/", "new/er/toy.py"), ("there/own.py", "there/own.py")],
)
def test_copy_finds_its_place(plant, tmp_path, monkeypatch, destination, expected):
    folders = plant(TOY)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    path = copy("toy", destination, **folders)
    assert path.samefile(tmp_path / expected)
    assert path.read_text() == bundle("toy", path.name, **folders)


def test_copy_refuses_a_folder_that_is_not_there(plant, tmp_path):
    with pytest.raises(ValueError, match=r"no folder .*new: end it with /"):
        copy("toy", tmp_path / "new", **plant(TOY))
    assert not (tmp_path / "new").exists()


def test_copy_keeps_what_is_there_unless_forced(plant, tmp_path):
    folders = plant(TOY)
    (tmp_path / "toy.py").write_text("mine")
    with pytest.raises(FileExistsError, match=r"toy.py exists already; --force replaces it"):
        copy("toy", tmp_path, **folders)
    assert (tmp_path / "toy.py").read_text() == "mine"
    copy("toy", tmp_path, force=True, **folders)
    assert (tmp_path / "toy.py").read_text() == bundle("toy", **folders)


def test_weights_come_with_the_block_that_they_lie_beside(plant, tmp_path):
    folders = plant("""
        === toy.py
        from keras_recipes.eye import see
        def look():
            return see
        === eye.py
        def see():
            return 1
        === ear.py
        def hear():
            return 1
    """)
    for name in ("eye", "ear"):
        (folders["package"] / f"{name}.safetensors").write_bytes(name.encode())
    place = tmp_path / "place"
    copy("toy", f"{place}/", **folders)
    assert {file.name for file in place.iterdir()} == {"toy.py", "eye.safetensors"}
    assert (place / "eye.safetensors").read_bytes() == b"eye"
    (place / "toy.py").unlink()
    copy("toy", place, **folders)  # the same weights are no obstacle
    (place / "toy.py").unlink()
    (place / "eye.safetensors").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"eye.safetensors exists already"):
        copy("toy", place, **folders)
    assert not (place / "toy.py").exists()
    copy("toy", place, force=True, **folders)
    assert (place / "eye.safetensors").read_bytes() == b"eye"


def test_copy_leaves_nothing_but_the_copy(plant, tmp_path):
    copy("toy", f"{tmp_path}/place/", **plant(TOY))
    assert [file.name for file in (tmp_path / "place").iterdir()] == ["toy.py"]


def test_a_copy_that_fails_leaves_the_old_file(plant, tmp_path, monkeypatch):
    folders = plant(TOY)
    (tmp_path / "toy.py").write_text("mine")

    def write_half(path, data):
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.write_bytes", write_half)
    with pytest.raises(OSError, match="disk full"):
        copy("toy", tmp_path, force=True, **folders)
    assert (tmp_path / "toy.py").read_text() == "mine"


def test_difference_leads_from_the_file_to_the_recipe_of_now(plant, tmp_path):
    folders = plant(TOY)
    path = copy("toy", tmp_path / "own.py", **folders)
    assert difference("toy", path, **folders) == ""
    path.write_text(path.read_text().replace("X = 1", "X = 2"))
    lines = difference("toy", path, **folders).splitlines()
    assert lines[0] == f"--- {path}"
    assert lines[1] == f"+++ toy of keras-recipes {__version__}"
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-X = 2", "+X = 1"]


def test_difference_needs_a_file(plant, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent.py"):
        difference("toy", tmp_path / "absent.py", **plant(TOY))
