import os
import re
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def plant(tmp_path):
    """Write the recipe `toy` and blocks from one text, each after a line `=== path`; return the folders for `bundle`.

    `toy.py` gets a docstring and a blank line in front, and the call of its
    `main`, if it has one, at the end.
    """

    def write(text):
        folders = {"recipes": tmp_path / "recipes", "package": tmp_path / "package"}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        _, *parts = re.split(r"^=== (.*)\n", textwrap.dedent(text), flags=re.MULTILINE)
        for name, source in zip(parts[::2], parts[1::2], strict=True):
            path = folders["recipes" if name == "toy.py" else "package"] / name
            if name == "toy.py":
                call = '\n\nif __name__ == "__main__":\n    main()\n' if "def main(" in source else ""
                source = f'"""A toy."""\n\n{source.rstrip()}\n{call}'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        return folders

    return write


@pytest.fixture
def run(tmp_path):
    """Run a copy where nothing can be imported but the standard library and the modules that the test names."""

    def run_source(source, modules=(), **environment):
        path = tmp_path / "copied_toy.py"
        path.write_text(source, encoding="utf-8")
        folder = tmp_path / "modules"
        folder.mkdir(exist_ok=True)
        for name in modules:
            (folder / f"{name}.py").write_text(f"NAME = {name!r}\n")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS", "PYTHON"))}
        variables = {**kept, "KERAS_HOME": str(tmp_path), "PYTHONPATH": str(folder), **environment}
        command = [sys.executable, "-S", str(path)]
        return subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run_source


@pytest.fixture
def words(run):
    """Run a copy whose backend is of no interest, and return the words that it prints."""

    def printed(source):
        result = run(source, KERAS_BACKEND="jax")
        assert result.returncode == 0, result.stderr
        return result.stdout.split()

    return printed
