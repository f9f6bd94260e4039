"""Recipes written by hand: what `nox -s bench` measures the recipes against.

`<recipe>_<framework>.py` is written in that framework, without Keras; `<recipe>_keras.py` with Keras' layers and
optimizers, and a training step by hand for each backend. They are found by their names, and define

- `build(config, data)`: the model, with the framework's own start weights;
- `load(model, weights)`: puts in those of a recipe's model, a dict from Keras' path to array;
- `train(model, data, config)`: a generator that trains one epoch at a time, and yields the loss
  of each of its steps, a NumPy array of shape (steps,), or of shape (steps, logs) for a `StepModel`,
  in the order of its `logs`. The device is done by then;
- `covers(config)`, if it does not do all that the recipe can: whether it does this.

`config` and `data` are what the recipe's `Config` and `load_data` give. A native draws random numbers by
`torch.rand`, `torch.randn`, `jax.random.uniform`, `jax.random.normal`, `tf.random.uniform` and `tf.random.normal`
only: `same_training.py` puts fixed numbers in their place to compare the losses with the recipe's.
"""

from pathlib import Path

BY_HAND = {"native": "{recipe}_{backend}", "by_hand": "{recipe}_keras"}  # from variant of the bench to file


def variants_by_hand(recipe, backend, folder=Path(__file__).parent):
    """Dict from the variants in which a recipe is written for a backend to the names of their modules.

    Args:
        recipe: String, name of the recipe.
        backend: String, name of the backend.
        folder: `Path` where they are.
    """
    names = {variant: name.format(recipe=recipe, backend=backend) for variant, name in BY_HAND.items()}
    return {variant: name for variant, name in names.items() if (folder / f"{name}.py").exists()}
