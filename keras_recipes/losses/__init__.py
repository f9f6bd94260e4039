"""Loss functions."""

from keras_recipes.losses.adversarial import ADVERSARIAL_LOSSES as ADVERSARIAL_LOSSES
from keras_recipes.losses.adversarial import critic_loss as critic_loss
from keras_recipes.losses.adversarial import generator_loss as generator_loss
from keras_recipes.losses.adversarial import gradient_penalty as gradient_penalty
