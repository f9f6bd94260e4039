"""Recipes and blocks keep from what differs between backends: `avoid` in known_differences.toml."""

from pathlib import Path

import pytest

from backends_matrix.layers_and_ops.avoid import uses
from backends_matrix.layers_and_ops.known import read_known

ROOT = Path(__file__).parents[1]
AVOID = sorted({use for entry in read_known() for use in entry.avoid})
ALLOWED = {("keras_recipes/layers/embedding.py", "keras.layers.Embedding")}  # the block that mends it
PLANTED = {
    "with": "from keras import {module}\n{module}.{name}(x, {argument})\n",
    "without": "from keras import {module}\n{module}.{name}(x, 2)\n",
    "": "import keras\nkeras.{module}.{name}(x)\n",
}


def planted(use):
    """A source text that does what is to be avoided."""
    if use == "augmented assignment in call":
        return "class A:\n    def call(self, x):\n        x += 1\n        return x\n"
    name, _, condition = use.partition(" ")
    _, module, rest = name.split(".", 2)
    word, _, argument = condition.partition(" ")
    return PLANTED[word].format(module=module, name=rest, argument=argument)


@pytest.mark.parametrize("use", AVOID)
def test_the_lint_finds_each(use):
    assert use in {found for _, found in uses(planted(use), AVOID)}


def test_the_lint_sees_through_names_and_positions():
    source = """
from keras.ops import nn
from keras.layers import AvgPool2D as Pool
import keras as k
nn.max_pool(x, 2)
Pool(2, None, "same")
k.random.shuffle(x)
class Table(k.layers.Embedding): pass
"""
    assert [line for line, _ in uses(source, AVOID)] == [5, 6, 7, 8]


def test_the_lint_lets_pass_what_is_fine():
    source = """
import numpy as np
from keras import layers, ops
from keras_recipes.layers import Embedding
ops.max_pool(x, 2, 2)
layers.AveragePooling2D(2, padding="valid")
ops.image.gaussian_blur(x, data_format="channels_last")
Embedding(5, 3)
np.random.shuffle(x)
def fit(self):
    self.step += 1
"""
    assert uses(source, AVOID) == []


def test_a_name_that_keras_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"has no 'keras\.ops\.nothing'"):
        uses("", ["keras.ops.nothing"])


@pytest.mark.parametrize("package", ["recipes", "keras_recipes"])
def test_recipes_and_blocks_avoid_what_differs(package):
    found = [
        f"{place}:{line} uses {use}, which differs between backends: docs/where_keras_backends_differ.md"
        for path in sorted((ROOT / package).rglob("*.py"))
        for place in [path.relative_to(ROOT).as_posix()]
        for line, use in uses(path.read_text(encoding="utf-8"), AVOID)
        if (place, use) not in ALLOWED
    ]
    assert not found, "\n".join(found)
