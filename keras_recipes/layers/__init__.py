"""Layers that Keras lacks, or whose numbers differ between its backends."""

from keras_recipes.layers.activity_penalty import ActivityPenalty as ActivityPenalty
from keras_recipes.layers.bias import Bias as Bias
from keras_recipes.layers.concat_pooling import GlobalConcatPooling2D as GlobalConcatPooling2D
from keras_recipes.layers.corruption import CORRUPTIONS as CORRUPTIONS
from keras_recipes.layers.corruption import Corruption as Corruption
from keras_recipes.layers.corruption import corrupted as corrupted
from keras_recipes.layers.dense_per_column import DensePerColumn as DensePerColumn
from keras_recipes.layers.embedding import Embedding as Embedding
from keras_recipes.layers.gaussian_sampling import GaussianSampling as GaussianSampling
from keras_recipes.layers.image_buffer import ImageBuffer as ImageBuffer
from keras_recipes.layers.periodic_encoding import PeriodicEncoding as PeriodicEncoding
from keras_recipes.layers.piecewise_linear_encoding import PiecewiseLinearEncoding as PiecewiseLinearEncoding
from keras_recipes.layers.pixel_scaling import PixelScaling as PixelScaling
from keras_recipes.layers.sparse_embedding import SparseEmbedding as SparseEmbedding
from keras_recipes.layers.spectral_normalization import SpectralConv2D as SpectralConv2D
from keras_recipes.layers.spectral_normalization import SpectralDense as SpectralDense
from keras_recipes.layers.unknown_ids import UnknownIds as UnknownIds
