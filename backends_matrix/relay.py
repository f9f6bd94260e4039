"""A training that changes the backend: killed on one, resumed on the next, finished on the last.

python -m backends_matrix.relay leg RECIPE --backend jax --kill-in-epoch 2
python -m backends_matrix.relay leg RECIPE --backend torch --kill-in-epoch 3
python -m backends_matrix.relay leg RECIPE --backend tensorflow
python -m backends_matrix.relay compare RECIPE

Each leg runs the recipe's own `main`, with the same flags. The last line holds what is left in the end
against whole trainings, one on each backend, by the rule that the matrix has for these; it reads the
bundles that `python -m backends_matrix run` has left.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from backends_matrix.backends import environment_for
from backends_matrix.bundle import Bundle, read_bundles
from backends_matrix.judge import Level, compare_pair
from backends_matrix.report import describe

PRESET = "smoke"
LEVEL = Level("relay", "float32", "typical", ("typical_metric", "typical_weights@end"))


def leg(recipe, backend, folder, kill_in_epoch=None):
    """Begin or go on with a training on one backend.

    Args:
        recipe: String, name of the recipe.
        backend: String, name of the backend, which this Python must have.
        folder: `Path` of the run.
        kill_in_epoch: Integer, counted from 1: the process gets SIGKILL in the
            middle of this epoch; None for a leg that finishes.

    Raises:
        RuntimeError: If the process ended in another way than it should.
    """
    command = [sys.executable, "-m", "backends_matrix.relay_leg", recipe, PRESET, str(folder), str(kill_in_epoch or 0)]
    status = subprocess.run(command, env=environment_for(backend, "float32", threads=1)).returncode
    expected = -signal.SIGKILL if kill_in_epoch else 0
    if status != expected:
        raise RuntimeError(f"the leg on {backend} ended with status {status}, not {expected}")
    print(f"{recipe}: {f'killed in epoch {kill_in_epoch}' if kill_in_epoch else 'finished'} on {backend}", flush=True)


def compare(recipe, folder, bundles):
    """Hold the end of a relay against whole trainings.

    Args:
        recipe: String, name of the recipe.
        folder: `Path` of the relay's run.
        bundles: List of `Bundle`; those of float32 and this recipe count.

    Returns:
        List of `Finding`, for each backend, metric, and the weights as one vector.

    Raises:
        ValueError: If there is no bundle to compare with.
    """
    whole = [b for b in bundles if [b.about[key] for key in ("recipe", "preset", "precision")] == place(recipe)]
    if not whole:
        raise ValueError(f"`bundles` must be a folder with bundles of {recipe}, received one without")
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    arrays = {f"typical_weights@end/{name}": array for name, array in load_file(folder / "weights.safetensors").items()}
    arrays |= {f"typical_metric/{name}": np.array(value) for name, value in metrics.items()}
    relay = Bundle({"recipe": recipe, "preset": PRESET, "backend": "relay", "device": "cpu", "ulp": {}}, arrays)
    return [found for one in whole for found in compare_pair(LEVEL, one, relay, whole)]


def place(recipe):
    """What the bundles say that a relay is compared with."""
    return [recipe, PRESET, LEVEL.precision]


def main(argv=None):
    """Run a leg, or compare; returns the exit status, 1 if the end is another one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("leg", "compare"))
    parser.add_argument("recipe", help="name of the recipe")
    parser.add_argument("--folder", type=Path, default=Path("build/relay"), help="where the runs are")
    parser.add_argument("--backend", default=os.environ.get("KERAS_BACKEND", "tensorflow"), help="of the leg")
    parser.add_argument("--kill-in-epoch", type=int, help="kill it in the middle of this epoch, counted from 1")
    parser.add_argument("--first", action="store_true", help="begin: forget what an earlier relay left")
    parser.add_argument("--bundles", type=Path, default=Path("build/matrix"), help="whole trainings to compare with")
    args = parser.parse_args(argv)
    folder = args.folder / args.recipe
    if args.action == "leg":
        if args.first:
            shutil.rmtree(folder, ignore_errors=True)
        leg(args.recipe, args.backend, folder, args.kill_in_epoch)
        return 0
    findings = compare(args.recipe, folder, read_bundles(args.bundles / args.recipe))
    for found in findings:
        text = f"{found.pair[0]}, {found.name}: {found.measured:.2g} s apart, at most {found.limit:g}"
        print(text if found.agrees else describe(found))
    return 0 if all(found.agrees for found in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
