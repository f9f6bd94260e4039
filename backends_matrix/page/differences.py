"""What differs, and what to do about it."""

from backends_matrix.page.draw import number, short
from backends_matrix.page.markup import join, section, table, tag

SHOWN = "title", "backend", "backends", "severity", "happens", "instead", "reproduction"


def differences(results):
    """The section on disagreements, and on differences that are known."""
    matrix = results.matrix or {"disagreements": [], "known": [], "not_needed": []}
    layers = results.layers_and_ops or {"known": [], "not_needed": []}
    parts = [
        findings("Disagreements: nothing excuses these", matrix["disagreements"], "✗"),
        findings("Known differences between recipes", matrix["known"], "known"),
        unneeded([*matrix["not_needed"], *layers["not_needed"]]),
        catalogue(layers["known"]),
    ]
    if not any(parts):
        absent = "" if results.matrix and results.layers_and_ops else " of what was measured"
        parts = [tag("p", f"Nothing{absent}: no disagreement, no known difference.")]
    return section("differences", "What differs", parts)


def findings(title, entries, sign):
    """Findings as a table, or None if there are none."""
    if not entries:
        return None
    rows = [
        [join(sign, " ", entry["recipe"], " ", entry["preset"]), entry["level"], " – ".join(entry["pair"]),
         entry["name"], short(number(entry["measured"])), short(number(entry["limit"])), entry["note"]]
        for entry in entries
    ]  # fmt: skip
    heads = ["recipe and preset", "level", "between", "array", "measured", "at most", "worst element"]
    return table(title, heads, rows, "numbers")


def unneeded(entries):
    """Entries among the known differences that excuse nothing; these fail the matrix, too."""
    if not entries:
        return None
    texts = [", ".join(f"{k} {v}" for k, v in e.items()) if isinstance(e, dict) else e for e in entries]
    return join(tag("h3", "Listed as known, but no longer needed"), tag("ul", [tag("li", text) for text in texts]))


def catalogue(known):
    """Known differences of layers and operations, by severity, each to be opened; None if there are none."""
    if not known:
        return None
    parts = [tag("h3", "Known differences of layers and operations")]
    for severity in dict.fromkeys(entry.get("severity", "") for entry in known):
        of_severity = [entry for entry in known if entry.get("severity", "") == severity]
        heading = tag("h4", f"{severity or 'others'} ({len(of_severity)})")
        parts.append(join(heading, tag("div", [card(entry) for entry in of_severity], class_="cards")))
    return join(parts)


def card(entry):
    """A known difference of a layer or an operation."""
    backends = entry.get("backends") or [entry.get("backend", "")]
    more = {key: value for key, value in entry.items() if key not in SHOWN and value not in ("", None, [], {}, 0)}
    return tag(
        "details",
        tag("summary", tag("b", entry["title"]), " ", tag("span", ", ".join(backends))),
        tag("p", entry["happens"]) if entry.get("happens") else None,
        tag("p", tag("b", "Instead: "), entry["instead"]) if entry.get("instead") else None,
        tag("pre", entry["reproduction"].strip(), tabindex=0) if entry.get("reproduction") else None,
        [tag("p", tag("b", f"{key.replace('_', ' ').capitalize()}: "), said(value)) for key, value in more.items()],
        class_="card",
    )


def said(value):
    """A list, a dict or a value as a text."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value
