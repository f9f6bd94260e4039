"""Run the cases on every backend, and compare.

python -m backends_matrix.layers_and_ops                        # all backends that this Python has
python -m backends_matrix.layers_and_ops run --backends torch   # here; compare later, or on another machine
python -m backends_matrix.layers_and_ops run --python jax=a/bin/python --python torch=b/bin/python
python -m backends_matrix.layers_and_ops compare                # what earlier runs left in the folder
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from backends_matrix.backends import environment_for
from backends_matrix.bundle import read_bundles
from backends_matrix.layers_and_ops.known import KNOWN_DIFFERENCES, excuse, read_known
from backends_matrix.layers_and_ops.report import as_data, describe, markdown, table
from backends_matrix.layers_and_ops.rule import compare
from backends_matrix.processes import python_argument, pythons_of, run_module
from backends_matrix.report import text_table
from keras_recipes.files import as_json, write_file

PRECISIONS = ("float32", "float64", "bfloat16")  # the longest first


def main(argv=None):
    """Run, compare, or both; returns the exit status."""
    args = parse_arguments(argv)
    if args.action in ("run", "all"):
        run(args)
    return 0 if args.action == "run" else report(args.folder, args.known, args.backends or [])


def parse_arguments(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", choices=("run", "compare", "all"), default="all")
    parser.add_argument(
        "--backends", nargs="+", metavar="NAME", help="run on these (all there are); compare wants them"
    )
    python_argument(parser)
    parser.add_argument("--cases", nargs="+", default=["*"], help="run these only: names, with * and ? (all)")
    parser.add_argument("--folder", type=Path, default=Path("build/layers_and_ops"), help="of bundles and report")
    parser.add_argument("--known", type=Path, default=KNOWN_DIFFERENCES, help="differences that are upstream's")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--gpu", action="store_true", help="run on a GPU (on the CPU)")
    args = parser.parse_args(argv)
    args.python = pythons_of(parser, args.python)
    return args


def run(args):
    """Leave the bundles of all backends in a folder.

    Raises:
        subprocess.CalledProcessError: If a process fails; a case that raises does not.
    """
    jobs = [(backend, *job) for backend in args.backends or args.python for job in processes_of(backend, args.gpu)]
    jobs.sort(key=lambda job: PRECISIONS.index(job[1][0]))

    def process(job):
        backend, precisions, environment = job
        options = ["--folder", str(args.folder), "--precisions", *precisions, "--cases", *args.cases]
        print(f"{backend}: layers and ops in {', '.join(precisions)}", flush=True)
        run_module("layers_and_ops.worker", options, environment, args.python.get(backend, sys.executable))

    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(process, jobs))


def processes_of(backend, gpu):
    """List of tuples, one for each process that a backend needs: its precisions, and its environment.

    Precisions share a process unless the backend must be started another way for one of them.
    """
    found = []
    for precision in PRECISIONS:
        environment = environment_for(backend, precision, threads=1, gpu=gpu)
        if backend == "jax" and precision != "float32":  # which shows how the backend rounds; the others, what it means
            environment["XLA_FLAGS"] += " --xla_backend_optimization_level=0"  # compiles in half the time
        same = [precisions for precisions, started in found if started == environment]
        same[0].append(precision) if same else found.append(([precision], environment))
    return found


def report(folder, known_path, backends):
    """Compare all bundles below a folder, print what disagrees, write the report there.

    Args:
        folder: `Path`.
        known_path: `Path` of the known differences.
        backends: List of names that must have run.

    Returns:
        Exit status: 0 if all agree, 1 on any disagreement or needless entry
        among the known differences, 2 if bundles are missing.
    """
    bundles = read_bundles(folder)
    present = {(bundle.label, bundle.about["precision"]) for bundle in bundles}
    labels = dict.fromkeys([*backends, *(label for label, _ in present)])
    precisions = ("float32", "bfloat16", "float64", "truth")
    missing = [(label, precision) for label in labels for precision in precisions if (label, precision) not in present]
    if missing or len(labels) < 2:
        print(*(f"Nothing from {label} in {precision} in {folder}" for label, precision in missing), sep="\n")
        print(f"A comparison needs two backends, {folder} has {', '.join(labels) or 'none'}")
        return 2
    findings = compare(bundles)
    disagreements, excused, unneeded = excuse(findings, read_known(known_path))
    write_file(folder / "report.md", markdown(findings, disagreements, excused, unneeded, bundles))
    data = as_data(findings, excused, unneeded, read_known(known_path), bundles)
    write_file(folder / "report.json", as_json(data))
    print(text_table(table(findings, disagreements, excused)))
    print(*(describe(finding) for finding in disagreements), sep="\n")
    print(*(f"Not needed in {known_path}: {what}" for what in unneeded), sep="\n")
    agree = not (disagreements or unneeded)
    print("All cases agree." if agree else f"{len(disagreements)} disagreements.", f"Report: {folder / 'report.md'}")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal without ✗ must not stop the report
    sys.exit(main())
