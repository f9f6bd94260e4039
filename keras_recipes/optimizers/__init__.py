"""Optimizers whose learning rate and weight decay differ between groups of layers, and whose momentum may change."""

from keras_recipes.optimizers.adamw import AdamW as AdamW
from keras_recipes.optimizers.sgd import SGD as SGD
