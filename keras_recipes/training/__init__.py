"""Training as every recipe does it."""

from keras_recipes.training.autodiff import apply as apply
from keras_recipes.training.autodiff import gradient as gradient
from keras_recipes.training.autodiff import value_and_grad as value_and_grad
from keras_recipes.training.checkpoint import Checkpoint as Checkpoint
from keras_recipes.training.control_flow import cond as cond
from keras_recipes.training.control_flow import repeat as repeat
from keras_recipes.training.fit import fit as fit
from keras_recipes.training.optimizers import Optimizers as Optimizers
from keras_recipes.training.row_sparse_model import RowSparseModel as RowSparseModel
from keras_recipes.training.saving import CheckpointError as CheckpointError
from keras_recipes.training.saving import load_training as load_training
from keras_recipes.training.saving import save_training as save_training
from keras_recipes.training.step_model import StepModel as StepModel
