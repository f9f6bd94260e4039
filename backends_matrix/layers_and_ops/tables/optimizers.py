"""Every optimizer on two weights and given gradients: the weights after 1, 5 and 20 steps."""

import keras
import numpy as np
from keras import layers, optimizers

from backends_matrix.layers_and_ops.case import Case, Subject

STEPS = (1, 5, 20)
ROWS = {
    "SGD": {},
    "SGD momentum": {"momentum": 0.9},
    "SGD nesterov": {"momentum": 0.9, "nesterov": True},
    "RMSprop": {},
    "RMSprop centered": {"centered": True, "momentum": 0.9},
    "Adam": {},
    "Adam amsgrad": {"amsgrad": True},
    "Adam large epsilon": {"epsilon": 1.0},
    "Adam clipnorm": {"clipnorm": 0.5},
    "Adam global_clipnorm": {"global_clipnorm": 0.5},
    "Adam clipvalue": {"clipvalue": 0.1},
    "Adam average": {"use_ema": True, "ema_overwrite_frequency": 2},
    "Adam accumulated": {"gradient_accumulation_steps": 2},
    "Adam weight decay": {"weight_decay": 0.1},
    "AdamW": {"weight_decay": 0.1},
    "Adamax": {},
    "Nadam": {},
    "Adagrad": {},
    "Adadelta": {},
    "Adafactor": {},
    "Ftrl": {"l1_regularization_strength": 0.01, "l2_regularization_strength": 0.01},
    "Lion": {},
    "Lamb": {},
    "Muon": {},
    "ScheduleFreeAdamW": {},
}
SCHEDULES = {
    "ExponentialDecay": (0.1, 3, 0.5),
    "CosineDecay": (0.1, 12),
    "PiecewiseConstantDecay": ([3, 9], [0.1, 0.05, 0.01]),
    "PolynomialDecay": (0.1, 10),
    "InverseTimeDecay": (0.1, 3, 0.5),
}
IDS = np.array([[1, 1, 2], [3, 1, 0]], "int32")  # one id three times


def cases():
    """List of `Case`."""
    found = [optimizer_case(name, with_arguments(name.split()[0], ROWS[name])) for name in ROWS]
    for name, arguments in SCHEDULES.items():
        found.append(optimizer_case(f"SGD with {name}", with_schedule(name, arguments)))
    names = ("SGD", "Adam", "RMSprop", "Adagrad", "Adam clipnorm")
    return [*found, *(embedding_case(name) for name in names)]


def with_arguments(class_name, arguments):
    """Function that makes an optimizer."""
    return lambda: getattr(optimizers, class_name)(learning_rate=0.05, **arguments)


def with_schedule(name, arguments):
    """Function that makes an optimizer whose learning rate follows a schedule."""
    return lambda: optimizers.SGD(getattr(optimizers.schedules, name)(*arguments))


def optimizer_case(name, build):
    """A `Case` with gradients that are given."""

    def make(rng):
        weights = {"kernel": rng.normal(size=(5, 3)).astype("float32"), "bias": rng.normal(size=3).astype("float32")}
        gradients = {
            f"gradient of {which}": rng.normal(size=(STEPS[-1], *array.shape)).astype("float32")
            for which, array in weights.items()
        }
        return Subject(lambda tensors: weights_after(build(), tensors), gradients, weights)

    # JAX traces the conditional of an accumulation at each step: once is enough.
    precisions = ("float64",) if "accumulated" in name else ("float64", "float32")
    options = {"quantity": "weights", "precisions": precisions, "gradient": False, "compiled": False}
    return Case(f"{name} optimizer", "optimizers", make, **options)


def weights_after(optimizer, tensors):
    """List of both weights after each number of steps."""
    names = ("kernel", "bias")
    variables = [keras.Variable(tensors[name], name=name) for name in names]
    optimizer.build(variables)
    kept = []
    for step in range(STEPS[-1]):
        optimizer.apply([tensors[f"gradient of {name}"][step] for name in names], variables)
        if step + 1 in STEPS:
            kept += [keras.ops.copy(variable.value) for variable in variables]
    return kept


def embedding_case(name):
    """A `Case` in which `fit` trains the table of a layer on ids that repeat within the batch."""

    def make(rng):
        targets = rng.normal(size=(2, 3, 4)).astype("float32")
        table = rng.normal(size=(5, 4)).astype("float32")
        return Subject(lambda tensors: trained(name, tensors["table"], targets), {}, {"table": table})

    options = {"quantity": "weights", "precisions": ("float64", "float32"), "gradient": False, "compiled": False}
    return Case(f"{name} on an Embedding", "optimizers", make, **options)


def trained(name, table, targets):
    """The table after five steps of training."""
    model = keras.Sequential([keras.Input((3,), dtype="int32"), layers.Embedding(5, 4)])
    model.set_weights([keras.ops.convert_to_numpy(table)])
    model.compile(with_arguments(name.split()[0], ROWS[name])(), "mse", run_eagerly=True)
    for _ in range(5):
        model.train_on_batch(IDS, targets)
    return model.get_weights()
