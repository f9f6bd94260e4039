"""The backends of this project, and the choice of one before Keras is imported."""

import importlib.metadata
import json
import os
import re
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "keras-recipes"
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


class NoBackendError(ImportError):
    """No backend, or not the one asked for, is installed; the message says how to get it."""


def project(pyproject=PYPROJECT):
    """What pyproject.toml says about this project, also where only the installed package is left.

    Args:
        pyproject: `Path` of the file; one of another project is not read.

    Returns:
        Dict with at least `license`, `requires-python`, `dependencies` (list of
        requirements) and `optional-dependencies` (dict from extra to such a list).

    Raises:
        importlib.metadata.PackageNotFoundError: If this is neither a checkout
            nor installed.
    """
    if pyproject.is_file():
        table = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("project", {})
        if table.get("name") == DISTRIBUTION:
            return table
    return project_of_metadata(importlib.metadata.metadata(DISTRIBUTION))


def project_of_metadata(metadata):
    """The same table, put together again from an installed package's metadata."""
    extras = {extra: [] for extra in metadata.get_all("Provides-Extra", [])}
    dependencies = []
    for line in metadata.get_all("Requires-Dist", []):
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"]([^'\"]+)['\"]", marker)
        (extras[extra[1]] if extra else dependencies).append(requirement.strip())
    return {
        "license": metadata["License-Expression"],
        "requires-python": metadata["Requires-Python"],
        "dependencies": dependencies,
        "optional-dependencies": extras,
    }


def backends():
    """Names of the backends, as a list: the extras of this project that hold no "-"."""
    return [extra for extra in project()["optional-dependencies"] if "-" not in extra]


def choose_backend(environ=os.environ):
    """Set `KERAS_BACKEND` where Keras' own choice would end in an ImportError.

    Nothing happens if Keras is imported already, if `KERAS_BACKEND` is set, or
    if Keras' default is installed. Otherwise the first backend that is
    installed serves, and a line on stderr says so.

    Args:
        environ: Dict of environment variables.

    Raises:
        NoBackendError: If no backend is installed, or not the one that is asked for.
    """
    chosen = environ.get("KERAS_BACKEND")
    if chosen in backends() and not find_spec(chosen):
        raise NoBackendError(f'KERAS_BACKEND is {chosen}, which is missing: pip install "{DISTRIBUTION}[{chosen}]"')
    if "keras" in sys.modules or chosen:
        return
    default = keras_default(environ)
    installed = [name for name in (default, *backends()) if find_spec(name)]
    if not installed:
        first, *others = backends()
        raise NoBackendError(
            f'Keras needs a backend: pip install "{DISTRIBUTION}[{first}]" (or [{"], [".join(others)}])'
        )
    if installed[0] != default:
        environ["KERAS_BACKEND"] = installed[0]
        print(f"{DISTRIBUTION}: KERAS_BACKEND is not set; using {installed[0]}.", file=sys.stderr)


def keras_default(environ):
    """The backend that Keras takes when `KERAS_BACKEND` is not set."""
    keras_json = Path(environ.get("KERAS_HOME", "~/.keras"), "keras.json").expanduser()
    try:
        return json.loads(keras_json.read_text(encoding="utf-8"))["backend"]
    except (OSError, ValueError, KeyError):  # no such file, no JSON, no such entry: as Keras sees it
        return "tensorflow"
