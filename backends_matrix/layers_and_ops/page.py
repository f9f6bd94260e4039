"""Writes docs/where_keras_backends_differ.md: `python -m backends_matrix.layers_and_ops.page`.

What stands there stands in `known_differences.toml`.
"""

import math
import tomllib
from pathlib import Path

from backends_matrix.layers_and_ops.known import KNOWN_DIFFERENCES, SEVERITIES, read_known
from backends_matrix.layers_and_ops.reproduction import program
from backends_matrix.report import markdown_table
from keras_recipes.files import write_file

PAGE = Path(__file__).parents[2] / "docs" / "where_keras_backends_differ.md"
NAMES: dict[str, str] = {"jax": "JAX", "tensorflow": "TensorFlow", "torch": "PyTorch"}
INTRODUCTION = """\
# Where Keras backends differ

The same Keras program, on the same numbers, does not always do the same on JAX, TensorFlow and
PyTorch. This page lists what is more than rounding. Each entry comes with a program that shows it,
and with what that prints on each backend (`KERAS_BACKEND=jax python program.py`); the tests run all
of them. Measured with {versions}, on a CPU.

What is not listed agreed: `nox -s layers_and_ops` compares the layers, losses, optimizers, initialisers
and ops of Keras on all backends, forward and gradient, in float32, float64 and mixed bfloat16.
The recipes and blocks of this project keep from what is marked *avoided*; a test sees to it.

This page is written by `python -m backends_matrix.layers_and_ops.page`; do not edit it.
"""


def main():
    """Write the page."""
    write_file(PAGE, page())


def page(path=KNOWN_DIFFERENCES):
    """The text of the page."""
    versions = tomllib.loads(path.read_text(encoding="utf-8"))["measured_with"]
    known = read_known(path)
    parts = [INTRODUCTION.format(versions=", ".join(f"{name} {version}" for name, version in versions.items()))]
    order = [entry for severity in SEVERITIES for entry in known if entry.severity == severity]
    parts.append(markdown_table([["what", "who is off", "do instead"], *(row(entry) for entry in order)]))
    for severity, heading in SEVERITIES.items():
        parts += [f"## {heading}", *[section(entry) for entry in order if entry.severity == severity]]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def row(entry):
    """An entry in the table at the top."""
    return [f"[{entry.title}](#{anchor(entry.title)})", who(entry), entry.instead.strip()]


def who(entry):
    """The backends that are off, as text."""
    return ", ".join(NAMES[backend] for backend in entry.backends)


def anchor(title):
    """The link that GitHub gives to a heading."""
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


def section(entry):
    """An entry in full."""
    lines = [f"### {entry.title}", f"**{who(entry)}.** {entry.happens.strip()}", f"Instead: {entry.instead.strip()}"]
    if entry.avoid:
        lines.append("Avoided: " + ", ".join(f"`{use}`" for use in entry.avoid) + ".")
    if entry.cases:
        far = (
            "another kind of result" if math.isinf(entry.how_far) else f"up to {entry.how_far:.1g} of the largest entry"
        )
        lines.append(
            f"Cases: {', '.join(entry.cases)} ({' and '.join(entry.quantities)}; {', '.join(entry.precisions)}): {far}."
        )
    lines.append(f"```python\n{program(entry).strip()}\n```")
    rows = [["backend", "prints"]]
    rows += [[NAMES[name], "<br>".join(f"`{line}`" for line in text.split("\n"))]
             for name, text in entry.prints.items()]  # fmt: skip
    return "\n\n".join([*lines, markdown_table(rows)])


if __name__ == "__main__":
    main()
