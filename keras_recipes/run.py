"""The folder that a run leaves: what was asked for, what came out, and on what it ran."""

import csv
import dataclasses
import io
import os
import platform
from importlib import metadata
from pathlib import Path

import keras
import numpy as np
from safetensors.numpy import load_file, save

from keras_recipes.config import require
from keras_recipes.files import as_json, write_file
from keras_recipes.pictures import training_curves


def save_run(folder, config, model, history, metrics):
    """Write what a run found, and print its metrics.

    Each file is whole or absent, also after a kill. The folder gets
    `config.json`, `environment.json`, `history.csv` (a row per epoch) and its
    picture `history.png`, `metrics.json` and `weights.safetensors`.

    Args:
        folder: `Path`, created where it does not exist.
        config: The recipe's `Config`.
        model: The trained `keras.Model`.
        history: Dict from name to list of floats, as `fit` returns it.
        metrics: Dict from name to float.
    """
    weights = {weight.path: np.array(weight.numpy(), order="C") for weight in model.weights}
    write_file(folder / "weights.safetensors", save(weights))
    write_file(folder / "config.json", as_json(dataclasses.asdict(config)))
    write_file(folder / "environment.json", as_json(environment()))
    write_file(folder / "history.csv", history_table(history))
    if history:
        training_curves(history, folder / "history.png")
    write_file(folder / "metrics.json", as_json(metrics))
    print("  ".join(f"{name} {value:.4f}" for name, value in metrics.items()))
    print(f"Results are in {folder}")


def load_weights(model, path):
    """Put the weights of an earlier run into a model.

    Args:
        model: `keras.Model`, built from the same configuration and data sizes.
        path: Path of a `weights.safetensors`.

    Raises:
        ValueError: If the names or shapes of the weights differ.
    """
    weights = load_file(path)
    expected = {weight.path: tuple(weight.shape) for weight in model.weights}
    received = {name: array.shape for name, array in weights.items()}
    differing = sorted(dict(expected.items() ^ received.items()))
    require(not differing, "path", f"weights of this model, which {path} is not in", differing)
    for weight in model.weights:
        weight.assign(weights[weight.path])


def environment():
    """Backend, versions and machine, as a dict of strings."""
    packages = ("keras", "numpy", keras.config.backend(), "keras-recipes")
    installed = {name: version_of(name) for name in packages}
    return {
        "backend": keras.config.backend(),
        "python": platform.python_version(),
        **{name: version for name, version in installed.items() if version},
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": str(os.cpu_count()),
    }


def version_of(package):
    """The version of an installed package, or an empty string."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def processor():
    """The model of this machine's processor, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def history_table(history):
    """CSV text: a column per name, a row per epoch."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *history])
    writer.writerows([epoch, *row] for epoch, row in enumerate(zip(*history.values(), strict=True), start=1))
    return text.getvalue()
