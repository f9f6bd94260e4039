"""Run every recipe on every backend, and compare.

python -m backends_matrix                                   # all backends that this Python has
python -m backends_matrix run --python jax=a/bin/python --python torch=b/bin/python
python -m backends_matrix run --backends torch              # compare later, or on another machine
python -m backends_matrix resume --backends torch           # what all backends have saved, once all have run
python -m backends_matrix run --backends jax torch --here   # with the packages and the GPU that are here
python -m backends_matrix compare                           # what earlier runs left in the folder
python -m backends_matrix report a.json b.json              # results of several machines as one page
python -m backends_matrix collect                           # what was compared becomes the committed results

`--here` is for a machine where nothing can be installed: it uses a GPU if there is one, resumes what it
has saved, and compares at the end with whatever other machines left in the folder.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from backends_matrix.backends import environment_for, require_supported_keras
from backends_matrix.bundle import read_bundles
from backends_matrix.full import README, RESULTS
from backends_matrix.judge import MAIN_PRESET, compare, precisions_of
from backends_matrix.judge_checkpoints import SAVED, compare_checkpoints
from backends_matrix.known import KNOWN_DIFFERENCES, excuse, read_known
from backends_matrix.page.build import page
from backends_matrix.page.inputs import read_results
from backends_matrix.processes import python_argument, pythons_of, run_module
from backends_matrix.readme import with_table
from backends_matrix.report import (
    agreement_rows,
    as_data,
    describe,
    markdown,
    merged_data,
    merged_markdown,
    text_table,
)
from backends_matrix.sources import changed
from keras_recipes.copying import recipe_names
from keras_recipes.files import as_json, write_file

NUMBERS = (("--save", "--precisions", "float32", "bfloat16"), ("--precisions", "float64"))  # what one process each does


def main(argv=None):
    """Run, resume, compare, or all three; or merge reports. Returns the exit status."""
    args = parse_arguments(argv)
    if args.action == "report":
        return write_page(args.files, args.output, args.readme)
    if args.action == "collect":
        return collect(args.folder, args.recipes)
    if args.action != "compare":
        require_supported_keras()
    backends = args.backends or list(args.python)
    everything = args.action == "all" or args.here
    if everything or args.action == "run":
        run(backends, args)
    if everything or args.action == "resume":
        resume(backends, args)
    if everything or args.action == "compare":
        return report(args.folder, args.known, args.recipes, args.backends or [])
    return 0


def parse_arguments(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = ("run", "resume", "compare", "report", "collect", "all")
    parser.add_argument("action", nargs="?", choices=actions, default="all")
    parser.add_argument("files", nargs="*", type=Path, help="for `report`: the JSON files to merge, later ones count")
    parser.add_argument("--backends", nargs="+", metavar="NAME", help="run on these (those of --python)")
    python_argument(parser)
    parser.add_argument("--recipes", nargs="+", default=recipe_names(), help="run these only (all)")
    parser.add_argument(
        "--changed", action="store_true", help="of these only what changed since the committed results, and one more"
    )
    parser.add_argument("--folder", type=Path, default=Path("build/matrix"), help="of bundles and report")
    parser.add_argument("--known", type=Path, default=KNOWN_DIFFERENCES, help="differences that are upstream's")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--gpu", action="store_true", help="run on a GPU (on the CPU)")
    parser.add_argument("--here", action="store_true", help="run with what this machine has, then compare")
    parser.add_argument("--twins", type=int, help="runs that measure the unit of float32 (7)")
    parser.add_argument("--output", type=Path, default=Path("build/matrix/report.html"), help="where `report` writes")
    parser.add_argument("--readme", type=Path, help="`report` also writes its table between the marks of this file")
    args = parser.parse_intermixed_args(argv)
    if bool(args.files) != (args.action == "report"):
        parser.error("`report`, and only `report`, takes the names of JSON files")
    args.python = pythons_of(parser, args.python)
    args.in_turn = []
    if args.changed:
        stale, args.in_turn = changed(args.recipes)
        args.recipes = stale + args.in_turn
        print("Changed since the committed results:", *stale or ["none"], flush=True)
        print("In turn, its main preset:", *args.in_turn or ["none"], flush=True)
    return args


def run(backends, args):
    """Leave the bundles and checkpoints of some recipes on some backends in a folder.

    Args:
        backends: List of names.
        args: The parsed command line; what an earlier run on the same backend
            and device left in `args.folder` is replaced.

    Raises:
        subprocess.CalledProcessError: If a recipe fails.
    """
    twins = ["--twins", str(args.twins)] if args.twins else []
    process_each(backends, [("worker", (*options, *twins)) for options in NUMBERS], args)


def resume(backends, args):
    """Resume on some backends all checkpoints that are in a folder; arguments and errors as for `run`."""
    process_each(backends, [("checkpoints", ("resume",))], args)


def process_each(backends, modules, args):
    """Run modules, each a tuple of name and options, for each backend and recipe, a few at a time."""

    def process_one(task):
        backend, recipe, (module, options) = task
        precision = "float64" if "float64" in options else "float32"
        environment = environment_for(backend, precision, threads=1, gpu=args.gpu or args.here)
        presets = ["--presets", MAIN_PRESET] if module == "worker" and recipe in args.in_turn else []
        arguments = [recipe, "--folder", str(args.folder), *options, *presets]
        print(f"{backend}: {module} {' '.join(arguments)}", flush=True)
        run_module(module, arguments, environment, args.python.get(backend, sys.executable))

    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(process_one, product(backends, args.recipes, modules)))


def report(folder, known_path, recipes, backends):
    """Compare all bundles below a folder, print the table, write the report there.

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
    agreement = agreement_rows(findings, disagreements, excused)

    write_file(folder / "report.md", markdown(agreement, disagreements, unneeded, bundles))
    data = as_data(findings, disagreements, excused, unneeded, bundles)
    write_file(folder / "report.json", as_json(data))
    write_file(folder / "report.html", page(read_results([folder / "report.json"])))
    print(text_table(agreement), *(describe(finding) for finding in disagreements), sep="\n")
    print(*(f"Not needed in {known_path}: {entry}" for entry in unneeded), sep="\n")
    agree = not (disagreements or unneeded)
    print("All levels agree." if agree else f"{len(disagreements)} disagreements.", f"Report: {folder / 'report.html'}")
    return 0 if agree else 1


