"""Layers that Keras lacks, or whose numbers differ between its backends."""

from keras_recipes.layers.bias import Bias as Bias
from keras_recipes.layers.embedding import Embedding as Embedding
from keras_recipes.layers.gaussian_sampling import GaussianSampling as GaussianSampling
from keras_recipes.layers.unknown_ids import UnknownIds as UnknownIds
