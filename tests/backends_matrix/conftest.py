import contextlib
import importlib

import keras
import pytest


@pytest.fixture
def wide_arrays():
    """Arrays of 64 bits, which JAX does not make unless asked: as JAX_ENABLE_X64=1 does."""
    with option_of_jax("jax_enable_x64", True):
        yield


@pytest.fixture(scope="module")
def as_users_have_it():
    """All that JAX does for speed, which the session of the tests leaves out: sums round as they do for users."""
    with option_of_jax("jax_disable_most_optimizations", False) as jax:
        if jax:
            jax.clear_caches()  # of what was compiled without it
        yield


@contextlib.contextmanager
def option_of_jax(name, value):
    """Give an option of JAX another value meanwhile, and the module; on other backends do nothing."""
    if keras.config.backend() != "jax":
        yield None
        return
    jax = importlib.import_module("jax")
    before = jax.config.values[name]
    jax.config.update(name, value)
    yield jax
    jax.config.update(name, before)
