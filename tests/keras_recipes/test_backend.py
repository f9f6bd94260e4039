import sys
from email.message import Message

import pytest

from keras_recipes import backend
from keras_recipes.backend import NoBackendError, backends, choose_backend, project, project_of_metadata


@pytest.fixture
def choose(monkeypatch, tmp_path):
    """Call `choose_backend` where just `installed` is installed; return the environment it leaves."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)

    def choose_among(*installed, keras_json=None, **environ):
        monkeypatch.setattr(backend, "find_spec", lambda name: name if name in installed else None)
        if keras_json is not None:
            (tmp_path / "keras.json").write_text(keras_json)
        environ = {"KERAS_HOME": str(tmp_path), **environ}
        choose_backend(environ)
        return environ.get("KERAS_BACKEND")

    return choose_among


def test_backends_are_the_extras_without_a_dash():
    assert {"jax", "tensorflow", "torch"} <= set(backends())
    assert not [name for name in backends() if "-" in name]


def test_project_is_read_from_this_checkout(tmp_path):
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text('[project]\nname = "keras-recipes"\ndependencies = ["here"]\n')
    assert project(pyproject)["dependencies"] == ["here"]


@pytest.mark.parametrize("text", [None, "[tool.x]\n", '[project]\nname = "another"\ndependencies = ["here"]\n'])
def test_project_is_read_from_the_installed_package_elsewhere(tmp_path, monkeypatch, text):
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    installed = Message()
    installed["Requires-Dist"] = "there"
    monkeypatch.setattr(backend.importlib.metadata, "metadata", {"keras-recipes": installed}.get)
    assert project(tmp_path / "pyproject.toml")["dependencies"] == ["there"]


def test_metadata_gives_the_same_as_pyproject():
    installed = Message()
    for field, value in [
        ("License-Expression", "MIT-0"),
        ("Requires-Python", ">=3.11"),
        ("Requires-Dist", "keras>=3.15"),
        ("Requires-Dist", "numpy>=1.26; python_version > '3'"),
        ("Provides-Extra", "jax"),
        ("Requires-Dist", "jax>=0.6; extra == 'jax'"),
        ("Provides-Extra", "jax-cuda12"),
        ("Requires-Dist", 'jax[cuda12]>=0.6 ; (python_version > "3") and extra == "jax-cuda12"'),
    ]:
        installed[field] = value
    assert project_of_metadata(installed) == {
        "license": "MIT-0",
        "requires-python": ">=3.11",
        "dependencies": ["keras>=3.15", "numpy>=1.26"],
        "optional-dependencies": {"jax": ["jax>=0.6"], "jax-cuda12": ["jax[cuda12]>=0.6"]},
    }


def test_a_backend_that_is_set_stays(choose, capsys):
    assert choose("jax", "torch", KERAS_BACKEND="torch") == "torch"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("environ", [{}, {"KERAS_BACKEND": ""}])
def test_the_default_of_keras_stays_where_it_is_installed(choose, capsys, environ):
    assert not choose("jax", "tensorflow", "torch", **environ)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("keras_json", ['{"epsilon": 1}', "no JSON", "", '{"backend": "tensorflow"}'])
def test_tensorflow_is_the_default_unless_keras_json_says_otherwise(choose, keras_json):
    assert choose("jax", "tensorflow", keras_json=keras_json) is None
    assert choose("jax", "torch", keras_json=keras_json) == "jax"


def test_keras_json_says_otherwise(choose, capsys):
    assert choose("jax", "torch", keras_json='{"backend": "torch"}') is None
    assert capsys.readouterr().err == ""
    assert choose("jax", "tensorflow", keras_json='{"backend": "torch"}') == "jax"


def test_keras_json_is_looked_for_in_the_home_folder(choose, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"backend": "torch"}')
    assert backend.keras_default({}) == "torch"


def test_the_first_installed_backend_serves_otherwise(choose, capsys):
    assert choose("torch") == "torch"
    assert choose("torch", "jax", KERAS_BACKEND="") == "jax"
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"keras-recipes: KERAS_BACKEND is not set; using {name}." for name in ("torch", "jax")]


def test_no_backend_says_what_to_install(choose):
    with pytest.raises(NoBackendError, match=r'pip install "keras-recipes\[jax\]" \(or \[tensorflow\], \[torch\]\)'):
        choose("numpy")


def test_nothing_happens_once_keras_is_imported(choose, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    assert choose("jax") is None


def test_a_backend_that_is_asked_for_and_missing_is_named(monkeypatch):
    monkeypatch.setattr("keras_recipes.backend.find_spec", lambda name: None)
    with pytest.raises(NoBackendError, match=r"KERAS_BACKEND is torch, which is missing: pip install .*\[torch\]"):
        choose_backend({"KERAS_BACKEND": "torch"})
