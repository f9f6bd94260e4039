"""Several optimizers where Keras expects one."""

from collections.abc import Callable

import keras


@keras.saving.register_keras_serializable(package="keras_recipes")
class Optimizers(keras.optimizers.Optimizer):
    """An optimizer for each part of a model, which Keras saves, loads and schedules as one.

    `StepModel.compile` makes it of a dict. Callbacks that change the learning
    rate change that of each part.

    Args:
        parts: Dict from the name of a part to a `keras.optimizers.Optimizer`,
            or to what `keras.optimizers.get` takes.
        name: String.

    Raises:
        ValueError: If `parts` is empty, or an optimizer serves two parts.
    """

    def __init__(self, parts, name="optimizers"):
        super().__init__(learning_rate=0.0, name=name)
        self.variables_of: Callable[[str], list] = lambda part: []  # a model sets its own
        self.parts = {part: keras.optimizers.get(optimizer) for part, optimizer in parts.items()}
        if not parts or len({id(optimizer) for optimizer in self.optimizers}) < len(parts):
            raise ValueError(f"`parts` must hold an optimizer of its own for each part, received {parts}")

    def build(self, variables):
        """Build the optimizer of each part, whose variables `variables_of`, set by the model, tells."""
        if not self.built:
            for part, optimizer in self.parts.items():
                optimizer.build(self.variables_of(part))
            super().build(variables)

    @property
    def optimizers(self):
        """List of the optimizers; Keras' callbacks look for this name."""
        return list(self.parts.values())

    @property
    def variables(self):
        """List of all variables, those of the parts behind each other."""
        return super().variables + [variable for optimizer in self.optimizers for variable in optimizer.variables]

    def finalize_variable_values(self, trainable_variables):
        """Put averaged weights in their place at the end of a training, for each part that averages."""
        for part, optimizer in self.parts.items():
            optimizer.finalize_variable_values(self.variables_of(part))
            if getattr(optimizer, "inner_optimizer", optimizer).use_ema:
                # On JAX weight and average are one array by now, which no later step could own twice.
                for variable in self.variables_of(part):
                    variable.assign(keras.ops.copy(variable.value))

    def get_config(self):
        """The optimizers of the parts, serialized."""
        parts = {part: keras.saving.serialize_keras_object(optimizer) for part, optimizer in self.parts.items()}
        return {"name": self.name, "parts": parts}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Undo `get_config`."""
        parts = config["parts"].items()
        return cls(
            {part: keras.saving.deserialize_keras_object(c, custom_objects) for part, c in parts}, config["name"]
        )
