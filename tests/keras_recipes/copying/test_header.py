import ast
import re
import tomllib

import pytest

from keras_recipes.copying import bundle


def test_script_metadata_lists_what_is_imported_and_a_backend(plant):
    source = bundle("toy", **plant("""
        === toy.py
        import keras
        from keras_recipes.pictures import PICTURES
        USED = (keras, PICTURES)
        === pictures.py
        import json
        import a_b
        from PIL import Image
        PICTURES = (a_b, json, Image)
    """))  # fmt: skip
    block = re.match(r"# /// script\n((?:# .*\n)+)# ///\n", source)
    metadata = tomllib.loads(re.sub("^# ", "", block[1], flags=re.MULTILINE))
    *modules, backend = metadata["dependencies"]
    assert metadata["requires-python"].startswith(">=3.")
    assert [re.sub(">=.*", "", line) for line in modules] == ["a-b", "keras", "pillow"]
    assert modules[1].startswith("keras>=3.")
    assert re.fullmatch(r"jax>=[\d.]+", backend)
    assert re.search(r'"jax>=.*  # .*tensorflow>=.* torch>=', block[1])


def test_the_docstring_names_the_file(plant):
    folders = plant("=== toy.py\n")
    text = '"""A toy.\n\n    python -m recipes.toy  # one\n    python -m recipes.toy --epochs 3\n"""\n\nX = 1\n'
    (folders["recipes"] / "toy.py").write_text(text)
    docstring = ast.get_docstring(ast.parse(bundle("toy", "mine.py", **folders)))
    assert docstring.startswith("A toy.\n\n    python mine.py  # one\n    python mine.py --epochs 3\n\nCopied from")
    assert docstring.endswith("keras-recipes diff toy mine.py")


def test_a_raw_docstring_is_kept(plant):
    folders = plant("=== toy.py\n")
    (folders["recipes"] / "toy.py").write_text('r"""Learns \\alpha."""\n\nX = 1\n')
    source = bundle("toy", **folders)
    assert '\nr"""Learns \\alpha.\n\nCopied from' in source
    assert ast.get_docstring(ast.parse(source)).startswith("Learns \\alpha.")


@pytest.mark.parametrize(
    ("installed", "given", "keras_json", "chosen"),
    [
        (["jax", "tensorflow", "torch"], "torch", None, "torch"),
        (["jax", "tensorflow", "torch"], "", None, "tensorflow"),
        (["jax", "torch"], "", None, "jax"),
        (["torch"], "", None, "torch"),
        (["jax", "tensorflow", "torch"], "", '{"backend": "torch"}', "torch"),
        (["jax", "tensorflow"], "", '{"backend": "torch"}', "jax"),
        (["jax", "tensorflow"], "", '{"epsilon": 1}', "tensorflow"),
        (["jax", "tensorflow"], "", "no JSON", "tensorflow"),
    ],
)
def test_a_copy_chooses_a_backend_that_is_installed(plant, run, tmp_path, installed, given, keras_json, chosen):
    if keras_json:
        (tmp_path / "keras.json").write_text(keras_json)
    source = bundle("toy", **plant("=== toy.py\nimport os\n\nprint(os.environ['KERAS_BACKEND'])\n"))
    result = run(source, installed, KERAS_BACKEND=given)
    assert result.stdout == f"{chosen}\n", result.stderr


def test_a_copy_says_what_to_install_where_there_is_no_backend(plant, run):
    result = run(bundle("toy", **plant("=== toy.py\nX = 1\n")))
    assert result.returncode == 1
    assert result.stderr == "Keras needs a backend, such as: pip install jax\n"
