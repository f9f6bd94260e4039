import ast

import pytest

from keras_recipes.copying import bundle


def definitions(source):
    """Names of top-level functions, classes and constants, in order."""
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


BLOCKS = """
=== base.py
from keras_recipes.low import LOW, helper


class Base:
    low = LOW

    def work(self):
        return helper()
=== low.py
LOW = 2


def helper():
    return "helped"


def tag(function):
    return mark(function)


def mark(function):
    function.tag = "tagged"
    return function
=== checks.py
from keras_recipes.low import helper


def check(config):
    return deep(config)


def deep(config):
    return helper()
"""
# name: (blocks before the recipe, blocks after it, what it prints, its code)
AT_IMPORT = {
    "base class": (["LOW", "Base"], ["helper"], ["2", "helped"], """
from keras_recipes.base import Base


class Own(Base):
    pass


def main():
    print(Own().low, Own().work())
"""),
    "decorator": (["tag", "mark"], [], ["tagged"], """
from keras_recipes.low import tag


@tag
def main():
    print(main.tag)
"""),
    "default argument": (["LOW"], ["helper"], ["2", "helped"], """
from keras_recipes.low import LOW, helper


def main(low=LOW):
    print(low, helper())
"""),
    "default argument with a name": (["LOW"], ["helper"], ["2", "helped"], """
from keras_recipes.low import LOW, helper


def main(*, low=LOW):
    print(low, helper())
"""),
    "field called like a block": ([], ["helper"], ["yes", "helped"], """
from keras_recipes.low import helper


class Own:
    helper: str = "yes"

    def work(self):
        return helper()


def main():
    print(Own.helper, Own().work())
"""),
    "default argument of a method": (["LOW"], [], ["2"], """
from keras_recipes.low import LOW


class Own:
    def work(self, low=LOW):
        return low


def main():
    print(Own().work())
"""),
    "annotations": (["LOW", "Base"], ["helper"], ["None"], """
from keras_recipes.base import Base


def main(base: Base | None = None) -> Base:
    print(base)
"""),
    "annotations that stay text": ([], ["LOW", "Base", "helper"], ["None"], """
from __future__ import annotations

from keras_recipes.base import Base


class Own:
    base: Base


def main(base: Base = None) -> Base:
    print(base)
"""),
    "check of a dataclass": (["check", "deep", "helper"], [], ["3"], """
from dataclasses import dataclass

from keras_recipes.checks import check


@dataclass(frozen=True)
class Config:
    size: int = 3

    def __post_init__(self):
        check(self)


PRESETS = {"full": Config()}


def main():
    print(PRESETS["full"].size)
"""),
    "call through a function of the recipe": (["helper"], [], ["helped"], """
from keras_recipes.low import helper


def own():
    return helper()


VALUE = own()


def main():
    print(VALUE)
"""),
    "call of an argument": (["helper"], [], ["helped"], """
from keras_recipes.low import helper

VALUES = list(map(lambda _: helper(), [1]))


def main():
    print(*VALUES)
"""),
    "lambda that is not called": (["LOW"], ["helper"], ["helped"], """
from keras_recipes.low import LOW, helper

later = lambda low=LOW: helper()


def main():
    print(later())
"""),
    "nothing": ([], ["check", "deep", "helper"], ["helped"], """
from keras_recipes.checks import check


def main():
    print(check(0))
"""),
}  # fmt: skip


@pytest.mark.parametrize("case", AT_IMPORT)
def test_blocks_come_first_only_where_python_needs_them(plant, words, case):
    before, after, prints, recipe = AT_IMPORT[case]
    source = bundle("toy", **plant(f"{BLOCKS}=== toy.py\n{recipe.strip()}\n"))
    assert definitions(source) == [*before, *definitions(recipe), *after]
    assert source.endswith('\n\n\nif __name__ == "__main__":\n    main()\n')
    assert words(source) == prints


def test_blocks_after_the_recipe_come_after_what_they_need(plant, words):
    source = bundle("toy", **plant("""
        === toy.py
        from keras_recipes.a import Own


        def main():
            print(Own.size)
        === a.py
        from keras_recipes.z import Base


        class Own(Base):
            pass
        === z.py
        class Base:
            size = 3
    """))  # fmt: skip
    assert definitions(source) == ["main", "Base", "Own"]
    assert words(source) == ["3"]


def test_a_constant_made_by_a_function_that_mentions_it(plant, words):
    source = bundle("toy", **plant("""
        === toy.py
        from keras_recipes.a import MADE


        def main():
            print(MADE)
        === a.py
        def make(again=False):
            return MADE if again else 6


        MADE = make()
    """))  # fmt: skip
    assert words(source) == ["6"]
