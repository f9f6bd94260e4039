"""Layers and operations, each on its own: a strip of dots per group, and the names of those beyond the limit."""

import math
from collections import Counter

from backends_matrix.page.cells import share_of
from backends_matrix.page.draw import Logarithmic, counted, line, number, place, short, svg, text
from backends_matrix.page.markup import join, not_measured, section, table, tag

COMMAND = "nox -s layers_and_ops"
WIDTH, LEFT, RIGHT = 840, 184, 826
LOW, HIGH = 1e-8, 1e5  # shares of the limit that the axis shows
BASE, DOT = 22, 5  # the least height of a strip, the size of a dot
EXPLANATION = """\
Each dot is one case: an operation or a layer, its value or its gradient, in one precision, at its largest difference
between backends. The place is the share of its limit, by decades; dots at the left end are equal to the bit."""


def operations(results):
    """The section on layers and operations."""
    title = "Layers and operations, one by one"
    if not (results.layers_and_ops and results.layers_and_ops["cases"]):
        return section("operations", title, not_measured("no layers and operations are among the results", COMMAND))
    cases = results.layers_and_ops["cases"]
    beyond = [case for case in cases if status(case) != "agrees"]
    wrong = [case for case in beyond if status(case) == "disagrees"]
    count = f"{counted(len(cases), 'case')}: {len(cases) - len(beyond)} agree, "
    count += f"{len(beyond) - len(wrong)} differ in a known way, {len(wrong)} disagree."
    picture = tag("figure", key(), tag("div", strips(cases, count), class_="scroll", role="region",
                  aria_label="Layers and operations by group", tabindex=0))  # fmt: skip
    lead = tag("p", EXPLANATION, " ", tag("strong", count), class_="lead")
    return section("operations", title, lead, picture, outliers(beyond))


def status(case):
    """What to call a case: "agrees", "known" or "disagrees"."""
    return "agrees" if case["agrees"] else "known" if case["known"] else "disagrees"


def share(case):
    """What part of its limit a case uses up, as float."""
    return share_of(max(map(number, case["measured"].values()), default=0.0), number(case["limit"]))


def key():
    """What the colours mean."""
    kinds = {"agrees": "within its limit", "known": "known difference", "disagrees": "disagreement"}
    return tag("figcaption", [tag("span", tag("i", class_=f"dot {kind}"), f" {what}") for kind, what in kinds.items()],
               class_="legend")  # fmt: skip


def strips(cases, count):
    """A strip per group; dots of the same place are stacked."""
    x = Logarithmic(LOW, HIGH, LEFT, RIGHT)
    parts, top = [], 8
    for group in dict.fromkeys(case["group"] for case in cases):
        here = sorted((case for case in cases if case["group"] == group), key=share)
        columns = [round(x(share(case)) / (DOT + 1)) for case in here]
        named = max(here, key=lambda case: (["agrees", "known", "disagrees"].index(status(case)), share(case)))
        most, room = max(Counter(columns).values()), BASE if status(named) == "agrees" else BASE + 8
        per_level = max(1, math.ceil(most / 8))  # a high stack gets narrower steps
        height = max(room, 10 + most / per_level * (DOT + 1))
        seen = Counter()
        parts += [name_of(named, named is here[-1], x, top + height)] if status(named) != "agrees" else []
        for case, column in zip(here, columns, strict=True):
            bottom = top + height - 5 - (seen[column] / per_level) * (DOT + 1)
            seen[column] += 1
            parts.append(dot(case, column * (DOT + 1), bottom))
        parts.append(text(LEFT - 12, top + height - 2, f"{group} ({len(here)})", anchor="end"))
        top += height + 8
        parts.append(line(LEFT - 4, top - 7, RIGHT, top - 7, "grid"))
    return svg(WIDTH, math.ceil(top + 40), "Layers and operations by group", count, axis(x, top), parts, class_="wide")


def dot(case, x, y):
    """One case, with its name when it's pointed at."""
    measured = ", ".join(f"{backend} {short(number(value))}" for backend, value in case["measured"].items())
    about = f"{case['case']} {case['quantity']}, {case['precision']}: {measured}; limit {short(number(case['limit']))}"
    return tag("circle", tag("title", about), cx=place(x), cy=place(y), r=DOT / 2, class_=f"dot {status(case)}")


def name_of(case, farthest, x, bottom):
    """The name of a group's worst case, beside its dot if no other one is there; the tables below name all."""
    name, at = f"{case['case']} {case['quantity']}", x(share(case))
    fits = at + 8 + 7 * len(name) < RIGHT
    if farthest and fits:
        return text(at + 8, bottom - 4, name, class_="outlier")
    return text(at - 3 if fits else at + 4, bottom - 13, name, anchor="start" if fits else "end", class_="outlier")


def axis(x, top):
    """Decades of the limit, and the limit itself."""
    names = {1e-8: "equal", 1e-6: "10⁻⁶", 1e-4: "10⁻⁴", 1e-2: "10⁻²", 1.0: "limit", 1e2: "100×", 1e4: "10⁴×"}
    return [
        [(line(x(v), 2, x(v), top, "limit" if v == 1 else "grid"), text(x(v), top + 14, name, anchor="middle"))
         for v, name in names.items()],
        text((LEFT + RIGHT) / 2, top + 32, "difference, as a share of the limit", anchor="middle", class_="axis"),
    ]  # fmt: skip


def outliers(beyond):
    """The cases beyond their limit, as tables; the known ones to be opened."""
    if not beyond:
        return tag("p", "No case is beyond its limit.")
    wrong, usual = ([c for c in beyond if status(c) == wanted] for wanted in ("disagrees", "known"))
    known = tag("summary", f"{counted(len(usual), 'case')} that differ in a known way")
    return [
        case_table("Disagreements", wrong) if wrong else None,
        tag("details", known, case_table("Known differences, by how far they go", usual)) if usual else None,
    ]


def case_table(title, cases):
    """Cases as a table, those that are farthest off first."""
    rows = [
        [case["case"], case["quantity"], case["precision"], times(share(case)),
         ", ".join(f"{backend} {short(number(v))}" for backend, v in case["measured"].items()), case.get("note", ""),
         tag("td", join("✗ " if status(case) == "disagrees" else "", status(case)), class_=status(case))]
        for case in sorted(cases, key=share, reverse=True)
    ]  # fmt: skip
    heads = ["case", "quantity", "precision", "times the limit", "measured", "note", "status"]
    return table(title, heads, rows, "numbers")


def times(value):
    """How many times its limit a case is off."""
    return "∞" if math.isinf(value) else short(float(f"{value:.2g}"))
