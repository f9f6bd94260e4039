"""The matrix as tables that a person reads: on the terminal, in Markdown, and as JSON."""

from backends_matrix.judge import BFLOAT16_LIMIT, FLOAT64_LIMIT, LEVELS, LIMITS, LONG_LIMIT, REFERENCES, SHORT_LIMIT

LEGEND = f"""\
Each cell holds the largest difference of that backend to any other one.

- `=`: equal to the bit.
- float64: largest difference relative to the largest entry, in real float64; at most {FLOAT64_LIMIT:.0e}.
- float32, in U: how far a backend moves from itself when its weights move by one unit in the last
  place, all at the start and a tenth of them after each step. At most {SHORT_LIMIT:g} U in the first
  steps, {LONG_LIMIT:g} U after training.
- bfloat16: distance to the backend's own float64 run, in those of the median backend; at most {BFLOAT16_LIMIT:g}.
- float32 typical run: medians over the moved runs, in s, their spread; at most {SHORT_LIMIT:g}.
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
        for level in LEVELS:
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
        "long": "{:.1f} U",
        "typical": "{:.1f} s",
        "bfloat16": "{:.1f} ×",
    }.get(level.rule, "{:.1g}")
    text = "=" if exact and worst.measured == 0 else unit.format(worst.measured)
    if any(finding in disagreements for finding in findings):
        return f"✗ {text}"
    return f"{text} (known)" if any(finding in excused for finding in findings) else text


def speed_rows(speeds):
    """The speed table, a row per recipe and backend; arguments and result as above."""
    times = ["import s", "build s", "first step s", "ms per step", "p20–p80"]
    rows = [["recipe", "backend", "device", *times, "ratio", "memory MB", "load"]]
    for speed in sorted(speeds, key=lambda speed: (speed["recipe"], speed["device"], speed["backend"])):
        fastest = min(other["step_ms"] for other in speeds if other["recipe"] == speed["recipe"])
        low, high = speed["step_ms_p20"], speed["step_ms_p80"]
        unstable = " unstable" if high - low > 0.1 * speed["step_ms"] else ""
        rows.append([
            speed["recipe"], speed["backend"], speed["device"], f"{speed['import_s']:.1f}", f"{speed['build_s']:.1f}",
            f"{speed['first_step_s']:.1f}", f"{speed['step_ms']:.2f}", f"{low:.2f}–{high:.2f}{unstable}",
            f"{speed['step_ms'] / fastest:.1f}", f"{speed['memory_mb']:.0f}", f"{speed['load']:.1f}",
        ])  # fmt: skip
    return rows


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


def markdown(agreement, speed, disagreements, unneeded, bundles):
    """The whole report as Markdown text."""
    verdict = "All levels agree." if not (disagreements or unneeded) else "There are disagreements."
    parts = ["# Backends matrix", verdict, "## Agreement", LEGEND, markdown_table(agreement)]
    if disagreements:
        parts += ["## Disagreements", "\n".join(f"- {describe(finding)}" for finding in disagreements)]
    if unneeded:
        parts += ["## Entries of known_differences.toml that excuse nothing", "\n".join(f"- {e}" for e in unneeded)]
    if len(speed) > 1:
        note = (
            "The `bench` preset in one process per recipe and backend, epochs after the first; ratios within this run."
        )
        parts += ["## Speed", note, markdown_table(speed)]
    parts += ["## Made with", "\n".join(f"- {line}" for line in made_with(bundles))]
    return "\n\n".join(parts) + "\n"


def made_with(bundles):
    """Lines that name the devices, versions and machines behind the bundles, without repeats."""
    lines = dict.fromkeys(
        f"{bundle.about['backend']} on {bundle.about['device']}: "
        + ", ".join(f"{name} {value}" for name, value in bundle.about["environment"].items() if name != "backend")
        for bundle in bundles
    )
    on_gpu = any(bundle.about["device"] != "cpu" for bundle in bundles)
    return lines if on_gpu else {**lines, "GPU: not measured": None}


def as_data(findings, disagreements, excused, unneeded, speeds, bundles):
    """The whole report as plain data for JSON: the worst of each level and pair, and all that disagrees."""
    worst = {}
    for finding in findings:
        key = (finding.recipe, finding.preset, finding.level, finding.pair)
        if key not in worst or finding.measured > worst[key].measured:
            worst[key] = finding
    return {
        "made_with": list(made_with(bundles)),
        "limits": {level.name: LIMITS[level.rule] for level in LEVELS},
        "agreement": [{**finding._asdict(), "agrees": finding.agrees} for finding in worst.values()],
        "disagreements": [finding._asdict() for finding in disagreements],
        "known": [finding._asdict() for finding in excused],
        "not_needed": [entry._asdict() for entry in unneeded],
        "speed": speeds,
    }
