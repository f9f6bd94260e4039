"""Copy a recipe as one file that needs Keras, but not this package; nothing here imports Keras."""

from keras_recipes.copying.bundle import bundle as bundle
from keras_recipes.copying.discovery import recipe_module as recipe_module
from keras_recipes.copying.discovery import recipe_names as recipe_names
from keras_recipes.copying.discovery import recipe_path as recipe_path
from keras_recipes.copying.discovery import summary as summary
from keras_recipes.copying.files import copy as copy
from keras_recipes.copying.files import difference as difference
