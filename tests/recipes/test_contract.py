"""Every recipe keeps the contract; a new file in `recipes/` is tested without a line here."""

import ast
import dataclasses
import importlib
import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from keras_recipes.config import command_line, field_comments, flag_of, parse_config
from keras_recipes.copying import recipe_names, recipe_path
from keras_recipes.data import Data
from keras_recipes.run import load_weights, save_run

NAMES = recipe_names()
SIGNATURES = {
    "load_data": ["config"],
    "build_model": ["config", "data"],
    "train": ["model", "data", "config", "callbacks"],
    "evaluate": ["model", "data", "config"],
    "show": ["model", "data", "config", "folder"],
    "main": ["argv"],
}


def test_recipes_are_all_files_of_the_folder():
    files = {path.stem for path in (Path(__file__).parents[2] / "recipes").glob("[!_]*.py")}
    assert len(files) >= 2
    assert set(NAMES) == files


@pytest.fixture(params=NAMES, scope="module")
def recipe(request):
    return importlib.import_module(f"recipes.{request.param}")


@pytest.fixture(scope="module")
def smoke_runs(recipe, tmp_path_factory):
    """The smoke preset, and its variants where nothing is compiled, trained once: dict from preset to what is left.

    The matrix trains all of them on all backends.
    """
    runs = {}
    names = [name for name in recipe.PRESETS if name.partition("-")[0] == "smoke"]
    for preset in names if keras.config.backend() == "torch" else ["smoke"]:
        config = recipe.PRESETS[preset]
        keras.utils.set_random_seed(config.seed)
        data = recipe.load_data(config)
        model = recipe.build_model(config, data)
        steps = []
        callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, s=steps: s.append(batch))
        before = recipe.evaluate(model, data, config)
        history = recipe.train(model, data, config, callbacks=[callback])
        metrics = recipe.evaluate(model, data, config)
        folder = tmp_path_factory.mktemp(preset)
        runs[preset] = (config, data, model, before, steps, history, metrics, folder)
    return runs


@pytest.mark.parametrize("function", SIGNATURES)
def test_signature(recipe, function):
    assert list(inspect.signature(getattr(recipe, function)).parameters) == SIGNATURES[function]
    defaults = {"callbacks": (), "argv": None}
    for name, parameter in inspect.signature(getattr(recipe, function)).parameters.items():
        assert parameter.default == defaults.get(name, inspect.Parameter.empty)


def test_file_follows_the_data(recipe):
    """Read from top to bottom, the file is in the order in which it runs."""
    path = recipe_path(recipe.__name__.rpartition(".")[2])
    tree = ast.parse(path.read_text())
    assigned = {id(n): n.targets[0].id for n in tree.body if isinstance(n, ast.Assign)}
    defined = [getattr(n, "name", assigned.get(id(n))) for n in tree.body]
    order = ["Config", "PRESETS", *SIGNATURES]
    assert [name for name in defined if name in order] == order
    assert 90 <= len(path.read_text().splitlines()) <= 280


def test_docstring_says_what_how_and_source(recipe):
    name = recipe.__name__.rpartition(".")[2]
    assert recipe.__doc__.splitlines()[0].endswith(".")
    for part in (f"python -m recipes.{name}", "Source: "):
        assert part in recipe.__doc__


def test_config_is_frozen_typed_and_commented(recipe):
    fields = dataclasses.fields(recipe.Config)
    assert {"dataset", "batch_size", "epochs", "seed"} <= {field.name for field in fields}
    assert recipe.Config.__dataclass_params__.frozen
    comments = field_comments(recipe.Config)
    for field in fields:
        assert type(field.default) in (int, float, str, bool)
        assert field.type is type(field.default)
        assert comments[field.name]


def test_presets(recipe):
    assert {"full", "smoke", "bench"} <= set(recipe.PRESETS)
    assert recipe.PRESETS["full"] == recipe.Config()
    for name, config in recipe.PRESETS.items():
        assert isinstance(config, recipe.Config)
        assert name.partition("-")[0] not in ("smoke", "bench") or config.dataset.startswith("synthetic")


def test_help_is_complete(recipe):
    text = " ".join(command_line(recipe.Config, recipe.PRESETS).format_help().split())
    unbroken = text.replace(" ", "")  # lines are broken at hyphens
    for name, comment in field_comments(recipe.Config).items():
        assert flag_of(name) in text
        assert " ".join(comment.split()) in text
    for preset in recipe.PRESETS:
        assert preset in unbroken


