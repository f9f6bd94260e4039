"""The matrix as tables that a person reads: on the terminal, in Markdown, and as JSON."""

from backends_matrix.judge import (
    BFLOAT16_LIMIT,
    FLOAT64_LIMIT,
    LIMITS,
    MAIN_PRESET,
    REFERENCES,
    SHORT_LIMIT,
    TYPICAL_LIMIT,
)
from backends_matrix.judge_checkpoints import ALL_LEVELS
from keras_recipes.config import require

MADE_WITH = "## Made with"
LEGEND = f"""\
Each cell holds the largest difference of that backend to any other one.

- `=`: equal to the bit.
- float64: largest difference relative to the largest entry, in real float64; at most {FLOAT64_LIMIT:.0e}.
- float32, in U: how far a backend moves from itself when its weights move by one unit in the last
  place, all at the start and a tenth of them after each step. At most {SHORT_LIMIT:g} U in the first
  steps.
- float32 trained and metric, in s: medians over the moved runs, beside their spread; at most {TYPICAL_LIMIT:g}.
- bfloat16: distance to the backend's own float64 run, in those of the median backend; at most {BFLOAT16_LIMIT:g}.
- checkpoint, in U: a training saved on one backend and resumed on another, beside the one that went on where it was
  saved; at most {SHORT_LIMIT:g} U, and equal to the bit where it is resumed on the same backend.
- random numbers: how many calls draw what other backends do not.
- ✗: they disagree, see below. (known): upstream's difference, listed in `known_differences.toml`.
"""


def agreement_rows(findings, disagreements, excused):
    """The agreement table.

    Args:
        findings: List of all `Finding`.
        disagreements: Those that nothing excuses.
        excused: Those that `known_differences.toml` excuses.

    Returns:
        List of rows, each a list of strings; the first holds the headings.
    """
    columns = sorted({label for finding in findings for label in finding.pair} - set(REFERENCES))
    rows = [["recipe", "preset", "level", *columns]]
    for recipe, preset in dict.fromkeys((finding.recipe, finding.preset) for finding in findings):
        for level in ALL_LEVELS:
            here = [f for f in findings if (f.recipe, f.preset, f.level) == (recipe, preset, level.name)]
            cells = [cell(level, [f for f in here if label in f.pair], disagreements, excused) for label in columns]
            if here:
                rows.append([recipe, preset, level.name, *cells])
    return rows


def cell(level, findings, disagreements, excused):
    """The worst of some findings as a short text."""
    if not findings:
        return ""
    worst = max(findings, key=lambda finding: finding.measured)
    exact = level.rule in ("exact", "portable")
    unit = {
        "float64": "{:.0e}",
        "short": "{:.1f} U",
        "typical": "{:.1f} s",
        "bfloat16": "{:.1f} ×",
    }.get(level.rule, "{:.1g}")
    text = "=" if exact and worst.measured == 0 else unit.format(worst.measured)
    if any(finding in disagreements for finding in findings):
        return f"✗ {text}"
    return f"{text} (known)" if any(finding in excused for finding in findings) else text


def describe(finding):
    """A disagreement in one line: where, between whom, how much, and the worst element."""
    one, other = finding.pair
    return (
        f"{finding.recipe} {finding.preset}, {finding.level}: {one} and {other} disagree on {finding.name}: "
        f"{finding.measured:.3g}, at most {finding.limit:g}; {finding.note}"
    )


def text_table(rows):
    """Rows of strings as aligned text."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * sum(widths, 2 * (len(widths) - 1)), *lines[1:]])


def markdown_table(rows):
    """Rows of strings as a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def between_marks(text, marks, inner):
    """A text whose part between two marks is replaced.

    Args:
        text: String in which each mark stands once.
        marks: Tuple of two strings, begin and end.
        inner: String that goes between them.

    Raises:
        ValueError: If a mark is missing, or there twice.
    """
    require(all(text.count(mark) == 1 for mark in marks), "text", f"one with {' and '.join(marks)} once", text[:80])
    before, rest = text.split(marks[0])
    return before + marks[0] + inner + marks[1] + rest.split(marks[1])[1]


def markdown(agreement, disagreements, unneeded, bundles):
    """The whole report as Markdown text."""
    verdict = "All levels agree." if not (disagreements or unneeded) else "There are disagreements."
    parts = ["# Backends matrix", verdict, "## Agreement", LEGEND, markdown_table(agreement)]
    if disagreements:
        parts += ["## Disagreements", "\n".join(f"- {describe(finding)}" for finding in disagreements)]
    if unneeded:
        parts += ["## Entries of known_differences.toml that excuse nothing", "\n".join(f"- {e}" for e in unneeded)]
    return "\n\n".join([*parts, made_with_text(made_with(bundles))])


