"""The whole state of a training in one file that every backend can read."""

import json
import warnings
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from keras_recipes.config import require
from keras_recipes.files import as_json, write_file

STATE_KEY = "keras_recipes_training"  # in the header of the file, with JSON text behind it
STATE_VERSION = 1  # of the layout of the file
INCIDENTAL = ("module", "registered_name", "name")  # parts of an optimizer's settings that change no number


class CheckpointError(ValueError):
    """A file is no checkpoint, or one of something else; the message names what differs."""


def save_training(path, model, epoch=0, history=None, config=None, finished=False):
    """Write all that a training needs to go on, here or on another backend.

    The file is whole or absent, also after a kill: what it held before is
    replaced at the very end. It holds, as safetensors, the weights and the
    states of the optimizer and of all `SeedGenerator`s of the model, and, as
    JSON in its header, everything else; nothing in it is code. It lacks what
    the model does not hold, such as the state of `numpy.random`.

    Args:
        path: `Path` or string, the file, by custom `*.safetensors`.
        model: Built `keras.Model`. An optimizer that has not made a step yet
            gets its variables, as its first step would give them.
        epoch: Integer, how many epochs are done.
        history: Dict from name to list of floats, one per epoch.
        config: Dict of what identifies the training, of values that JSON has.
        finished: Boolean, whether the training has come to its end.

    Raises:
        ValueError: If the model is not built.
    """
    require(model.built, "model", "built, so that it has weights", model.name)
    build_optimizer(model)
    variables = {**model_state(model), **optimizer_state(model)}
    arrays = {name: np.asarray(variable.numpy(), order="C") for name, variable in variables.items()}
    about = {
        "version": STATE_VERSION,
        "keras": keras.__version__,
        "backend": keras.config.backend(),
        "epoch": epoch,
        "finished": finished,
        "history": history or {},
        "config": config or {},
        "settings": settings_of(model),
        "dtypes": {name: array.dtype.name for name, array in arrays.items()},
    }
    tensors = {name: as_bits(array) for name, array in arrays.items()}
    write_file(Path(path), save(tensors, metadata={STATE_KEY: as_json(about)}))


def load_training(path, model):
    """Put back what `save_training` wrote, on any backend.

    Everything is checked before anything is changed.

    Args:
        path: `Path` or string, the file.
        model: Built `keras.Model` like the one saved, compiled with an
            optimizer like its own. A learning rate that follows no schedule is
            part of the state and need not be the same.

    Returns:
        Dict of what `save_training` was told, `epoch`, `history`, `config` and
        `finished`, and of the `keras` and `backend` that wrote the file.

    Raises:
        CheckpointError: If `save_training` did not write the file, or if
            weights, seeds, what is trainable, or class, settings or variables
            of the optimizer differ; the message names them.
        FileNotFoundError: If there is no such file.
        ValueError: If the model is not built.
    """
    require(model.built, "model", "built, so that it has weights", model.name)
    about, arrays = read_state(path)
    state = {name: array for name, array in arrays.items() if not name.startswith("optimizer/")}
    found = differences(about["settings"], settings_of(model)) + misfits(state, model_state(model))
    require_none(found, path)
    build_optimizer(model)  # makes variables, changes none
    variables = {**model_state(model), **optimizer_state(model)}
    require_none(misfits(arrays, variables), path)
    for name, variable in variables.items():
        variable.assign(converted(name, arrays[name], variable.dtype))
    return {name: about[name] for name in ("epoch", "history", "config", "finished", "keras", "backend")}


def read_about(path):
    """What the header of a checkpoint says, as a dict; raises CheckpointError if the file is none."""
    with Path(path).open("rb"):  # missing or forbidden: Python's own error
        pass
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})[STATE_KEY])
    except (SafetensorError, KeyError, ValueError):
        raise CheckpointError(f"`path` must be a whole file of save_training, received {path}") from None
    if about.get("version") != STATE_VERSION:
        expected = f"a checkpoint of version {STATE_VERSION}"
        raise CheckpointError(f"`path` must be {expected}, received {path} of version {about.get('version')}")
    about["history"] = {name: [float(value) for value in values] for name, values in about["history"].items()}
    return about


def read_state(path):
    """The header of a checkpoint, and a dict from name to array in its own dtype."""
    about = read_about(path)
    with safe_open(path, framework="numpy") as file:
        bits = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    return about, {name: array.view(about["dtypes"][name]) for name, array in bits.items()}


