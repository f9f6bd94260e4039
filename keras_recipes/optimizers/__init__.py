"""Optimizers with rates for groups of layers and schedules of momentum, and others that update rows of tables."""

from keras_recipes.optimizers.adamw import AdamW as AdamW
from keras_recipes.optimizers.muon import Muon as Muon
from keras_recipes.optimizers.sgd import SGD as SGD
from keras_recipes.optimizers.sparse_adagrad import SparseAdagrad as SparseAdagrad
from keras_recipes.optimizers.sparse_adam import SparseAdam as SparseAdam
from keras_recipes.optimizers.sparse_sgd import SparseSGD as SparseSGD
