"""Run every recipe on every backend, and compare.

python -m backends_matrix                           # all backends that this Python has
python -m backends_matrix run --backends torch      # compare later, or on another machine
python -m backends_matrix run --backends jax torch --here    # with the packages and the GPU that are here
python -m backends_matrix compare                   # what earlier runs left in the folder

Timing needs psutil, of the dependency group `bench`; `--no-speed` does without. `--here` is for
a machine where nothing can be installed: it uses a GPU if there is one, times only if psutil is
there, and compares at the end with whatever other machines left in the folder.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from backends_matrix.backends import environment_for, installed_backends, require_supported_keras
from backends_matrix.bundle import read_bundles
from backends_matrix.judge import PRECISIONS, compare
from backends_matrix.known import KNOWN_DIFFERENCES, excuse, read_known
from backends_matrix.report import agreement_rows, as_data, describe, markdown, speed_rows, text_table
from keras_recipes.copying import recipe_names
from keras_recipes.files import as_json, write_file

PROCESSES = (("float32", "bfloat16"), ("float64",))  # precisions that one process of a recipe computes in


def main(argv=None):
    """Run, compare, or both; returns the exit status."""
    args = parse_arguments(argv)
    if args.action in ("run", "all"):
        require_supported_keras()
        for backend in args.backends or installed_backends():
            run(backend, args)
    if args.action == "run" and not args.here:
        return 0
    return report(args.folder, args.known, args.recipes, args.backends or [])


def parse_arguments(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", choices=("run", "compare", "all"), default="all")
    parser.add_argument("--backends", nargs="+", metavar="NAME", help="run on these (all installed ones)")
    parser.add_argument("--recipes", nargs="+", default=recipe_names(), help="run these only (all)")
    parser.add_argument("--folder", type=Path, default=Path("build/matrix"), help="of bundles and report")
    parser.add_argument("--known", type=Path, default=KNOWN_DIFFERENCES, help="differences that are upstream's")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time, for numbers (2)")
    parser.add_argument("--gpu", action="store_true", help="run on a GPU (on the CPU)")
    parser.add_argument("--here", action="store_true", help="run with what this machine has, then compare")
    parser.add_argument("--twins", type=int, help="runs that measure the unit of float32 (7)")
    parser.add_argument("--speed", action=argparse.BooleanOptionalAction, default=True, help="time the recipes, too")
    return parser.parse_args(argv)


def run(backend, args):
    """Leave the bundles and times of some recipes on one backend in a folder.

    Args:
        backend: String, name of the backend.
        args: The parsed command line; what an earlier run on the same backend
            and device left in `args.folder` is replaced.

    Raises:
        subprocess.CalledProcessError: If a recipe fails.
    """
    gpu = args.gpu or args.here

    def numbers(recipe, precisions):
        options = ["--folder", str(args.folder), "--precisions", *precisions]
        options += ["--twins", str(args.twins)] if args.twins else []
        process("worker", [recipe, *options], environment_for(backend, precisions[0], threads=1, gpu=gpu))

    with ThreadPoolExecutor(args.jobs) as pool:
        recipes, precisions = zip(*product(args.recipes, PROCESSES), strict=True)
        list(pool.map(numbers, recipes, precisions))
    timed = args.speed and (not args.here or importlib.util.find_spec("psutil"))
    if args.here and not timed:
        print(f"{backend}: not timed, psutil is not here", flush=True)
    for recipe in args.recipes if timed else []:
        process("speed", [recipe, "--folder", str(args.folder)], environment_for(backend, "native", 1, gpu=gpu))


def process(module, arguments, environment):
    """Run a module of the matrix; show its output only if it fails."""
    command = [sys.executable, "-m", f"backends_matrix.{module}", *arguments]
    print(f"{environment['KERAS_BACKEND']}: {module} {' '.join(arguments)}", flush=True)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout)
        raise subprocess.CalledProcessError(done.returncode, command)


def report(folder, known_path, recipes, backends):
    """Compare all bundles below a folder, print the tables, write the report there.

    Args:
        folder: `Path`.
        known_path: `Path` of the known differences.
        recipes: List of names; only their bundles count.
        backends: List of names that must have run each recipe, on any device;
            those that have run one must have run all in any case.

    Returns:
        Exit status: 0 if all agree, 1 on any disagreement or needless entry
        among the known differences, 2 if bundles are missing.
    """
    bundles = [bundle for bundle in read_bundles(folder) if bundle.about["recipe"] in recipes]
    missing = missing_bundles(bundles, recipes, backends)
    if missing:
        print(*(f"Nothing from {backend} in {folder} for {what}" for backend, what in missing), sep="\n")
        return 2
    findings = all_findings(bundles)
    disagreements, excused, unneeded = excuse(findings, read_known(known_path))
    speeds = [
        json.loads(path.read_text(encoding="utf-8")) for r in recipes for path in (folder / r).glob("speed-*.json")
    ]
    agreement, speed = agreement_rows(findings, disagreements, excused), speed_rows(speeds)

    write_file(folder / "report.md", markdown(agreement, speed, disagreements, unneeded, bundles))
    data = as_data(findings, disagreements, excused, unneeded, speeds, bundles)
    write_file(folder / "report.json", as_json(data))
    print(text_table(agreement), *([text_table(speed)] if speeds else []), sep="\n\n")
    print(*(describe(finding) for finding in disagreements), sep="\n")
    print(*(f"Not needed in {known_path}: {entry}" for entry in unneeded), sep="\n")
    agree = not (disagreements or unneeded)
    print("All levels agree." if agree else f"{len(disagreements)} disagreements.", f"Report: {folder / 'report.md'}")
    return 0 if agree else 1


def all_findings(bundles):
    """List of `Finding` from every source: what is judged beside the bundles joins the list here."""
    findings = []
    for place in dict.fromkeys((b.about["recipe"], b.about["preset"]) for b in bundles):
        findings += compare([b for b in bundles if (b.about["recipe"], b.about["preset"]) == place])
    return findings


def missing_bundles(bundles, recipes, backends):
    """List of `(backend, what)` that would be compared if it were there."""
    presets = dict.fromkeys((b.about["recipe"], b.about["preset"]) for b in bundles)
    places = [(*preset, precision) for preset in presets for precision in PRECISIONS]
    absent_backends = [name for name in backends if name not in {b.about["backend"] for b in bundles}]
    labels = dict.fromkeys([*absent_backends, *(b.label for b in bundles)])
    present = {(b.label, *(b.about[key] for key in ("recipe", "preset", "precision"))) for b in bundles}
    absent = [(label, " ".join(place)) for label in labels for place in places if (label, *place) not in present]
    absent += [("any backend", recipe) for recipe in recipes if recipe not in {place[0] for place in places}]
    return absent or [("a second backend", "comparison")] * (len(labels) < 2)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal without ✗ must not stop the report
    sys.exit(main())
