"""What a training step of an embedding costs, and the memory it takes, as the table grows.

python -m backends_matrix.table_size run --python jax=a/bin/python --python torch=b/bin/python
python -m backends_matrix.table_size collect       # what was found becomes the committed result, and docs/embeddings.md

Variants: `rows` is `SparseEmbedding` with `SparseAdam`, `whole` Keras' own way, the gradient of the whole table and
Adam, `native`, on PyTorch, `torch.optim.SparseAdam`. Each is timed in processes of its own, in turns, with the
threads that its backend takes unless your environment variables say otherwise.
"""

import argparse
import json
import os
import statistics
import sys
import time
from itertools import product
from pathlib import Path

from backends_matrix.backends import THREAD_VARIABLES, environment_for
from backends_matrix.full import RESULTS
from backends_matrix.processes import python_argument, pythons_of, run_module
from backends_matrix.report import between_marks, markdown_table
from keras_recipes.files import as_json, write_file

DOCS = Path(__file__).parents[1] / "docs" / "embeddings.md"
MARKS = "<!-- table: written by `python -m backends_matrix.table_size collect` -->\n", "<!-- end of table -->"
DIM, BATCH = 64, 1024
LIMITS = {*THREAD_VARIABLES, "TF_NUM_INTEROP_THREADS", "XLA_FLAGS"}  # on threads, which `environment_for` sets
STEPS = {"rows": 200, "whole": 20, "native": 200}  # in an epoch; the median of all but the first two counts
EPOCHS = 6


def main(argv=None):
    """Time everything, time one thing in this process, or collect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "one", "collect"))
    python_argument(parser)
    parser.add_argument("--sizes", nargs="+", type=int, default=(10_000, 100_000, 1_000_000), help="rows of tables")
    parser.add_argument("--rounds", type=int, default=3, help="processes for each (3)")
    parser.add_argument("--variant", choices=STEPS, default="rows", help="what `one` times")
    parser.add_argument("--folder", type=Path, default=Path("build/table_size"), help="of the results")
    args = parser.parse_args(argv)
    if args.action == "one":
        return write_file(args.folder / "one.json", as_json(measured(args.variant, args.sizes[0])))
    if args.action == "collect":
        text = (args.folder / "report.json").read_text(encoding="utf-8")
        write_file(RESULTS / "embeddings" / "table_size.json", text)
        return write_file(DOCS, with_table(DOCS.read_text(encoding="utf-8"), json.loads(text)))
    report = run(pythons_of(parser, args.python), args.sizes, args.rounds, args.folder)
    write_file(args.folder / "report.json", as_json(report))
    print(markdown_table(table(report)))
    return None


def run(pythons, sizes, rounds, folder):
    """Time all variants; returns the report, a dict."""
    jobs = [(backend, variant) for backend in pythons for variant in STEPS if variant != "native" or backend == "torch"]
    found, environments = {}, {}
    for _, (backend, variant), size in product(range(rounds), jobs, sizes):
        print(f"{backend}: {variant}, {size} rows", flush=True)
        options = ["one", "--variant", variant, "--sizes", str(size), "--folder", str(folder)]
        run_module("table_size", options, with_own_threads(backend), pythons[backend])
        one = json.loads((folder / "one.json").read_text(encoding="utf-8"))
        environments[backend] = one.pop("environment")
        found.setdefault((backend, variant, size), []).append(one)
    rows = [
        {"backend": backend, "variant": variant, "rows": size, "step_ms": statistics.median(o["step_ms"] for o in ones)}
        | {"all_step_ms": [o["step_ms"] for o in ones], "memory_mb": max(o["memory_mb"] for o in ones)}
        for (backend, variant, size), ones in found.items()
    ]
    return {"kind": "table_size", "batch": BATCH, "dim": DIM, "environments": environments, "rows": rows}


def with_own_threads(backend):
    """Environment variables of a process of a backend, in which nothing but yours says how many threads it takes."""
    free = {name: value for name, value in environment_for(backend, "native", 1).items() if name not in LIMITS}
    return free | {name: os.environ[name] for name in LIMITS & set(os.environ)}


def measured(variant, rows):
    """Milliseconds per step and the most memory of this process, in MiB, with versions and machine; a dict."""
    import resource

    import numpy as np

    from keras_recipes.run import environment

    rng = np.random.default_rng(0)
    ids = rng.integers(0, rows, size=(STEPS[variant], BATCH)).astype("int32")
    targets = rng.normal(size=(*ids.shape, 1)).astype("float32")
    if variant == "native":
        from backends_matrix.native.sparse_adam_torch import step_times

        seconds = step_times(ids, targets, rows, DIM, EPOCHS)
    else:
        seconds = keras_times(variant, ids.reshape(-1, 1), targets.reshape(-1, 1), rows)
    unit = 1024 if sys.platform == "linux" else 1024**2  # of what the system says: KiB, or bytes
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    step = 1000 * statistics.median(seconds[2:])
    return {"step_ms": round(step, 4), "memory_mb": round(memory), "environment": environment()}


def keras_times(variant, ids, targets, rows):
    """Seconds per step, for each epoch of `fit`."""
    import keras

    from keras_recipes.data import Batches
    from keras_recipes.layers import SparseEmbedding
    from keras_recipes.optimizers import SparseAdam
    from keras_recipes.training import RowSparseModel, fit

    kinds = {
        "rows": (RowSparseModel, SparseEmbedding, SparseAdam),
        "whole": (keras.Model, keras.layers.Embedding, keras.optimizers.Adam),
    }
    model_type, embedding, optimizer = kinds[variant]
    inputs = keras.Input((1,), dtype="int32")
    vectors = keras.layers.Flatten()(embedding(rows, DIM, name="table")(inputs))
    model = model_type(inputs, keras.layers.Dense(1)(vectors))
    model.compile(optimizer(1e-3), loss="mse")
    begins, ends = [], []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begins.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()),
    )
    fit(model, Batches((ids, targets), BATCH), EPOCHS, [clock])
    return [(end - begin) / (len(ids) / BATCH) for begin, end in zip(begins, ends, strict=True)]


def table(report):
    """Rows of strings: what a step takes in milliseconds, for each size of the table."""
    sizes = sorted({row["rows"] for row in report["rows"]})
    found = {(row["backend"], row["variant"], row["rows"]): row for row in report["rows"]}
    head = ["", *(f"{size:,} rows" for size in sizes), "last : first", "memory of the last, MiB"]
    lines = [head]
    for backend, variant in dict.fromkeys((row["backend"], row["variant"]) for row in report["rows"]):
        ones = [found[backend, variant, size] for size in sizes]
        times = [one["step_ms"] for one in ones]
        ratio = f"{times[-1] / times[0]:.2f}"
        lines.append([f"{backend}, `{variant}`", *(f"{ms:.2f}" for ms in times), ratio, str(ones[-1]["memory_mb"])])
    return lines


def with_table(text, report):
    """The text of docs/embeddings.md with the table between its marks."""
    machine = next(iter(report["environments"].values()))
    versions = ", ".join(f"{name} {of.get(name, '')}" for name, of in report["environments"].items())
    of = f"Keras {machine['keras']}, {versions}; {machine['processor']}, {machine['cores']} cores"
    line = f"Milliseconds per step. {of}, of which each backend takes what it likes.\n"
    return between_marks(text, MARKS, f"{line}\n{markdown_table(table(report))}\n")


if __name__ == "__main__":
    main()
