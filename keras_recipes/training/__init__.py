"""Training as every recipe does it."""

from keras_recipes.training.checkpoint import Checkpoint as Checkpoint
from keras_recipes.training.fit import fit as fit
from keras_recipes.training.saving import CheckpointError as CheckpointError
from keras_recipes.training.saving import load_training as load_training
from keras_recipes.training.saving import save_training as save_training
