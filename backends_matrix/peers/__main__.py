"""A recipe beside other libraries: on the same data, with as many threads, one after the other.

python -m backends_matrix.peers run word2vec --python jax=a/bin/python --python torch=b/bin/python
python -m backends_matrix.peers run word2vec --preset cbow --dataset text.txt   # other flags are the recipe's
python -m backends_matrix.peers run word2vec --seeds 0 1 2                      # how far figures lie apart by chance
python -m backends_matrix.peers collect             # what was found becomes backends_matrix/results/peers.md

Peers run with the Python of torch, if it is given, and with the first one else.
"""

import argparse
import importlib
import json
import os
import re
import subprocess
import time
from importlib import metadata
from itertools import product
from pathlib import Path

from backends_matrix.backends import environment_for, pin_to_cores
from backends_matrix.peers import peers_of, recipes_with_peers
from backends_matrix.processes import python_argument, pythons_of
from backends_matrix.report import markdown_table
from backends_matrix.seeds import over_seeds, seeds_of, with_deviation
from keras_recipes.files import as_json, write_file
from keras_recipes.run import environment

RESULTS = Path(__file__).parents[1] / "results"
PAGE = """\
# Beside other libraries

Each training ran in a process of its own, one after the other, on the same data and with as many threads. Speed is
what a training looks at per second of training, what is compiled included, reading the data not; a ratio above 1 means
that the recipe is quicker than the library. What has no epochs, such as trees, looks at its rows once. Libraries have
the settings of the recipe where they share them, and else those they come with. Of several seeds there is the mean
speed, and each figure is the mean ± standard deviation. `nox -s peers` measures it on your machine.
"""


def main(argv=None):
    """Run a recipe and its peers, run one of them in this process, or collect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "one", "collect"))
    parser.add_argument("recipes", nargs="*", help="names of recipes that have peers (all)")
    parser.add_argument("--preset", default="full", help="the preset to run")
    python_argument(parser)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="to train with, one after the other (0)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each training")
    parser.add_argument("--who", help="with `one`: a backend, or the name of a peer")
    parser.add_argument("--folder", type=Path, default=Path("build/peers"), help="where the results are")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the collected results go")
    args, flags = parser.parse_known_args(argv)
    if args.action == "collect":
        write_file(args.results / "peers.md", collect(args.folder, args.results / "peers"))
    elif args.action == "one":
        one(args, flags)
    else:
        args.python = pythons_of(parser, args.python)
        for recipe in args.recipes or recipes_with_peers():
            run(recipe, args, flags)


def run(recipe, args, flags):
    """Train each seed on each backend and with each peer, in processes of their own, one after the other."""
    shared = ["--preset", args.preset, "--threads", str(args.threads), "--folder", str(args.folder)]
    for seed, who in product(args.seeds, [*args.python, *peers_of(recipe).PEERS]):
        backend = next(name for name in (who, "torch", *args.python) if name in args.python)
        own = ["--who", who, "--seeds", str(seed), *shared]
        command = [args.python[backend], "-m", "backends_matrix.peers", "one", recipe, *own, *flags]
        subprocess.run(command, check=True, env=environment_for(backend, "native", args.threads))


def one(args, flags):
    """Train in this process, and write what was found."""
    (recipe,), (seed,) = args.recipes, args.seeds
    pin_to_cores(args.threads)
    module, peers = importlib.import_module(f"recipes.{recipe}"), peers_of(recipe)
    own = ["--preset", args.preset, "--seed", str(seed)]
    config, _ = module.parse_config(module.Config, module.PRESETS, [*own, *flags])
    data = module.load_data(config)
    amount, unit = peers.work(config, data)
    if args.who in peers.PEERS:
        seconds, metrics = peers.PEERS[args.who](module, config, data, args.threads)
    else:
        seconds, metrics = train(module, config, data)
    preset = [] if args.preset == "full" else ["--preset", args.preset]
    about = {"recipe": recipe, "settings": " ".join([recipe, *preset, *flags]), "threads": args.threads}
    found = {"who": args.who, "seed": seed, "version": version_of(args.who), "environment": environment(), **about}
    found |= {"amount": amount, "unit": unit, "seconds": seconds, "metrics": metrics}
    folder = args.folder / re.sub(r"[^\w.]+", "-", found["settings"])
    write_file(folder / f"{args.who.replace(' ', '_')}-{seed}.json", as_json(found))
    print(f"{found['settings']}, {args.who}: {amount / seconds:,.0f} {unit} per second", metrics)


def train(module, config, data):
    """Train a recipe; returns the seconds, and its metrics."""
    import keras

    keras.utils.set_random_seed(config.seed)
    model = module.build_model(config, data)
    begin = time.perf_counter()
    module.train(model, data, config)
    seconds = time.perf_counter() - begin
    return seconds, module.evaluate(model, data, config)


def version_of(who):
    """The version of a backend or a peer."""
    return metadata.version(who.partition(" ")[0])


def collect(folder, results):
    """Write a JSON file for each recipe and preset, and return the page, Markdown, of all that are there."""
    for place in sorted(child for child in folder.iterdir() if child.is_dir()):
        found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(place.glob("*.json"))]
        write_file(results / f"{place.name}.json", as_json(found))
    parts = [PAGE]
    for path in sorted(results.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        machine = found[0]["environment"]
        about = f"{machine['processor']}, {machine['platform']}, Python {machine['python']}, Keras {machine['keras']}; "
        about += f"seeds: {seeds_of(found)}."
        parts.append(f"## {found[0]['settings']}\n\n{about}\n\n{markdown_table(table(found))}\n")
    return "\n".join(parts)


def table(found):
    """Rows of strings: of each trainer its speed, ratios to those of the peers, and its metrics, over its seeds."""
    trainers = {}
    for one in found:
        trainers.setdefault(one["who"], []).append(one)
    peers = [who for who in trainers if who in peers_of(found[0]["recipe"]).PEERS]
    names = [name for name in found[0]["metrics"] if all(name in one["metrics"] for one in found)]
    unit, threads = found[0]["unit"], found[0]["threads"]
    rows = [["", f"{unit} per second, {threads} threads", *(f"times {peer}" for peer in peers), *names]]
    for who in sorted(trainers, key=lambda who: who in peers):  # the recipe first
        own = trainers[who]
        ratios = ["" if who in peers else f"{speed(own) / speed(trainers[peer]):.2f}" for peer in peers]
        figures = [with_deviation(over_seeds([one["metrics"][name] for one in own]), 4) for name in names]
        rows.append([f"{who} {own[0]['version']}", f"{speed(own):,.0f}", *ratios, *figures])
    return rows


def speed(trainings):
    """What some trainings look at per second."""
    return sum(one["amount"] for one in trainings) / sum(one["seconds"] for one in trainings)


if __name__ == "__main__":
    main()
