"""Who measured, and how to measure again."""

from backends_matrix.page.inputs import made_with
from backends_matrix.page.markup import join, section, table, tag

COMMANDS = """\
pip install nox
nox -s matrix                                     # every recipe on every backend, compared
nox -s bench                                      # time of a step
nox -s layers_and_ops                             # layers and operations one by one
nox -s matrix-gpu bench-gpu                       # with a GPU, on Linux with CUDA 12
python -m backends_matrix report results/*.json   # this page, from the files of any number of machines
"""


def machines(results):
    """The section on versions and machines."""
    entries = made_with(results)
    backends = {entry["backend"] for entry in entries}
    keys = dict.fromkeys(key for entry in entries for key in entry["environment"])
    keys = [key for key in keys if key != "backend" and key not in backends]
    rows = []
    for entry in entries:
        files = dict.fromkeys(name for name, data in results.sources if entry in data.get("made_with", []))
        values = [entry["environment"].get(key, "") for key in (entry["backend"], *keys)]
        rows.append([join(entry["backend"], " on ", entry["device"]), *values, ", ".join(files)])
    inner = table(
        "Versions and machines behind these results", ["backend", "version", *keys, "in file"], rows, "numbers"
    )
    gpu = None
    if all(entry["device"] == "cpu" for entry in entries):
        gpu = tag("p", tag("strong", "Not measured: "), "a GPU; no file among the inputs comes from one.",
                  class_="absent")  # fmt: skip
    return section("machines", "Versions and machines", gpu, inner)


def reproduction():
    """The section on how to make this page again."""
    rule = "Files of one kind are united; what two of them measured counts as in the one that is named later."
    return section("again", "Measure it yourself", tag("pre", COMMANDS, tabindex=0), tag("p", rule))
