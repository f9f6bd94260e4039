import importlib

import keras
import pytest


@pytest.fixture
def wide_arrays():
    """Arrays of 64 bits, which JAX does not make unless asked: as JAX_ENABLE_X64=1 does."""
    if keras.config.backend() != "jax":
        yield
        return
    config = importlib.import_module("jax").config
    before = config.jax_enable_x64
    config.update("jax_enable_x64", True)
    yield
    config.update("jax_enable_x64", before)
