"""What differs, and what to do about it."""

from backends_matrix.page.draw import number, short
from backends_matrix.page.markup import join, section, table, tag

SHOWN = ("title", "backend", "severity", "instead", "reproduction")


def differences(results):
    """The section on disagreements, and on differences that are known."""
    matrix = results.matrix or {"disagreements": [], "known": [], "not_needed": []}
    known = (results.layers_and_ops or {}).get("known", [])
    parts = [
        findings("Disagreements: nothing excuses these", matrix["disagreements"], "✗"),
        findings("Known differences between recipes", matrix["known"], "known"),
        unneeded(matrix["not_needed"]),
        tag("div", [card(entry) for entry in known], class_="cards") if known else None,
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
    items = [tag("li", ", ".join(f"{key} {value}" for key, value in entry.items())) for entry in entries]
    return join(tag("h3", "Listed as known, but no longer needed"), tag("ul", items))


def card(entry):
    """A known difference of a layer or an operation."""
    facts = [entry.get(key) for key in ("backend", "severity")]
    more = {key: value for key, value in entry.items() if key not in SHOWN and value not in ("", None)}
    return tag(
        "details",
        tag("summary", tag("b", entry["title"]), " ", tag("span", ", ".join(map(str, filter(None, facts))))),
        tag("p", tag("b", "Instead: "), entry["instead"]) if entry.get("instead") else None,
        [tag("p", tag("b", f"{key.replace('_', ' ').capitalize()}: "), value) for key, value in more.items()],
        tag("pre", entry["reproduction"], tabindex=0) if entry.get("reproduction") else None,
        class_="card",
    )
