"""Single-file recipes: read one from top to bottom, then copy it into your project."""

from keras_recipes.backend import choose_backend

choose_backend()
