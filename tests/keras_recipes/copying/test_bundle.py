import os
import re
import shutil
import subprocess
import sys

import pytest

from keras_recipes import __version__
from keras_recipes.copying import bundle, copy

GOLDEN = '''
=== toy.py
import keras
import numpy as np

from keras_recipes.layers import Twice
from keras_recipes.numbers import LIMIT, mean

SIZE = 3  # of what it makes
# Comment above
LIMITED = SIZE < 5


def main():
    print(Twice()(keras.ops.ones(SIZE)) + mean(np.ones(SIZE)) + LIMIT)


# Comment at the end
=== layers/__init__.py
"""Layers."""

from keras_recipes.layers.twice import Twice as Twice
=== layers/twice.py
"""A layer."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recipes")
class Twice(keras.layers.Layer):
    """Doubles."""

    def call(self, inputs):
        """Double."""
        return ops.multiply(inputs, 2)
=== numbers.py
"""Numbers."""

import math
import os
from importlib import metadata

import numpy as np

LIMIT = 10  # at most
# The least
LEAST = 1


# Comment above,
# on two lines
def mean(values):
    """The mean."""
    return math.fsum(values) / count(values)


def unused(values):
    """Nobody calls this."""
    return os.fspath(metadata.version(values))


def count(values):
    """How many."""
    return max(len(np.asarray(values)), LEAST)
'''
GOLDEN_COPY = '''\
"""A toy.

Copied from keras-recipes {version}, licence MIT-0: do with it what you like.
What changed there since: keras-recipes diff toy mine.py
"""

import json
import math
import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

{choice}

import keras
import numpy as np
from keras import ops

SIZE = 3  # of what it makes
# Comment above
LIMITED = SIZE < 5


def main():
    print(Twice()(keras.ops.ones(SIZE)) + mean(np.ones(SIZE)) + LIMIT)


# Building blocks of the recipe, from keras_recipes.


@keras.saving.register_keras_serializable(package="keras_recipes")
class Twice(keras.layers.Layer):
    """Doubles."""

    def call(self, inputs):
        """Double."""
        return ops.multiply(inputs, 2)


LIMIT = 10  # at most
# The least
LEAST = 1


# Comment above,
# on two lines
def mean(values):
    """The mean."""
    return math.fsum(values) / count(values)


def count(values):
    """How many."""
    return max(len(np.asarray(values)), LEAST)


# Comment at the end


if __name__ == "__main__":
    main()
'''
BLOCKS_FIRST = """
=== toy.py
from keras_recipes.base import SIZE, Base


class Model(Base):
    size = SIZE
=== base.py
import keras

SIZE = 3


class Base(keras.Model):
    pass
"""
CLASS_FIRST = """
=== toy.py
import keras


class Model(keras.Model):
    pass


def main():
    print(Model)
"""
IMPORTS = """
=== toy.py
from __future__ import annotations

import math, os.path, xml.sax, xml.dom
from math import log10, log2
from math import log1p
from json import loads, dumps as to_json, dump as a_dump

import numpy as np, numpy
import keras, matplotlib.pyplot as plt
from PIL import Image
from keras import ops, Model, layers, KerasTensor
from keras.activations import tanh, relu as rectify
from keras.ops import a_rather_long_name_to_import_1, a_rather_long_name_to_import_2, a_rather_long_name_to_import_3
from keras.ops import a_rather_long_name_to_import_10, PI, add, Add

USED = (math, os, xml, log10, log2, log1p, loads, to_json, a_dump, np, numpy, keras, plt, Image, ops, Model, layers)
ALSO = (KerasTensor, tanh, rectify, a_rather_long_name_to_import_1, a_rather_long_name_to_import_2, PI, add, Add)
LAST = (a_rather_long_name_to_import_3, a_rather_long_name_to_import_10)
"""
SORTED_IMPORTS = """\
from __future__ import annotations

import json
import math
import os
import os.path
import xml.dom
import xml.sax
from contextlib import suppress
from importlib.util import find_spec
from json import dump as a_dump
from json import dumps as to_json
from json import loads
from math import log1p, log2, log10
from pathlib import Path

{choice}

import keras
import matplotlib.pyplot as plt
import numpy
import numpy as np
from keras import KerasTensor, Model, layers, ops
from keras.activations import relu as rectify
from keras.activations import tanh
from keras.ops import (
    PI,
    Add,
    a_rather_long_name_to_import_1,
    a_rather_long_name_to_import_2,
    a_rather_long_name_to_import_3,
    a_rather_long_name_to_import_10,
    add,
)
from PIL import Image

USED ="""


def choice_in(source):
    """The lines of a copy that choose a backend."""
    return re.search(r"^if not os.environ(.*\n)+?(?=\nimport keras)", source, flags=re.MULTILINE)[0].strip()


def test_a_copy_reads_like_a_file_that_a_person_wrote(plant):
    source = bundle("toy", "mine.py", **plant(GOLDEN))
    _, _, after_metadata = source.partition("# ///\n\n")
    assert after_metadata == GOLDEN_COPY.format(version=__version__, choice=choice_in(source))


def test_imports_are_merged_and_sorted(plant):
    source = bundle("toy", **plant(IMPORTS))
    assert SORTED_IMPORTS.format(choice=choice_in(source)) in source


def test_an_import_stays_on_one_line_up_to_the_width(plant):
    first, second = "a" * 50, "b" * 51  # with the words around them 120 columns
    for longer, expected in [("", f"{first}, {second}\n"), ("b", f"(\n    {first},\n    {second}b,\n)\n")]:
        name = second + longer
        source = bundle("toy", **plant(f"=== toy.py\nfrom wide import {first}, {name}\n\nUSED = ({first}, {name})\n"))
        assert f"\nfrom wide import {expected}" in source


@pytest.mark.skipif(not shutil.which("ruff"), reason="ruff is in the dependency group `lint`")
@pytest.mark.parametrize(
    "files", [GOLDEN, BLOCKS_FIRST, CLASS_FIRST, IMPORTS], ids=["golden", "first", "class", "imports"]
)
@pytest.mark.parametrize("command", [["check", "--select=E,F,I"], ["format", "--check"]], ids=" ".join)
def test_a_copy_passes_ruff_as_it_is(plant, tmp_path, files, command):
    path = copy("toy", tmp_path, **plant(files))
    ruff = ["ruff", *command, "--isolated", "--no-cache", "--line-length=120", str(path)]
    result = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + path.read_text()


def test_a_copy_is_the_same_from_every_process(plant):
    program = (
        "import pathlib, sys; from keras_recipes.copying import bundle; "
        "print(bundle('toy', None, *map(pathlib.Path, sys.argv[1:])))"
    )
    command = [sys.executable, "-c", program, *map(str, plant(GOLDEN).values())]
    sources = {
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in "123"
    }
    assert len(sources) == 1