def test_data_are_numpy_of_the_same_bytes(recipe, smoke_runs):
    for config, data, *_ in smoke_runs.values():
        again = recipe.load_data(config)
        assert isinstance(data, Data)
        assert all(type(size) is int for size in data.sizes.values())
        for part in ("train", "test"):
            arrays, copies = (keras.tree.flatten(getattr(d, part)) for d in (data, again))
            assert len({len(array) for array in arrays}) == 1
            for array, copy in zip(arrays, copies, strict=True):
                assert type(array) is np.ndarray
                assert array.dtype == copy.dtype
                assert array.tobytes() == copy.tobytes()


def test_another_seed_gives_other_synthetic_data(recipe):
    config = recipe.PRESETS["smoke"]
    one, other = recipe.load_data(config), recipe.load_data(dataclasses.replace(config, seed=config.seed + 1))
    arrays = zip(keras.tree.flatten(one.train), keras.tree.flatten(other.train), strict=True)
    assert any(a.tobytes() != b.tobytes() for a, b in arrays)


def test_weight_paths_are_unique(smoke_runs):
    """PyTorch keeps the gradients of weights with the same path from step to step."""
    for _, _, model, *_ in smoke_runs.values():
        paths = [weight.path for weight in model.weights]
        assert paths
        assert len(set(paths)) == len(paths)


def test_trains_through_fit(smoke_runs):
    for config, _, _, before, steps, history, metrics, _ in smoke_runs.values():
        assert steps
        assert all(len(values) == config.epochs for values in history.values())
        assert all(type(value) is float and np.isfinite(value) for value in metrics.values())
        assert metrics.keys() == before.keys()
        assert metrics != before


def test_outputs_are_repeatable_when_not_training(recipe, smoke_runs):
    for config, data, model, *_, metrics, _ in smoke_runs.values():
        assert recipe.evaluate(model, data, config) == metrics


def test_saves_and_loads(smoke_runs, tmp_path):
    for preset, (_, data, model, *_) in smoke_runs.items():
        x = keras.tree.map_structure(lambda array: array[:8], data.test[0])
        model.save(tmp_path / f"{preset}.keras")
        loaded = keras.saving.load_model(tmp_path / f"{preset}.keras", compile=False)
        one, other = model.predict(x, verbose=0), loaded.predict(x, verbose=0)
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)


def test_run_folder_holds_the_weights(recipe, smoke_runs):
    for config, data, model, _, _, history, metrics, folder in smoke_runs.values():
        save_run(folder, config, model, history, metrics)
        keras.utils.set_random_seed(config.seed + 1)
        again = recipe.build_model(config, data)
        load_weights(again, folder / "weights.safetensors")
        assert recipe.evaluate(again, data, config) == metrics


def test_shows_pictures_that_are_not_blank(recipe, smoke_runs):
    for config, data, model, *_, folder in smoke_runs.values():
        pictures = recipe.show(model, data, config, folder)
        assert len(set(pictures)) == len(pictures) >= 1
        for path in pictures:
            assert path.parent == folder
            pixels = np.asarray(Image.open(path).convert("L"), dtype=float)
            assert min(pixels.shape) > 100
            assert pixels.std() > 5


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--preset", "smokey"], "`preset` must be one of 'full'"),
        (["--batch-size", "0"], "`batch_size` must be a number of at least 1, received 0"),
        (["--epochs", "0"], "`epochs` must be"),
        (["--seed", "-1"], r"`seed` must be in \[0, 2\*\*31\), received -1"),
        (["--learning-rate", "nan"], "`learning_rate` must be"),
    ],
)
def test_bad_flag_is_a_value_error(recipe, flags, named):
    with pytest.raises(ValueError, match=named):
        parse_config(recipe.Config, recipe.PRESETS, flags)


@pytest.mark.parametrize("dataset", ["no-such-set", "no/such/file.csv", ""])
def test_unknown_dataset_lists_the_known_ones(recipe, dataset):
    with pytest.raises(ValueError, match=r"`dataset` must be .*'synthetic'"):
        recipe.load_data(recipe.Config(dataset=dataset))
