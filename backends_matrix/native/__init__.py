"""Recipes written by hand in one framework, without Keras: what `nox -s bench` measures the recipes against.

`<recipe>_<framework>.py` is found by its name, and defines

- `build(config, data)`: the model, with the framework's own start weights;
- `load(model, weights)`: puts in those of a recipe's model, a dict from Keras' path to array;
- `train(model, data, config)`: a generator that trains one epoch at a time, and yields the loss
  of each of its steps, a NumPy array of shape (steps,), or of shape (steps, logs) for a `StepModel`,
  in the order of its `logs`. The device is done by then;
- `covers(config)`, if it does not do all that the recipe can: whether it does this.

`config` and `data` are what the recipe's `Config` and `load_data` give. A native draws random numbers by
`torch.rand`, `torch.randn`, `jax.random.uniform` and `jax.random.normal` only: `same_training.py`
puts fixed numbers in their place to compare the losses with the recipe's.
"""
