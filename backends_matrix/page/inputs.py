"""Reading result files, and merging those of several machines.

Files of one kind are united. Where two of them hold the same thing (the same recipe, preset and level
between the same two backends; the same recipe, backend and device timed) the one that was named later
counts: measuring again replaces, and files of other machines or devices add.
"""

import json
from typing import Any, NamedTuple

from keras_recipes.config import require

KINDS = ("matrix", "bench", "layers_and_ops")


class Results(NamedTuple):
    """All that the page shows.

    Attributes:
        matrix, bench, layers_and_ops: Dicts as in the files of that kind, or
            None if there is none.
        sources: List of tuples `(name of the file, its data)`.
    """

    matrix: dict[str, Any] | None
    bench: dict[str, Any] | None
    layers_and_ops: dict[str, Any] | None
    sources: list[tuple[str, dict[str, Any]]]


def read_results(paths):
    """Read result files and merge them.

    Args:
        paths: List of `Path`, of JSON files that `compare`, the bench, or the
            comparison of layers and operations wrote.

    Returns:
        `Results`.

    Raises:
        ValueError: If a file is missing, holds no JSON, or is of no known kind; no file is read in part.
    """
    sources = []
    for path in paths:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"{path}: expected a JSON file of results, received {error}") from error
        kind = data.get("kind") if isinstance(data, dict) else None
        require(kind in KINDS, f"kind` of `{path}", "one of " + ", ".join(KINDS), kind)
        sources.append((path.name, data))
    return merge(sources)


def merge(sources):
    """`Results` of a list of tuples `(name of the file, its data)`; later ones replace what earlier ones hold, too."""
    of_kind = {kind: [data for _, data in sources if data["kind"] == kind] for kind in KINDS}
    merging = {"matrix": merge_matrix, "bench": merge_bench, "layers_and_ops": merge_layers_and_ops}
    merged = {kind: merging[kind](of_kind[kind]) if of_kind[kind] else None for kind in KINDS}
    return Results(**merged, sources=sources)


def merge_matrix(documents):
    """Unite agreements and curves; a cell measured again takes its disagreements along."""
    merged: dict[str, Any] = {"agreement": {}, "disagreements": {}, "known": {}, "curves": {}, "levels": {}}
    for document in documents:
        again = {cell_of(entry) for entry in document["agreement"]}
        for part in ("disagreements", "known"):
            kept = {key: entry for key, entry in merged[part].items() if cell_of(entry) not in again}
            merged[part] = kept | {(cell_of(entry), entry["name"]): entry for entry in document[part]}
        merged["agreement"] |= {cell_of(entry): entry for entry in document["agreement"]}
        merged["levels"] |= {level["name"]: level for level in document["levels"]}
        merged["curves"] |= {(c["recipe"], c["preset"], c["backend"]): c for c in document.get("curves", [])}
    united = {part: list(entries.values()) for part, entries in merged.items()}
    return united | {"not_needed": unite([document["not_needed"] for document in documents])}


def cell_of(entry):
    """What makes two measurements the same cell of the matrix."""
    return entry["recipe"], entry["preset"], entry["level"], tuple(entry["pair"])


def merge_bench(documents):
    """Unite timings; threads and rounds are noted at each row, since they may differ between files.

    A native that computes something else has no figures, and no device: it gets that of its file.
    """
    rows = {}
    for document in documents:
        about = {key: document[key] for key in ("threads", "rounds")}
        devices = {entry["backend"]: entry["device"] for entry in document["made_with"]}
        document = document | {"rows": [{"device": devices.get(r["backend"], "cpu")} | r for r in document["rows"]]}
        rows |= {tuple(row[key] for key in ("recipe", "backend", "variant", "device")): row | about
                 for row in document["rows"]}  # fmt: skip
    return {"rows": list(rows.values())}


def merge_layers_and_ops(documents):
    """Unite cases; of a case in several files all backends are kept, and it agrees if it does in each."""
    cases = {}
    for document in documents:
        for case in document["cases"]:
            key = case["case"], case["quantity"], case["precision"]
            before = cases.get(key)
            replaced = before is None or set(before["measured"]) <= set(case["measured"])
            cases[key] = case if replaced else case | {
                "measured": before["measured"] | case["measured"],
                "agrees": before["agrees"] and case["agrees"],
                "known": before["known"] or case["known"],
            }  # fmt: skip
    united = {key: unite([document.get(key, []) for document in documents]) for key in ("known", "not_needed")}
    return united | {"cases": list(cases.values())}


def unite(lists):
    """The different entries of some lists, in their order."""
    united = []
    for entry in (entry for entries in lists for entry in entries):
        if entry not in united:
            united.append(entry)
    return united


def made_with(results):
    """List of dicts `backend`, `device`, `environment`, without repeats, over all files."""
    return unite([data.get("made_with", []) for _, data in results.sources])


def labels(results):
    """Names of all backends, those on other devices than a CPU behind; a name's place decides its colour."""
    found = {label_of(entry["backend"], entry["device"]) for entry in made_with(results)}
    if results.matrix:  # files of other hands may name less in `made_with` than they hold
        found |= {curve["backend"] for curve in results.matrix["curves"]}
    return sorted(found, key=lambda label: ("(" in label, label))


def label_of(backend, device):
    """The name of a backend on a device, as `Bundle.label` gives it."""
    return backend + ("" if device == "cpu" else f" ({device})")
