"""Every private part of Keras that the matrix and `fit` rely on. If one is gone this file fails, and names it.

To support another release of Keras: run this file, `test_portable_random*.py` and `test_float64.py`
with it on every backend, look at what they name, then move `SUPPORTED_KERAS` in
`backends_matrix/backends.py`. Keras 3.15.0 and 3.15.1 pass. 3.12.4, 3.13.2 and 3.14.1 have all
private parts, too, but their `ops.median` of an even number of entries is wrong on torch.
"""

import importlib.metadata
import re

import keras
import pytest

from backends_matrix import float64, portable_random
from backends_matrix.backends import SUPPORTED_KERAS, require_supported_keras
from backends_matrix.distributions import NAMES
from backends_matrix.keras_internals import missing_paths
from keras_recipes.backend import project

BACKEND = keras.config.backend()
PRIVATE = {  # what the matrix does there
    **{f"keras.src.backend.{BACKEND}.random:{name}": "draws the bits that all backends share" for name in NAMES},
    "keras.src.random.seed_generator:draw_seed": "makes a key of a seed",
    "keras:random.SeedGenerator.next": "counts draws in one way",
    "keras:initializers.Orthogonal.__call__": "decomposes on the host",
    "keras.src.utils.rng_utils:get_random_seed": "orders rows by the seed that was set",
    "keras.src.trainers.data_adapters.array_slicing:convert_to_sliceable": "puts rows of tensors in order",
    **{
        f"keras.src.trainers.data_adapters.array_data_adapter:ArrayDataAdapter.get_{kind}": "orders rows"
        for kind in ("jax_iterator", "numpy_iterator", "tf_dataset", "torch_dataloader")
    },
    "keras.src.trainers.epoch_iterator:EpochIterator.reset": "counts epochs from there",
    "keras.src.backend.common.dtypes:BIT64_TO_BIT32_DTYPE": "keeps float64",
}
IN_TENSORFLOW = {
    "keras.src.backend.tensorflow.trainer:TFEpochIterator._get_iterator": "takes new rows in each epoch",
    "keras.src.backend.tensorflow.core:cast": "keeps Python floats exact",
    "keras.src.backend.tensorflow.core:convert_to_tensor": "keeps Python floats exact",
}
IN_TRAINING = {"keras:Model._clear_losses": "lets keras_recipes/training/every_loss.py count each layer's losses"}
ALL = PRIVATE | (IN_TENSORFLOW if BACKEND == "tensorflow" else {})


def test_every_private_part_is_there():
    gone = [*missing_paths([*ALL, *IN_TRAINING]), *portable_random.missing_attributes(), *float64.missing_attributes()]
    assert not gone, f"Keras {keras.__version__} on {BACKEND} no longer has {sorted(set(gone))}"


def test_the_list_is_complete(monkeypatch):
    asked = []
    for module in (portable_random, float64):
        monkeypatch.setattr(module, "missing_paths", lambda paths: asked.extend(paths) or [])
        module.missing_attributes()
    adapter = portable_random.ARRAY_ADAPTER
    assert {path for path in asked if path != adapter} == set(ALL)


def test_this_keras_is_supported():
    require_supported_keras()
    require_supported_keras(keras.__version__)


@pytest.mark.parametrize("version", ["3.14.1", "2.15.0", "4.0.0", "3.16.0"])
def test_another_keras_is_refused_with_the_range(version):
    message = rf"keras>=3\.15,<3\.16; received Keras {re.escape(version)}\."
    with pytest.raises(SystemExit, match=message):
        require_supported_keras(version)


def test_the_range_is_within_what_the_package_asks_for():
    (asked,) = [requirement for requirement in project()["dependencies"] if requirement.startswith("keras")]
    assert asked == f"keras>={SUPPORTED_KERAS[0]}"
    assert importlib.metadata.version("keras") == keras.__version__
