"""How fast the recipes are, and how fast the same is without this project, and without Keras.

python -m backends_matrix.bench                                   # the backends that this Python has
python -m backends_matrix.bench --python jax=a/bin/python --python torch=b/bin/python

Variants: `plain` is Keras' own `fit` on the recipe's model, `tuned` the same with 32 steps per execution (not on
PyTorch), `shipped` the recipe's own `train`, `native` and `by_hand` the files in backends_matrix/native/, without
Keras and with its layers, which count only if `same_training` finds the recipe's losses. Each is timed in processes of
its own, in turns, so that a change in what else the machine does meets all of them alike.
"""

import argparse
import importlib
import json
import os
import sys
from itertools import product
from pathlib import Path
from typing import NamedTuple

from backends_matrix.backends import environment_for
from backends_matrix.bench_report import made_with, markdown, rows_of
from backends_matrix.native import BY_HAND, variants_by_hand
from backends_matrix.processes import python_argument, pythons_of, run_module
from keras_recipes.copying import recipe_names
from keras_recipes.files import as_json, write_file

TUNABLE = ("jax", "tensorflow")  # on PyTorch Keras makes one step per execution, and refuses more


class Job(NamedTuple):
    """What one process times."""

    recipe: str
    preset: str
    backend: str
    variant: str

    @property
    def name(self):
        """What the report calls a recipe with one of its presets: `gan`, `gan-wgan_gp`."""
        return "-".join([self.recipe, *self.preset.split("-")[1:]])


def main(argv=None):
    """Time everything, write report.json and report.md, print the table; returns the exit status."""
    args = parse_arguments(argv)
    print(f"preset {args.preset or 'bench'}, {args.threads} threads, {args.rounds} rounds", flush=True)
    jobs = all_jobs(args)
    verdicts = {job: judged(job, args) for job in jobs if job.variant in BY_HAND}
    wrong = {job: verdict for job, verdict in verdicts.items() if not verdict["counts"]}
    jobs = [job for job in jobs if job not in wrong]
    found = [timed(job, number, args) for number in range(args.rounds) for job in jobs]

    settings = {name: getattr(args, name) for name in ("threads", "rounds", "seconds")}
    settings["preset"] = args.preset or "bench"
    rows = rows_of(found, {(job.name, *job[2:]): verdict for job, verdict in wrong.items()})
    report = {"kind": "bench", **settings, "made_with": made_with(found), "rows": rows}
    write_file(args.folder / "report.json", as_json(report))
    write_file(args.folder / "report.md", markdown(report))
    print(markdown(report))
    return 1 if wrong else 0


def parse_arguments(argv):
    """The command line; `python` becomes a dict from backend to the path of its Python."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    python_argument(parser)
    parser.add_argument("--recipes", nargs="+", default=recipe_names(), help="time these only (all)")
    parser.add_argument("--variants", nargs="+", help="time these only (all)")
    parser.add_argument("--preset", help="of each recipe (`bench` and each `bench-…`); `smoke` tries the bench itself")
    parser.add_argument("--rounds", type=int, default=5, help="processes per recipe, backend and variant (5)")
    parser.add_argument("--quick", action="store_true", help="two rounds: a first look, no result")
    parser.add_argument("--seconds", type=float, default=1.5, help="time epochs at least so long in each process (1.5)")
    # Two everywhere: figures compare only at the same number, and frameworks that choose for themselves differ.
    default = min(2, os.cpu_count() or 1)
    parser.add_argument("--threads", type=int, default=default, help="cores and threads of each process (2)")
    parser.add_argument("--gpu", action="store_true", help="run on a GPU (on the CPU)")
    parser.add_argument("--folder", type=Path, default=Path("build/bench"), help="of the report")
    args = parser.parse_args(argv)
    if args.quick:
        args.rounds = min(args.rounds, 2)
    for name in ("rounds", "threads"):
        if getattr(args, name) < 1:
            parser.error(f"`--{name}` must be at least 1, received {getattr(args, name)}")
    args.python = pythons_of(parser, args.python)
    return args


def all_jobs(args):
    """List of `Job`, in the order of a round: variants of a recipe on a backend lie next to each other."""
    jobs = []
    for recipe in args.recipes:
        presets = [args.preset] if args.preset else bench_presets(recipe)
        for preset, backend in product(presets, args.python):
            tuned = ["tuned"] if backend in TUNABLE else []
            variants = ["plain", *tuned, "shipped", *variants_by_hand(recipe, backend)]
            chosen = [variant for variant in variants if variant in (args.variants or variants)]
            jobs += [Job(recipe, preset, backend, variant) for variant in chosen]
    return jobs


def bench_presets(recipe):
    """List of the presets of a recipe that are called `bench`, or `bench-…`."""
    presets = importlib.import_module(f"recipes.{recipe}").PRESETS
    return [name for name in presets if name.partition("-")[0] == "bench"]


def judged(job, args):
    """What `same_training` says about what is written by hand, a dict."""
    folder = args.folder / job.name
    environment = environment_for(job.backend, "float64", threads=1)
    options = ["--variant", job.variant, "--preset", job.preset, "--folder", str(folder)]
    print(f"{job.backend}: same_training {job.name} {job.variant}", flush=True)
    run_module("same_training", [job.recipe, *options], environment, args.python[job.backend])
    return json.loads((folder / f"{job.variant}-{job.backend}.json").read_text(encoding="utf-8"))


def timed(job, number, args):
    """The times that one process finds, a dict.

    Args:
        job: `Job`.
        number: Integer, the round.
        args: The parsed command line.
    """
    folder = args.folder / job.name
    result = folder / f"{job.backend}-{job.variant}-{number}.json"
    result.unlink(missing_ok=True)
    options = ["--preset", job.preset, "--backend", job.backend]
    options += ["--threads", str(args.threads), "--seconds", str(args.seconds)]
    options += ["--start", str(folder / f"start-{job.backend}.pickle"), "--result", str(result)]
    environment = environment_for(job.backend, "native", args.threads, gpu=args.gpu)
    print(f"{job.backend}: bench_worker {job.name} {job.variant}", flush=True)
    run_module("bench_worker", [job.recipe, job.variant, *options], environment, args.python[job.backend])
    return json.loads(result.read_text(encoding="utf-8")) | {"recipe": job.name}


if __name__ == "__main__":
    sys.exit(main())