def made_with_text(entries):
    """The last section of the report: devices, versions and machines, of entries as `made_with` returns them."""
    on_gpu = any(entry["device"] != "cpu" for entry in entries)
    lines = [machine_line(entry) for entry in entries] + ["GPU: not measured"] * (not on_gpu)
    return "\n".join([MADE_WITH, "", *(f"- {line}" for line in lines)]) + "\n"


def machine_line(entry):
    """An entry of `made_with` in JSON as a line."""
    environment = entry["environment"].items()
    parts = ", ".join(f"{name} {value}" for name, value in environment if name != "backend")
    return f"{entry['backend']} on {entry['device']}: {parts}"


def as_data(findings, disagreements, excused, unneeded, bundles):
    """The whole report as plain data for JSON: the worst of each level and pair, and all that disagrees.

    Each entry of `agreement` also says how many arrays were `compared` there, and how many of them were `within`
    the limit. `curves` holds the loss of each step of float32, and as its `band` how far the backend moves from itself.
    """
    cells = {}
    for finding in findings:
        cells.setdefault((finding.recipe, finding.preset, finding.level, finding.pair), []).append(finding)
    return {
        "kind": "matrix",
        "made_with": made_with(bundles),
        "sources": sources_data(bundles),
        "levels": [
            {"name": level.name, "precision": level.precision, "rule": level.rule, "limit": LIMITS[level.rule]}
            for level in ALL_LEVELS
        ],
        "agreement": [summary(cell) for cell in cells.values()],
        "disagreements": [finding._asdict() for finding in disagreements],
        "known": [finding._asdict() for finding in excused],
        "not_needed": [entry._asdict() for entry in unneeded],
        "curves": [curve(bundle) for bundle in bundles if is_whole(bundle)],
    }


def summary(findings):
    """The worst finding of a level and pair as a dict, and how many there were."""
    worst = max(findings, key=lambda finding: finding.measured)
    within = sum(finding.agrees for finding in findings)
    return {**worst._asdict(), "agrees": worst.agrees, "compared": len(findings), "within": within}


def is_whole(bundle):
    """Whether a bundle is of a whole training."""
    return bundle.about["precision"] == "float32" and bundle.about["preset"] == MAIN_PRESET


def curve(bundle):
    """The loss of each step of a bundle, and how far the backend moves from itself, if that was measured."""
    about = bundle.about
    first = next(name for name in bundle.arrays if name.startswith("log/"))  # `loss`, or a model's first loss
    return {
        "recipe": about["recipe"],
        "preset": about["preset"],
        "backend": bundle.label,
        "loss": bundle.arrays[first].tolist(),
        "band": about.get("band", {}).get(first.partition("/")[2]),
    }


def sources_data(bundles):
    """Dict from recipe to the digest of its sources, if all of its bundles have the same."""
    found = {}
    for bundle in bundles:
        found.setdefault(bundle.about["recipe"], set()).add(bundle.about.get("sources"))
    return {recipe: digests.pop() for recipe, digests in found.items() if len(digests) == 1}


def made_with(bundles):
    """List of dicts `backend`, `device`, `environment` of the bundles, without repeats."""
    found = []
    for bundle in bundles:
        about = {key: bundle.about[key] for key in ("backend", "device", "environment")}
        found += [about] if about not in found else []
    return found


def merged_data(old, new):
    """The report as data of all recipes: those of `new` as there, the others as in `old`; as `as_data` returns both."""
    merged = {**new, "sources": {**old["sources"], **new["sources"]}}
    for key in ("agreement", "disagreements", "known", "not_needed", "curves"):
        merged[key] = [entry for entry in old[key] if entry["recipe"] not in new["sources"]] + new[key]
        merged[key].sort(key=lambda entry: entry["recipe"])
    merged["made_with"] = [*new["made_with"], *(entry for entry in old["made_with"] if entry not in new["made_with"])]
    return merged


def merged_markdown(old, new, data, recipes):
    """The same as Markdown text, with machines of the merged `data`; rows of `recipes`, names, are taken from `new`."""
    (head, new_rows, tail), (_, old_rows, _) = (agreement_table(text) for text in (new, old))
    rows = [row for row in old_rows if row.split(" | ")[0].removeprefix("| ") not in recipes] + new_rows
    rows.sort(key=lambda row: row.split(" | ")[0])
    return "\n".join([*head, *rows, *tail]).partition(MADE_WITH)[0] + made_with_text(data["made_with"])


def agreement_table(text):
    """The lines of a report up to the head of its table, the rows of the table, and the lines behind it."""
    lines = text.split("\n")
    begin = next(number for number, line in enumerate(lines) if line.startswith("|---")) + 1
    end = next((number for number, line in enumerate(lines[begin:], begin) if not line.startswith("|")), len(lines))
    return lines[:begin], lines[begin:end], lines[end:]
