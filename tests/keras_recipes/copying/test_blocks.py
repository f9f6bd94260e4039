from keras_recipes.copying import bundle


def test_only_reachable_definitions_and_used_imports_are_taken(plant):
    source = bundle("toy", **plant("""
        === toy.py
        from keras_recipes.a import taken


        def run():
            return taken()
        === a.py
        import csv
        import json
        import math

        from keras_recipes.b import deep, shallow

        ONE, TWO = 1, 2
        THREE: int = 3


        def taken():
            csv = 1
            return math.pi + deep() + TWO + THREE + csv


        def left():
            return json.dumps(csv.reader(shallow()))
        === b.py
        def deep():
            return 1


        def shallow():
            return 2
    """))  # fmt: skip
    for text in ("def taken", "def deep", "ONE, TWO =", "THREE: int", "import math"):
        assert text in source
    for text in ("def left", "def shallow", "import csv", "keras_recipes.a", "keras_recipes.b"):
        assert text not in source


def test_a_local_name_or_a_field_does_not_pull_in_a_block_of_that_name(plant):
    source = bundle("toy", **plant("""
        === toy.py
        from keras_recipes.a import order, taken


        class Config:
            order: int = taken
        === a.py
        def order():
            return 1


        def taken():
            order = 2
            return [order for order in (order,)]
    """))  # fmt: skip
    assert "def order" not in source


def test_a_global_that_a_function_writes_is_taken(plant, words):
    source = bundle("toy", **plant("""
        === toy.py
        from keras_recipes.a import count


        def main():
            print(count())
        === a.py
        STATE = 1


        def count():
            global STATE
            STATE = 5
            return globals()["STATE"]
    """))  # fmt: skip
    assert "STATE = 1" in source
    assert words(source) == ["5"]


def test_names_are_found_through_reexports(plant, words):
    source = bundle("toy", **plant("""
        === toy.py
        from keras_recipes import __version__
        from keras_recipes.layers import Layer


        def main():
            print(__version__, Layer.size)
        === __init__.py
        __version__ = "7"
        === layers/__init__.py
        from keras_recipes.layers.inner import Layer as Layer
        === layers/inner/__init__.py
        from keras_recipes.layers.inner.file import Layer as Layer
        === layers/inner/file.py
        class Layer:
            size = 4
    """))  # fmt: skip
    assert words(source) == ["7", "4"]


def test_a_block_may_import_each_backend_where_it_is_the_one(plant, run):
    source = bundle("toy", **plant("""
        === toy.py
        from keras_recipes.autodiff import name


        def main():
            print(name())
        === autodiff.py
        import os

        if os.environ["KERAS_BACKEND"] == "torch":
            import torch

            def name():
                return torch.NAME

        else:
            import jax

            def name():
                return jax.NAME
    """))  # fmt: skip
    for name in ("jax", "torch"):
        assert run(source, [name], KERAS_BACKEND=name).stdout == f"{name}\n"