def all_findings(bundles):
    """List of `Finding` from every source: what is judged beside the bundles joins the list here."""
    findings = []
    for place in dict.fromkeys((b.about["recipe"], b.about["preset"]) for b in bundles):
        here = [b for b in bundles if (b.about["recipe"], b.about["preset"]) == place]
        findings += compare(here) + compare_checkpoints(here)
    return findings


def write_page(files, output, readme):
    """Merge result files into one page, and into the table of a Markdown file if one is named.

    Args:
        files: List of `Path`, JSON files of results; of what two of them hold the later one counts.
        output: `Path` of the page.
        readme: `Path` of a Markdown file with the marks of `backends_matrix.readme`, or None.

    Returns:
        Exit status: 0, or 2 if a file can't be read as results; then nothing is written.
    """
    try:
        results = read_results(files)
        text = with_table(readme.read_text(encoding="utf-8"), results) if readme else None
    except ValueError as error:
        print(error)
        return 2
    write_file(output, page(results))
    if readme:
        write_file(readme, text)
    print(f"Report: {output}")
    return 0


def collect(folder, recipes, results=RESULTS, readme=README):
    """Put the comparison that is in a folder among the committed results, and make page and table of all of them anew.

    Args:
        folder: `Path`, of a comparison: of all recipes, or of some, which take the places of the old ones.
        recipes: List of names, of all recipes.
        results: `Path` of the folder of committed results.
        readme: `Path` of the file with the table.

    Returns:
        Exit status: 0, or 2 if recipes are missing; then nothing is written.
    """
    data, text = (read_report(folder / "report.json"), read_report(folder / "report.md"))
    compared = {entry["recipe"] for entry in data["agreement"]}
    if (results / "matrix.json").exists() and compared == set(data["sources"]):
        data = merged_data(read_report(results / "matrix.json"), data)
        text = merged_markdown(read_report(results / "matrix.md"), text, data, compared)
    missing = sorted(set(recipes) - set(data["sources"]))
    if missing:
        print(f"{folder} holds no comparison of {', '.join(missing)} by one and the same code: run the whole matrix")
        return 2
    for name, content in (("matrix.json", as_json(data)), ("matrix.md", text)):
        write_file(results / name, content)
    return write_page(sorted(results.glob("*.json")), results / "report.html", readme)


def read_report(path):
    """What a file holds: data of one of JSON, else text."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else text


def missing_bundles(bundles, recipes, backends):
    """List of `(backend, what)` that would be compared if it were there."""
    presets = dict.fromkeys((b.about["recipe"], b.about["preset"]) for b in bundles)
    places = [(*place, precision) for place in presets for precision in precisions_of(place[1])]
    places += [(*place, SAVED) for place in presets if place[1] == MAIN_PRESET]
    absent_backends = [name for name in backends if name not in {b.about["backend"] for b in bundles}]
    labels = dict.fromkeys([*absent_backends, *(b.label for b in bundles)])
    present = {(b.label, *(b.about[key] for key in ("recipe", "preset", "precision"))) for b in bundles}
    absent = [(label, " ".join(place)) for label in labels for place in places if (label, *place) not in present]
    absent += [("any backend", recipe) for recipe in recipes if recipe not in {place[0] for place in places}]
    return absent or [("a second backend", "comparison")] * (len(labels) < 2)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal without ✗ must not stop the report
    sys.exit(main())
