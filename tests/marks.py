"""Marks of tests."""

import keras
import pytest

# On PyTorch, where nothing is compiled. Of numbers the matrix shows that others compute the same.
on_one_backend = pytest.mark.skipif(keras.config.backend() != "torch", reason="one backend is enough")
