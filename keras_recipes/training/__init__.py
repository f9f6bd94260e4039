"""Training as every recipe does it."""

from keras_recipes.training.fit import fit as fit
