"""Learning rates and momenta as functions of the step."""

from keras_recipes.schedules.constant_then_linear import ConstantThenLinear as ConstantThenLinear
from keras_recipes.schedules.cosine_restarts import CosineRestarts as CosineRestarts
from keras_recipes.schedules.flat_then_cosine import FlatThenCosine as FlatThenCosine
from keras_recipes.schedules.one_cycle import OneCycle as OneCycle
from keras_recipes.schedules.one_cycle import one_cycle as one_cycle
from keras_recipes.schedules.triangular import TRIANGULAR_MODES as TRIANGULAR_MODES
from keras_recipes.schedules.triangular import Triangular as Triangular
from keras_recipes.schedules.warmup_then_inverse_square_root import (
    WarmupThenInverseSquareRoot as WarmupThenInverseSquareRoot,
)
