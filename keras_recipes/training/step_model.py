"""A model that says itself what one training step is, on every backend."""

import inspect

import keras

from keras_recipes.training.autodiff import apply, loss_of, undifferentiated, value_and_grad
from keras_recipes.training.jax_scope import keeping_weights, training_state, with_values
from keras_recipes.training.optimizers import Optimizers
from keras_recipes.training.row_gradients import noting_nothing
from keras_recipes.training.step_checks import (
    PLACE_TAKEN,
    layers_of,
    require_built,
    require_logs,
    require_no_loss,
    require_parts,
    require_trained,
)


class StepModel(keras.Model):
    """A model trained by a method of its own, `step`, for what one loss and one optimizer can't say.

    A subclass holds its parts as attributes, lists what it logs in `logs`, and
    defines `step`:

        class GAN(StepModel):
            logs = ("d_loss", "g_loss")

            def step(self, data, training):
                images, _, _ = data

                def d_loss(): ...
                def g_loss(): ...

                return {"d_loss": self.minimize(d_loss, "critic"), "g_loss": self.minimize(g_loss, "generator")}

        gan.compile({"critic": Adam(4e-4, beta_1=0.5), "generator": Adam(1e-4, beta_1=0.5)})
        gan.fit(images)

    `fit`, `evaluate`, callbacks, saving, mixed precision and compilation are
    Keras' own. The rules: everything a loss depends on through weights is
    computed inside its function; what else comes out of the function is
    returned behind the loss; random numbers take a `SeedGenerator` of the
    model; all parts are built before `compile`; and, to be loaded from a file,
    the model keeps what its constructor is given as attributes by the same names.
    """

    logs = ()  # names of what `step` returns

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.means = [keras.metrics.Mean(name=name) for name in self.logs]
        self.fitting = False

    def step(self, data, training):
        """What is done with a batch; to be defined.

        Args:
            data: Tuple `(x, y, sample_weight)` as `fit` gets them, None for
                what it did not get; class weights come as sample weights.
            training: Boolean, true in `fit`, false in `evaluate`, where
                `minimize` changes no weight.

        Returns:
            Dict from each name in `logs` to a float tensor of shape `()`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `step(self, data, training)`")

    def minimize(self, loss_fn, part=None):
        """Compute a loss and, in `fit`, make a step of an optimizer against it.

        Args:
            loss_fn: Function of no arguments that returns the loss, a float
                tensor of shape `()`, or a tuple of it and whatever else should
                come out. `self.losses` are, inside of it, those that layers
                have added since it began.
            part: String, the part of the model whose trainable variables
                change, and whose optimizer does it; None for all of them, by
                the one optimizer that the model was compiled with.

        Returns:
            What `loss_fn` returns, cut off from differentiation.

        Raises:
            ValueError: If there is no such part, if it has no trainable
                variables or others than when it was compiled, and as
                `value_and_grad` does.
        """
        if not self.fitting:
            self._clear_losses()
            return loss_fn()
        optimizer, variables = self.optimizer_of(part), self.variables_of(part)
        require_trained(optimizer, variables, part or self.name)

        def scaled():
            self._clear_losses()  # JAX would mix up those of the calls before
            value = loss_fn()
            return optimizer.scale_loss(loss_of(value)), value

        (_, value), gradients = value_and_grad(scaled, variables)
        apply(optimizer, gradients, variables)
        return value

    def optimizer_of(self, part):
        """The optimizer of a part, or, for None, the only one."""
        parts = list(getattr(self.optimizer, "parts", {}))
        if part in parts:
            return self.optimizer.parts[part]
        if part is None and not parts:
            return self.optimizer
        expected = f"one of the parts compiled with an optimizer, {parts}" if parts else "None, as for one optimizer"
        raise ValueError(f"`part` must be {expected}, received {part!r}")

    def variables_of(self, part):
        """List of the trainable variables of a part, an attribute that holds a layer or a list of layers."""
        layers = layers_of(self, part) if part else [self]
        return [variable for layer in layers for variable in layer.trainable_variables]

    def compile(self, optimizer="rmsprop", auto_scale_loss=True, **kwargs):
        """Set how the model is trained.

        Args:
            optimizer: Dict from the name of each part to its optimizer, or one
                optimizer for all, each as `keras.Model.compile` takes it.
            auto_scale_loss: Boolean, whether losses are scaled under the dtype
                policy "mixed_float16", each part's on its own.
            **kwargs: `run_eagerly`, `steps_per_execution` and `jit_compile`, as
                for `keras.Model.compile`.

        Raises:
            ValueError: If a part does not exist or is not built, or for options
                that have no meaning here, such as `loss`.
        """
        require_no_loss({name: kwargs.pop(name, None) for name in PLACE_TAKEN})
        if isinstance(optimizer, dict) and "class_name" not in optimizer:
            optimizer = Optimizers(optimizer)
        if isinstance(optimizer, Optimizers):
            require_parts(self, optimizer.parts)
            if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
                optimizer.parts = {part: scaling(one) for part, one in optimizer.parts.items()}
            optimizer.variables_of = self.variables_of
            auto_scale_loss = False
        require_built(self)
        self.built = True
        super().compile(optimizer=optimizer, auto_scale_loss=auto_scale_loss, **kwargs)
        self.optimizer.build(self.trainable_variables)

    def compile_from_config(self, config):
        """Compile a model that was loaded from a file."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    @property
    def metrics(self):
        """List of the metrics that are logged; Keras' own `loss` is one only if `step` returns it."""
        return [metric for metric in super().metrics if metric.name != "loss" or metric in self.means]

    def run_step(self, data, fitting):
        """Make a step and return the dict of what is logged."""
        self.fitting = fitting
        try:
            with undifferentiated(), noting_nothing():
                found = self.step(keras.utils.unpack_x_y_sample_weight(data), fitting)
        finally:
            self.fitting = False
        require_logs(found, self.logs)
        weight = len_of(data)
        for mean in self.means:
            mean.update_state(found[mean.name], sample_weight=weight)
        return self.get_metrics_result()

    def train_step(self, *args):
        """One step of `fit`: of the batch, or, on JAX, of the values of all variables and the batch."""
        return with_values(lambda data: self.run_step(data, fitting=True), training_state(self), args)

    def test_step(self, *args):
        """One step of `evaluate`, with arguments like those of `train_step`."""
        groups = (self.trainable_variables, self.non_trainable_variables, self.metrics_variables)
        return with_values(lambda data: self.run_step(data, fitting=False), groups, args)

    def get_config(self):
        """The arguments of the subclass' constructor, which are attributes by the same names."""
        given = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in arguments(self)}
        return {**super().get_config(), **given}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Undo `get_config`."""
        parts = {name: keras.saving.deserialize_keras_object(config[name], custom_objects) for name in arguments(cls)}
        return cls(**{**config, **parts})

    def make_train_function(self, force=False):
        """As Keras does it, but that a step that fails does not take the weights with it."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = keeping_weights(self, self.train_function)


def arguments(model):
    """Names of the arguments of a model's constructor."""
    kinds = inspect.signature(model.__init__).parameters.values()
    return [kind.name for kind in kinds if kind.kind is kind.POSITIONAL_OR_KEYWORD and kind.name != "self"]


def len_of(data):
    """The number of examples in a batch."""
    return keras.ops.shape(keras.tree.flatten(data)[0])[0]


def scaling(optimizer):
    """An optimizer that scales its loss, for float16."""
    scale = keras.optimizers.LossScaleOptimizer
    return optimizer if isinstance(optimizer, scale) else scale(optimizer)
