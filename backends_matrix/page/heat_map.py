"""The heat map: recipes and presets by levels, the colour how much of the limit is used up."""

from itertools import groupby

from backends_matrix.page.cells import (
    ALONE,
    all_levels,
    cells,
    heat_class,
    is_checkpoint,
    limit_text,
    rule_title,
    worst,
)
from backends_matrix.page.markup import join, not_measured, scroll_box, section, table, tag

COMMAND = "nox -s matrix"
EXPLANATION = """\
Each cell holds the worst number of all arrays and all pairs of backends; the strip below it has one field per pair.
Colour is the share of the limit that is used up, by half decades. """
RULES = {  # of those that are among the levels, what their numbers mean
    "exact": "Exact levels are compared to the bit. ",
    "portable": "Random numbers: how many calls draw what other backends do not. ",
    "float64": "Float64 levels give the largest difference relative to the largest entry: rounding shows as 1e-14, "
    "another computation as 1e-2. ",
    "short": "Float32 levels count in U, which is measured, not chosen: one U is how far a single backend moves from "
    "itself when its weights move by one unit in the last place, all at the start and a tenth of them after each "
    "step. ",
    "typical": "After a whole training one run may go astray: compared are medians over the runs with moved weights, "
    "in spreads (s): how far from their median three quarters of the runs stay. ",
    "bfloat16": "Bfloat16 levels give each backend's distance to its own float64 run, in distances of the median "
    "backend (×). ",
}


def heat_map(results):
    """The section on agreement."""
    title = "Where they agree, and how closely"
    if not results.matrix:
        return section("agreement", title, not_measured("no matrix is among the results", COMMAND))
    found = [cell for cell in cells(results.matrix) if not is_checkpoint(cell.level)]
    levels = list({cell.level["name"]: cell.level for cell in found}.values())
    order = all_levels(results.matrix)
    levels.sort(key=order.index)
    rules = [text for rule, text in RULES.items() if any(level["rule"] == rule for level in levels)]
    map_of = tag("table", head(levels), body(found, levels), class_="heat")
    return section(
        "agreement",
        title,
        tag("p", EXPLANATION, rules, class_="lead"),
        legend(found),
        scroll_box("Agreement of the backends: recipes and presets by levels", map_of),
        every_pair(found, levels),
    )


def head(levels):
    """The headings: rules with their limits above, levels below."""
    groups = [list(group) for _, group in groupby(levels, key=lambda level: (rule_title(level), level["limit"]))]
    rules = [
        tag("th", tag("b", rule_title(group[0])), " ", tag("span", bound(group[0])), colspan=len(group),
            scope="colgroup", class_="rule")
        for group in groups
    ]  # fmt: skip
    names = [
        tag("th", level["name"].removeprefix(f"{level['precision']} "), scope="col",
            class_="first" if level in [group[0] for group in groups] else None)
        for level in levels
    ]  # fmt: skip
    corner = tag("th", "recipe", tag("br"), tag("span", "preset"), scope="col", rowspan=2, class_="place")
    return tag("thead", tag("tr", corner, rules), tag("tr", names))


def bound(level):
    """A limit as a short text for a heading."""
    return "no difference" if level["limit"] == 0 else f"≤ {limit_text(level)}"


def body(found, levels):
    """A row per recipe and preset."""
    firsts = {group[0]["name"] for group in (list(g) for _, g in groupby(levels, key=rule_title))}
    rows = []
    for place in dict.fromkeys(cell.place for cell in found):
        heading = tag("th", place[0].replace("_", " "), tag("br"), tag("span", place[1]), scope="row", class_="place")
        row = []
        for level in levels:
            here = [cell for cell in found if cell.place == place and cell.level["name"] == level["name"]]
            row.append(field(here, "first" if level["name"] in firsts else ""))
        rows.append(tag("tr", heading, row))
    return tag("tbody", rows)


def field(here, extra):
    """A cell of the map: the worst number, and a strip with a field per pair."""
    if not here:
        return tag("td", "·", tag("span", "not measured", class_="unseen"), title="not measured", class_=extra or None)
    top = worst(here)
    sign = {"agrees": "", "known": "known ", "disagrees": "✗ "}[top.status]
    strip = tag("i", [tag("s", class_=heat_class(cell)) for cell in here], class_="strip", aria_hidden="true")
    pairs = [f"{' – '.join(cell.pair)}: {cell.value_in_unit}" for cell in here]
    about = [
        f"{' '.join(top.place)}, {top.level['name']}, limit {limit_text(top.level | {'limit': top.limit})}",
        *pairs,
        f"worst: {top.where}",
    ]
    return tag(
        "td", tag("b", sign, top.value, class_=heat_class(top)), strip, title="\n".join(about), class_=extra or None
    )


def legend(found):
    """What the colours mean, with the pairs of the strips in their order."""
    steps = [tag("i", class_=f"heat-{step}") for step in range(12)]
    pairs = list(dict.fromkeys(" – ".join(cell.pair) for cell in found if cell.level["rule"] not in ALONE))
    strips = ", ".join(pairs) if len(pairs) <= 6 else "pairs in the order of the table below"
    if any(cell.level["rule"] in ALONE for cell in found):
        strips += "; where a backend is judged by itself, one field per backend"
    ends = ["a millionth of the limit, or less", tag("span", steps, class_="ramp", aria_hidden="true"), "the limit"]
    marks = [
        (tag("i", class_="heat-equal"), "no difference"),
        (tag("i", class_="heat-known"), "known: upstream's difference"),
        (tag("i", class_="heat-over"), "✗ beyond the limit"),
    ]
    return tag(
        "div",
        tag("span", ends),
        [tag("span", mark, " ", label) for mark, label in marks],
        tag("span", "strip, from the left: ", strips, class_="wide"),
        class_="legend",
    )


def every_pair(found, levels):
    """All numbers, a row per preset and pair."""
    rows = []
    for place in dict.fromkeys(cell.place for cell in found):
        of_place = [cell for cell in found if cell.place == place]
        for pair in dict.fromkeys(cell.pair for cell in of_place):
            by_level = {cell.level["name"]: cell for cell in of_place if cell.pair == pair}
            texts = [written(by_level[level["name"]]) if level["name"] in by_level else "·" for level in levels]
            rows.append([" ".join(place), " – ".join(pair), *texts])
    heads = ["recipe and preset", "pair", *(f"{level['name']}, {bound(level)}" for level in levels)]
    inner = table("Each number, by pair of backends", heads, rows, class_="numbers")
    return tag("details", tag("summary", "Every number, pair by pair"), inner)


def written(cell):
    """A number with its status."""
    return join({"agrees": "", "known": "known ", "disagrees": "✗ "}[cell.status], cell.value)
