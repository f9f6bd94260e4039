"""The page: its sections in their order, between a head that forbids loading anything and a style of its own."""

from pathlib import Path

from backends_matrix.page.checkpoints import checkpoints
from backends_matrix.page.curves import loss_curves
from backends_matrix.page.differences import differences
from backends_matrix.page.heat_map import heat_map
from backends_matrix.page.inputs import labels, merge
from backends_matrix.page.machines import machines, reproduction
from backends_matrix.page.markup import Markup, tag
from backends_matrix.page.operations import operations
from backends_matrix.page.speed import speed
from backends_matrix.page.start import start
from backends_matrix.page.verdict import verdict

STYLE = Path(__file__).with_name("page.css")
NOTHING_FROM_ELSEWHERE = "default-src 'none'; style-src 'unsafe-inline'"  # the browser itself refuses to load
CONTENTS = {
    "agreement": "Agreement",
    "curves": "Training",
    "checkpoints": "Checkpoints",
    "speed": "Speed",
    "start": "Start",
    "operations": "Layers and operations",
    "differences": "What differs",
    "machines": "Machines",
    "again": "Measure it",
}
HATCH = """\
<svg width="0" height="0" aria-hidden="true" class="definitions"><defs>\
<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<rect width="2.5" height="6" class="hatching"/></pattern></defs></svg>"""


def page(results):
    """The report as the text of one HTML file.

    Args:
        results: `Results`, or a list of tuples `(name of a file, its data)`,
            which is merged first.
    """
    results = merge(results) if isinstance(results, list) else results
    body = tag(
        "body",
        tag("a", "Skip to the verdict", href="#verdict", class_="skip"),
        Markup(HATCH),
        tag("header", tag("p", "Keras Recipes"), tag("h1", "The backends matrix"), navigation()),
        tag("main", sections(results)),
    )
    return f'<!doctype html>\n<html lang="en">\n{head()}{body}</html>\n'


def sections(results):
    """All sections, the answer first."""
    return [
        verdict(results),
        heat_map(results),
        loss_curves(results, labels(results)),
        checkpoints(results),
        speed(results),
        start(results),
        operations(results),
        differences(results),
        machines(results),
        reproduction(),
    ]


def head():
    """Title, style and rules of the page."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=NOTHING_FROM_ELSEWHERE),
        tag("title", "The backends matrix"),
        tag("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )


def navigation():
    """Links to the sections."""
    links = [tag("a", title, href=f"#{identity}") for identity, title in CONTENTS.items()]
    return tag("nav", links, aria_label="Sections")