def model_state(model):
    """Dict from name to `keras.Variable`: weights by path, states of seed generators by place.

    Keras counts the names of seed generators up through the life of a process,
    so a model that is built twice gets others.
    """
    weights = {id(weight) for weight in model.weights}
    seeds = [variable for variable in model.variables if id(variable) not in weights]
    named = [(f"weights/{weight.path}", weight) for weight in model.weights]
    return numbered([*named, *((f"random/{place}", seed) for place, seed in enumerate(seeds))])


def optimizer_state(model):
    """Dict from name to `keras.Variable`; paths differ between backends, the last part of them does not."""
    optimizer = getattr(model, "optimizer", None)
    return numbered([(f"optimizer/{variable.name}", variable) for variable in optimizer.variables] if optimizer else [])


def numbered(pairs):
    """Dict of `(name, value)` pairs; names that occur again get `#2`, `#3` and so on."""
    found, times = {}, {}
    for name, value in pairs:
        times[name] = times.get(name, 0) + 1
        found[f"{name}#{times[name]}" if times[name] > 1 else name] = value
    return found


def build_optimizer(model):
    """Give a compiled model's optimizer its variables, if it has not got them."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer and not optimizer.built:
        optimizer.build(model.trainable_variables)


def settings_of(model):
    """What must be the same for training to go on: the trainable weights, and the optimizer's class and settings."""
    optimizer = getattr(model, "optimizer", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of the code of lambdas, which is left out here
        serialized = keras.saving.serialize_keras_object(optimizer) if optimizer else None
    trainable = {id(variable) for variable in model.trainable_variables}
    names = [name for name, variable in model_state(model).items() if id(variable) in trainable]
    return {"trainable": dict.fromkeys(names, True), "optimizer": json.loads(as_json(without_incidentals(serialized)))}


def without_incidentals(settings):
    """Serialized settings without names and modules, code, and the learning rate if it is a number."""
    if isinstance(settings, dict):
        if settings.get("class_name") == "__lambda__":
            return "lambda"
        kept = {name: value for name, value in settings.items() if name not in INCIDENTAL}
        kept |= {"learning_rate": None} if isinstance(kept.get("learning_rate"), float) else {}
        return {name: without_incidentals(value) for name, value in kept.items()}
    return settings


def differences(in_file, here, place=""):
    """List of texts, one for each entry in which two nested dicts differ; `place` is where they are."""
    if not (isinstance(in_file, dict) and isinstance(here, dict)):
        return [] if in_file == here else [f"{place} is {in_file!r} in the file and {here!r} here"]
    entries = [(key, in_file.get(key), here.get(key)) for key in dict.fromkeys([*in_file, *here])]
    return [text for key, *pair in entries for text in differences(*pair, place=f"{place}/{key}".lstrip("/"))]


def misfits(arrays, variables):
    """List of texts, one for each array without a variable, variable without an array, and pair that does not fit."""
    found = [f"{name} is in the file only" for name in arrays if name not in variables]
    for name, variable in variables.items():
        here, array = f"{variable.dtype} {tuple(variable.shape)}", arrays.get(name)
        if array is None:
            found.append(f"{name} is not in the file")
        elif array.shape != tuple(variable.shape) or converted(name, array, variable.dtype) is None:
            found.append(f"{name} is {array.dtype.name} {array.shape} in the file and {here} here")
    return found


def converted(name, array, dtype):
    """The array in the dtype of its variable, or None if that could change numbers.

    Integers may have another width: counters are int32 on JAX and int64 on
    TensorFlow. Seeds are uint32 on JAX, int64 on TensorFlow and int32 on
    PyTorch; their low 32 bits count, which casts keep.
    """
    if array.dtype.name == dtype:
        return array
    if array.dtype.kind not in "iu" or np.dtype(dtype).kind not in "iu":
        return None
    cast = array.astype(dtype)
    return cast if name.startswith("random/") or np.array_equal(cast, array) else None


def as_bits(array):
    """The array, or its bits as integers if NumPy has no such dtype by itself, as for bfloat16."""
    return array if array.dtype.kind in "biufc" else array.view(f"uint{8 * array.itemsize}")


def require_none(found, path):
    """Raise CheckpointError if there are differences."""
    if found:
        shown = "; ".join(found[:10]) + (f"; and {len(found) - 10} more" if len(found) > 10 else "")
        raise CheckpointError(f"`path` must be a checkpoint of this training, received {path}: {shown}")
