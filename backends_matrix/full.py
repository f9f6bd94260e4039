"""The figures that recipes quote under `Reaches:`: the full preset, several seeds, every backend.

python -m backends_matrix.full run vae           # on the backend of this process
python -m backends_matrix.full run gan --preset grid --seeds 0
python -m backends_matrix.full run image_transfer --dataset my_folder   # other flags are the recipe's
python -m backends_matrix.full collect           # once all backends have run
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from backends_matrix.backends import environment_for
from backends_matrix.report import between_marks, markdown_table
from backends_matrix.seeds import over_seeds, seeds_of, with_deviation
from keras_recipes.copying import recipe_names
from keras_recipes.files import as_json, write_file

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parents[1] / "README.md"
MARKS = "<!-- results: written by `nox -s collect` -->\n", "<!-- end of results -->"
SEEDS = (0, 1, 2)
PAGE = """\
# What the recipes reach

Every figure of every preset that was run, on the test data: mean ± standard deviation over the seeds, or the figure
itself of one seed. Each run is the recipe's own command, on one thread, while others ran beside it; what `full` leaves
`nox -s collect` writes here. Each recipe's docstring says what its figures are.\
"""


def main(argv=None):
    """Run the seeds of some recipes here, or collect what the backends have found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "collect"))
    parser.add_argument("recipes", nargs="*", help="names of recipes to run (all)")
    parser.add_argument("--backend", default=os.environ.get("KERAS_BACKEND", "tensorflow"), help="to run on")
    parser.add_argument("--preset", default="full", help="the preset to run")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, help="to run it with (0 1 2)")
    parser.add_argument("--folder", type=Path, default=Path("build/full"), help="where the runs are")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the collected results go")
    args, flags = parser.parse_known_args(argv)
    if args.action == "run":
        for recipe in args.recipes or recipe_names():
            for seed in args.seeds:
                run(recipe, args.preset, seed, args.backend, args.folder, flags)
    else:
        collect(args.folder, args.results)
        write_file(args.results / "full.md", page(args.results))
        write_file(README, with_table(README.read_text(encoding="utf-8"), args.results))


def run(recipe, preset, seed, backend, folder, flags=()):
    """Run a recipe as its user would, with further flags of its own, unless the folder has that run already."""
    run_folder = folder / (recipe if preset == "full" else f"{recipe}-{preset}") / f"{backend}-{seed}"
    if (run_folder / "seconds.json").exists():
        return
    command = [sys.executable, "-m", f"recipes.{recipe}", "--preset", preset, "--seed", str(seed), *flags]
    begin, resumed = time.perf_counter(), (run_folder / "training.safetensors").exists()
    environment = environment_for(backend, "native", threads=1, gpu=True)
    subprocess.run([*command, "--run-folder", str(run_folder)], check=True, env=environment)
    seconds = None if resumed else round(time.perf_counter() - begin, 1)  # None: what came before is not known
    write_file(run_folder / "seconds.json", as_json(seconds))


def collect(folder, results):
    """Write a JSON file per recipe and preset with every run, and copy the pictures of one of them."""
    for recipe_folder in sorted(child for child in folder.iterdir() if child.is_dir()):
        runs = [read_run(run_folder) for run_folder in sorted(recipe_folder.iterdir())]
        configs = [run.pop("config") for run in runs]
        if any(config != configs[0] for config in configs):
            raise ValueError(f"{recipe_folder} holds runs of different configurations; remove the old ones")
        found = {"recipe": recipe_folder.name, "config": configs[0], "summary": summary(runs), "runs": runs}
        write_file(results / "full" / f"{recipe_folder.name}.json", as_json(found))
        for picture in sorted((recipe_folder / f"{runs[0]['backend']}-0").glob("*.png")):
            target = results / "pictures" / recipe_folder.name / picture.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, target)


def with_table(text, results):
    """The text of README.md, with the table between its marks made from committed results."""
    return between_marks(text, MARKS, markdown_table(table(results)) + "\n")


def table(results):
    """Rows of strings: the headline metric of the full preset of each recipe."""
    found = [one for one in read_results(results) if "-" not in one["recipe"]]
    columns = backends_of(found)
    rows = [["recipe", "data", "seeds", "figure", *columns]]
    for one in found:
        metric, by_backend = next(iter(one["summary"].items()))
        seeds = str(len({run["seed"] for run in one["runs"]}))
        rows.append([one["recipe"], one["config"]["dataset"], seeds, metric, *figures(by_backend, columns)])
    return rows


def page(results):
    """Markdown text with every metric of every preset that was run."""
    found = read_results(results)
    columns = backends_of(found)
    parts = [PAGE]
    for one in found:
        parts.append(
            f"## {one['recipe']}\n\nData `{one['config']['dataset']}`, seeds {seeds_of(one['runs'])}, "
            f"{duration(one['runs'])}. [Runs](full/{one['recipe']}.json), "
            f"[pictures](pictures/{one['recipe']})."
        )
        rows = [[metric, *figures(by_backend, columns)] for metric, by_backend in one["summary"].items()]
        parts.append(markdown_table([["figure", *columns], *rows]))
    return "\n\n".join(parts) + "\n"


def duration(runs):
    """How long runs took, of those that were not killed and resumed, as text."""
    minutes = sorted(run["seconds"] / 60 for run in runs if run["seconds"])
    ends = dict.fromkeys(f"{end:.1f}" for end in minutes[:1] + minutes[-1:])
    return f"{' to '.join(ends)} minutes a run" if minutes else "runs in several parts"


def read_results(results):
    """The files that `collect` wrote, as a list of dicts, by name."""
    paths = sorted((results / "full").glob("*.json"), key=lambda path: path.stem)
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def backends_of(found):
    """Names of the backends of some results."""
    return list(dict.fromkeys(backend for one in found for metric in one["summary"].values() for backend in metric))


def figures(by_backend, columns):
    """Strings, one for each column: mean ± standard deviation, or the figure itself where there is one seed."""
    smallest = min(abs(s["mean"]) for s in by_backend.values())
    digits = 2 if smallest >= 1 else 4 if smallest >= 0.01 else 5
    texts = {backend: with_deviation(found, digits) for backend, found in by_backend.items()}
    return [texts.get(column, "") for column in columns]


def read_run(run_folder):
    """One run as a dict: backend, seed, config without the seed, metrics, seconds, environment."""
    backend, _, seed = run_folder.name.rpartition("-")
    names = ("config", "metrics", "seconds", "environment")
    found = {name: json.loads((run_folder / f"{name}.json").read_text(encoding="utf-8")) for name in names}
    found["config"].pop("seed")
    return {"backend": backend, "seed": int(seed), **found}


def summary(runs):
    """Mean and standard deviation over the seeds, for each metric and backend."""
    table = {}
    for metric in runs[0]["metrics"]:
        for backend in dict.fromkeys(run["backend"] for run in runs):
            values = [run["metrics"][metric] for run in runs if run["backend"] == backend]
            table.setdefault(metric, {})[backend] = over_seeds(values)
    return table


if __name__ == "__main__":
    main()
