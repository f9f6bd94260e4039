"""How fast the recipes are, and how fast the same is without this project, and without Keras.

python -m backends_matrix.bench                                   # the backends that this Python has
python -m backends_matrix.bench --python jax=a/bin/python --python torch=b/bin/python

Variants: `plain` is Keras' own `fit` on the recipe's model, `tuned` the same with 32 steps per execution (not on
PyTorch), `shipped` the recipe's own `train`, `native` the file in backends_matrix/native/, which counts only if
`same_training` finds the recipe's losses. Each is timed in processes of its own, in turns, so that a change in what
else the machine does meets all of them alike.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

from backends_matrix.backends import environment_for
from backends_matrix.bench_report import made_with, markdown, rows_of
from backends_matrix.processes import python_argument, pythons_of, run_module
from keras_recipes.copying import recipe_names
from keras_recipes.files import as_json, write_file

NATIVES = Path(__file__).parent / "native"
TUNABLE = ("jax", "tensorflow")  # on PyTorch Keras makes one step per execution, and refuses more


class Job(NamedTuple):
    """What one process times."""

    recipe: str
    backend: str
    variant: str


def main(argv=None):
    """Time everything, write report.json and report.md, print the table; returns the exit status."""
    args = parse_arguments(argv)
    print(f"preset {args.preset}, {args.threads} threads, {args.rounds} rounds", flush=True)
    wrong = {}  # from recipe and backend to the verdict on a native that does not count
    for recipe in args.recipes:
        for backend in args.python:
            verdict = judge_native(recipe, backend, args)
            if verdict and not verdict["counts"]:
                wrong[recipe, backend] = verdict
    jobs = [job for job in all_jobs(args) if job.variant != "native" or job[:2] not in wrong]
    found = [timed(job, number, args) for number in range(args.rounds) for job in jobs]

    report = {
        "kind": "bench",
        "preset": args.preset,
        "threads": args.threads,
        "rounds": args.rounds,
        "seconds": args.seconds,
    }
    report |= {"made_with": made_with(found), "rows": rows_of(found, wrong)}
    write_file(args.folder / "report.json", as_json(report))
    write_file(args.folder / "report.md", markdown(report))
    print(markdown(report))
    return 1 if wrong else 0


def parse_arguments(argv):
    """The command line; `python` becomes a dict from backend to the path of its Python."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    python_argument(parser)
    parser.add_argument("--recipes", nargs="+", default=recipe_names(), help="time these only (all)")
    parser.add_argument("--preset", default="bench", help="of each recipe (bench; smoke to try the bench itself)")
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
        for backend in args.python:
            tuned = ["tuned"] if backend in TUNABLE else []
            native = ["native"] if native_file(recipe, backend).exists() else []
            jobs += [Job(recipe, backend, variant) for variant in ("plain", *tuned, "shipped", *native)]
    return jobs


def native_file(recipe, backend):
    """`Path` where the native of a recipe on a backend is, if there is one."""
    return NATIVES / f"{recipe}_{backend}.py"


def judge_native(recipe, backend, args):
    """What `same_training` says about a native, a dict; None where there is none."""
    if not native_file(recipe, backend).exists():
        return None
    folder = args.folder / recipe
    environment = environment_for(backend, "float64", threads=1)
    options = ["--preset", args.preset, "--folder", str(folder)]
    print(f"{backend}: same_training {recipe}", flush=True)
    run_module("same_training", [recipe, *options], environment, args.python[backend])
    return json.loads((folder / f"native-{backend}.json").read_text(encoding="utf-8"))


def timed(job, number, args):
    """The times that one process finds, a dict.

    Args:
        job: `Job`.
        number: Integer, the round.
        args: The parsed command line.
    """
    folder = args.folder / job.recipe
    result = folder / f"{job.backend}-{job.variant}-{number}.json"
    result.unlink(missing_ok=True)
    options = [
        "--preset",
        args.preset,
        "--backend",
        job.backend,
        "--threads",
        str(args.threads),
        "--seconds",
        str(args.seconds),
    ]
    options += ["--start", str(folder / f"start-{job.backend}.pickle"), "--result", str(result)]
    environment = environment_for(job.backend, "native", args.threads, gpu=args.gpu)
    print(f"{job.backend}: bench_worker {job.recipe} {job.variant}", flush=True)
    run_module("bench_worker", [job.recipe, job.variant, *options], environment, args.python[job.backend])
    return json.loads(result.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
