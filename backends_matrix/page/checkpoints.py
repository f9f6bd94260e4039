"""Checkpoints: weights that one backend saved and another one loaded, as a grid per level."""

from backends_matrix.page.cells import cells, heat_class, is_checkpoint, limit_text, worst
from backends_matrix.page.markup import not_measured, section, tag

COMMAND = "nox -s matrix"
EXPLANATION = """\
Weights, and the state of the optimizer, saved on one backend and loaded on another. The worst of all recipes and
presets; colours as above."""


def checkpoints(results):
    """The section on checkpoints, each level a square of saved on by loaded on."""
    title = "Saved here, loaded there"
    found = [cell for cell in cells(results.matrix) if is_checkpoint(cell.level)] if results.matrix else []
    if not found:
        return section("checkpoints", title, not_measured("no checkpoints are among the results", COMMAND))
    levels = list({cell.level["name"]: cell.level for cell in found}.values())
    grids = [grid(level, [cell for cell in found if cell.level == level]) for level in levels]
    return section("checkpoints", title, tag("p", EXPLANATION, class_="lead"), tag("div", grids, class_="grids"))


def grid(level, found):
    """A square of saved on by loaded on."""
    names = sorted({label for cell in found for label in cell.pair})
    caption = tag("caption", tag("b", level["name"]), f" limit {limit_text(level)}")
    corner = tag("th", "saved on ↓", tag("br"), "loaded on →", scope="col")
    heads = tag("tr", corner, [tag("th", name, scope="col") for name in names])
    rows = [
        tag("tr", tag("th", one, scope="row"), [field([c for c in found if c.pair == (one, other)]) for other in names])
        for one in names
    ]
    return tag("div", tag("table", caption, tag("thead", heads), tag("tbody", rows), class_="grid heat"),
               class_="scroll", role="region", aria_label=level["name"], tabindex=0)  # fmt: skip


def field(here):
    """A cell: the worst of all recipes between two backends."""
    if not here:
        return tag("td", "·", tag("span", "not measured", class_="unseen"), title="not measured")
    top = worst(here)
    sign = {"agrees": "", "known": "known ", "disagrees": "✗ "}[top.status]
    about = f"{' '.join(top.place)}: {top.value_in_unit}; {len(here)} presets; worst: {top.where}"
    return tag("td", tag("b", sign, top.value, class_=heat_class(top)), title=about)
