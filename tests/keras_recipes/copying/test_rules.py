import re

import pytest

from keras_recipes.copying import bundle

# rule that is broken: (where the message must point, what it must say, files; toy.py begins in line 3)
BROKEN = {
    "two blocks define a name": ("b.py:5", "`same` has another meaning in .*a.py:5", """
=== toy.py
from keras_recipes.a import one
from keras_recipes.b import two
USED = (one, two)
=== a.py
def one():
    return same


def same(): ...
=== b.py
def two():
    return same


def same(): ...
"""),
    "block and recipe define a name": ("a.py:5", "`same` has another meaning in .*toy.py:5", """
=== toy.py
from keras_recipes.a import one
USED = one
def same(): ...
=== a.py
def one():
    return same


def same(): ...
"""),
    "what one defines the other imports": ("a.py:1", "`math` has another meaning in .*toy.py:5", """
=== toy.py
from keras_recipes.a import one
USED = one
def math(): ...
=== a.py
import math


def one():
    return math
"""),
    "two imports by one name": ("toy.py:3", "`np` has another meaning in .*a.py:1", """
=== toy.py
import numpy as np
from keras_recipes.a import one
USED = (one, np)
=== a.py
import jax.numpy as np


def one():
    return np
"""),
    "a name defined twice": ("toy.py:4", "`X` has another meaning in .*toy.py:3", """
=== toy.py
X = 1
X = 2
"""),
    "a module is imported": ("toy.py:3", "write `from keras_recipes.a import` and the names", """
=== toy.py
import keras_recipes.a
USED = keras_recipes.a
=== a.py
"""),
    "a module is imported by a block": ("a.py:2", "write `from keras_recipes.b import` and the names", """
=== toy.py
from keras_recipes.a import one
USED = one
=== a.py
import json
import keras_recipes.b
def one(): ...
"""),
    "a module is imported by its name": ("toy.py:3", "`keras_recipes` defines no `a`; modules can't be", """
=== toy.py
from keras_recipes import a
USED = a
=== __init__.py
=== a.py
"""),
    "there is no such name": ("toy.py:4", "`keras_recipes.a` defines no `one`", """
=== toy.py
import json
from keras_recipes.a import one
USED = (json, one)
=== a.py
two = 2
"""),
    "there is no such module": ("toy.py:3", "there is no module `keras_recipes.a`", """
=== toy.py
from keras_recipes.a import one
USED = one
"""),
    "a block is renamed": ("toy.py:3", "`one` must keep its name", """
=== toy.py
from keras_recipes.a import one as two
USED = two
=== a.py
one = 1
"""),
    "all names are imported": ("toy.py:3", "not `.` or `\\*`", """
=== toy.py
from keras_recipes.a import *
USED = 1
"""),
    "a relative import": ("toy.py:3", "not `.` or `\\*`", """
=== toy.py
from .a import one
USED = one
"""),
    "another recipe is imported": ("toy.py:3", "a copy could not import `recipes.vae`", """
=== toy.py
from recipes.vae import one
USED = one
"""),
    "an import in a function": ("toy.py:4", "`json` must be imported at the top of the file", """
=== toy.py
def f():
    import json
    return json
"""),
    "an import further down": ("toy.py:4", "`json` must be imported at the top of the file", """
=== toy.py
X = 1
import json
"""),
    "an import in a block's function": ("a.py:3", "`keras_recipes.b` must be imported at the top of the file", """
=== toy.py
from keras_recipes.a import one
USED = one
=== a.py
one = 1
def two():
    from keras_recipes.b import three
    return three
"""),
    "a block that does something": ("a.py:2", "a block holds imports, functions, classes and constants only", """
=== toy.py
from keras_recipes.a import one
USED = one
=== a.py
one = []
one.append(1)
"""),
    "a recipe without code": ("toy.py:1", 'a recipe is a """docstring""" and definitions', """
=== toy.py
"""),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_is_named_with_file_and_line(plant, case):
    where, what, files = BROKEN[case]
    with pytest.raises(ValueError, match=f"{re.escape(where)}: .*{what}"):
        bundle("toy", **plant(files))


@pytest.mark.parametrize("source", ["", "X = 1\n", "'A toy.'\n\nX = 1\n"])
def test_a_recipe_needs_a_docstring(plant, source):
    folders = plant("=== toy.py\n")
    (folders["recipes"] / "toy.py").write_text(source)
    with pytest.raises(ValueError, match=r"toy.py:1: a recipe is a \"\"\"docstring"):
        bundle("toy", **folders)


def test_parts_of_blocks_that_are_not_needed_may_share_a_name(plant):
    source = bundle("toy", **plant("""
        === toy.py
        from keras_recipes.a import one
        from keras_recipes.b import two
        USED = (one, two)
        === a.py
        one = 1
        def same(): ...
        === b.py
        two = 2
        def same(): ...
    """))  # fmt: skip
    assert "same" not in source


def test_two_imports_may_bind_one_package(plant, words):
    source = bundle("toy", **plant("""
        === toy.py
        import xml.dom
        from keras_recipes.a import one
        def main():
            print(xml.dom.__name__, one())
        === a.py
        import xml.sax


        def one():
            return xml.sax.__name__
    """))  # fmt: skip
    assert words(source) == ["xml.dom", "xml.sax"]
