"""The comparison as a table, in Markdown, and as JSON."""

from backends_matrix.layers_and_ops.rule import BFLOAT16_LIMIT, LIMITS
from backends_matrix.report import made_with, made_with_text, markdown_table

LEGEND = f"""\
Each cell holds how many cases agree, the largest difference among these, and how many differ as
`known_differences.toml` says (docs/where_keras_backends_differ.md). Units:

- float64: difference relative to the largest entry, at most {LIMITS["float64"]:.0e}.
- float32, in U: how far a backend moves from itself when inputs and weights move by one unit in the
  last place; at most {LIMITS["float32"]:g} U. What is drawn must be equal to the bit.
- bfloat16: distance to the backend's own float64, in distances of the median backend; at most {BFLOAT16_LIMIT:g}.
"""
UNITS = {"float64": "{:.0e}", "float32": "{:.1f} U", "bfloat16": "{:.1f}"}


def table(findings, disagreements, excused):
    """Rows of strings, one for each group of cases, quantity and precision; the first holds the headings."""
    rows = [["group", "quantity", "precision", "cases", "largest", "known", "disagree"]]
    for place in dict.fromkeys((finding.group, finding.quantity, finding.precision) for finding in findings):
        here = [f for f in findings if (f.group, f.quantity, f.precision) == place]
        largest = max((max(finding.measured.values()) for finding in here if finding.agrees), default=0.0)
        known, off = (sum(finding in here for finding in some) for some in (excused, disagreements))
        rows.append([*place, str(len(here)), UNITS[place[2]].format(largest), str(known or ""), f"✗ {off}" * bool(off)])
    return rows


def describe(finding):
    """A disagreement as a line."""
    groups = ", ".join(" and ".join(group) for group in finding.groups)
    far = max(finding.groups.values())
    largest = max(finding.measured.values())
    return (
        f"✗ {finding.case}, {finding.quantity} in {finding.precision}: {groups} "
        f"{largest:.3g} (at most {finding.limit:g}), {far:.2g} of the largest entry; {finding.note}"
    )


def markdown(findings, disagreements, excused, unneeded, bundles):
    """The whole report as Markdown text."""
    verdict = "There are disagreements." if disagreements or unneeded else "All cases agree, but for what is known."
    count = len({finding.case for finding in findings})
    parts = ["# Layers and ops", f"{count} cases. {verdict}", LEGEND]
    parts.append(markdown_table(table(findings, disagreements, excused)))
    if disagreements:
        parts += ["## Disagreements", "\n".join(f"- {describe(finding)}" for finding in disagreements)]
    if unneeded:
        parts += ["## In known_differences.toml, but not needed", "\n".join(f"- {what}" for what in unneeded)]
    if excused:
        parts += ["## Known differences", "\n".join(f"- {describe(finding)[2:]}" for finding in excused)]
    return "\n\n".join([*parts, made_with_text(made_with(bundles))])


def as_data(findings, excused, unneeded, known, bundles):
    """The whole report as plain data for JSON."""
    return {
        "kind": "layers_and_ops",
        "made_with": made_with(bundles),
        "limits": LIMITS,
        "cases": [
            {
                "case": finding.case,
                "group": finding.group,
                "quantity": finding.quantity,
                "precision": finding.precision,
                "measured": finding.measured,
                "limit": finding.limit,
                "known": finding in excused,
                "agrees": finding.agrees,
                "note": finding.note,
            }
            for finding in findings
        ],
        "known": [entry._asdict() for entry in known],
        "not_needed": unneeded,
    }
