"""Loss curves: all backends on the same axes, and below, magnified, how far each is from their mean.

Curves that coincide say little by themselves. So the second picture divides the differences by the
rounding band, that is, by how far one backend moves from itself, and the third shows both by decades.
"""

import math
from statistics import fmean, median_low

from backends_matrix.judge import ROUNDING
from backends_matrix.page.draw import (
    Linear,
    Logarithmic,
    area,
    line,
    number,
    polyline,
    rectangle,
    short,
    svg,
    text,
    ticks,
)
from backends_matrix.page.markup import not_measured, section, table, tag

COMMAND = "nox -s matrix"
WIDTH, LEFT, RIGHT, HEIGHT = 400, 46, 386, 438
TOP, MIDDLE, BOTTOM = (20, 134), (172, 256), (294, 404)  # the vertical axes
EXPLANATION = """\
Above, the loss of each step of a whole training in float32, all backends on the same axes: the lines are drawn thick
to thin, since they lie on each other. Below, the same lines as differences to their mean, in units of the rounding
band of the loss at that step: how far a single backend moves from itself when its weights move by one unit in the
last place. Inside the shaded stripe a backend is as near to the others as it is to itself. At the bottom the sizes of
differences (dots) and band (shaded) by decades: training lets rounding grow, and what grows beyond
it is no rounding. The band is the lower median of the backends, and at least four rounding errors of the largest
loss."""


def loss_curves(results, labels):
    """The section with the pictures of training, one per recipe and preset."""
    title = "Training, step by step"
    curves = [curve for curve in (results.matrix or {}).get("curves", []) if curve["loss"]]
    if not curves:
        return section("curves", title, not_measured("no loss curves are among the results", COMMAND))
    places = dict.fromkeys((curve["recipe"], curve["preset"]) for curve in curves)
    panels = [panel(place, [c for c in curves if (c["recipe"], c["preset"]) == place], labels) for place in places]
    lines = key([name for name in labels if any(curve["backend"] == name for curve in curves)], labels)
    return section("curves", title, tag("p", EXPLANATION, class_="lead"), lines, tag("div", panels, class_="panels"))


def panel(place, curves, labels):
    """The pictures of one recipe and preset, with the numbers of a few steps as a table."""
    steps = min(len(curve["loss"]) for curve in curves)
    losses = {curve["backend"]: [number(value) for value in curve["loss"][:steps]] for curve in curves}
    mean = [fmean(column) for column in zip(*losses.values(), strict=True)]
    band = rounding_band(curves, mean)
    units = {name: [bands(*each) for each in zip(loss, mean, band, strict=True)] for name, loss in losses.items()}
    name = f"{place[0].replace('_', ' ')}, {place[1]}"
    largest = max((abs(value) for values in units.values() for value in values), default=0.0)
    away = f"{largest:.2f}" if math.isfinite(largest) else "∞"
    measured = all(curve.get("band") for curve in curves)
    unit = f"; the band is at most ±{short(float(f'{max(band):.1g}'))}."
    if not measured:
        unit = "; not every backend measured the band, so it may be four rounding errors of the largest loss here."
    description = (
        f"Loss from {short(mean[0])} to {short(mean[-1])} in {steps} steps; at most {away} bands from the mean{unit}"
    )
    picture = svg(
        WIDTH, HEIGHT, f"Loss of {', '.join(losses)} on {name}", description,
        upper(losses, mean, band, labels), middle(units, largest, labels), lower(units, band, labels), step_axis(steps),
    )  # fmt: skip
    note = tag("p", tag("strong", away), " bands from the mean at most", unit)
    return tag("figure", tag("figcaption", tag("b", name)), picture, note, numbers(losses, units))


def bands(loss, mean, band):
    """A difference in units of the band; infinite if anything is not finite, so that it never looks like agreement."""
    return (loss - mean) / band if all(map(math.isfinite, (loss, mean, band))) else math.inf


def rounding_band(curves, mean):
    """The unit at each step: the lower median of the backends, and at least what the judge takes as rounding."""
    floor = ROUNDING * max((abs(value) for value in mean if math.isfinite(value)), default=0.0) or 1.0
    bands = [[number(value) for value in curve["band"][: len(mean)]] for curve in curves if curve.get("band")]
    if not bands:
        return [floor] * len(mean)
    return [max(floor, median_low(column)) for column in zip(*bands, strict=True)]


def upper(losses, mean, band, labels):
    """The losses themselves on the band around their mean."""
    finite = [value for values in losses.values() for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    x, y = Linear(0, max(1, len(mean) - 1), LEFT, RIGHT), Linear(low, high, TOP[1], TOP[0])
    marks = [(line(LEFT, y(v), RIGHT, y(v), "grid"), text(LEFT - 6, y(v) + 4, short(v), anchor="end"))
             for v in ticks(low, high)]  # fmt: skip
    above, below = (
        [(x(i), y(m + sign * b)) for i, (m, b) in enumerate(zip(mean, band, strict=True)) if math.isfinite(m)]
        for sign in (1, -1)
    )
    lines = [
        polyline([(x(i), y(value) if math.isfinite(value) else math.nan) for i, value in enumerate(values)],
                 f"curve b{labels.index(name) % 6} w{min(2, place)}")
        for place, (name, values) in enumerate(losses.items())
    ]  # fmt: skip
    return [marks, area(above, below, "band") if above else None, lines, text(LEFT, TOP[0] - 9, "loss", class_="axis")]


def middle(units, largest, labels):
    """Differences to the mean in units of the band, which is the stripe from -1 to 1."""
    most = max(1.5, 1.08 * largest) if math.isfinite(largest) else 10.0
    steps = len(next(iter(units.values())))
    x, y = Linear(0, max(1, steps - 1), LEFT, RIGHT), Linear(-most, most, MIDDLE[1], MIDDLE[0])
    stripe = rectangle(LEFT, y(1), RIGHT - LEFT, y(-1) - y(1), "band")
    marks = [
        (line(LEFT, y(v), RIGHT, y(v), "zero" if v == 0 else "grid"), text(LEFT - 6, y(v) + 4, signed(v), anchor="end"))
        for v in (ticks(-most, most) if most > 3 else (-1, 0, 1))
    ]
    lines = [
        polyline([(x(i), y(value) if math.isfinite(value) else math.nan) for i, value in enumerate(values)],
                 f"curve thin b{labels.index(name) % 6}")
        for name, values in units.items()
    ]  # fmt: skip
    title = text(LEFT, MIDDLE[0] - 7, "difference to the mean, in bands", class_="axis")
    return [stripe, marks, lines, title]


def lower(units, band, labels):
    """Sizes of the differences as dots, and of the band as a surface, by decades; what is zero lies on the bottom."""
    sizes = {name: [abs(v) * b for v, b in zip(values, band, strict=True)] for name, values in units.items()}
    positive = [v for values in (*sizes.values(), band) for v in values if 0 < v < math.inf]
    positive = [v for v in positive if v > 1e-5 * min(band)] or [1.0]  # what is far below would only squeeze the rest
    low, high = (10.0**edge for edge in (math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))))
    x, y = Linear(0, max(1, len(band) - 1), LEFT, RIGHT), Logarithmic(low, max(high, 10 * low), BOTTOM[1], BOTTOM[0])
    surface = area([(x(i), y(b)) for i, b in enumerate(band)], [(LEFT, BOTTOM[1]), (RIGHT, BOTTOM[1])], "band")
    marks = [(line(LEFT, y(10.0**v), RIGHT, y(10.0**v), "grid"),
              text(LEFT - 6, y(10.0**v) + 4, short(10.0**v), anchor="end"))
             for v in decades(y)]  # fmt: skip
    dots = [
        tag("path", d="".join(f"M{x(i):.1f},{y(size):.1f}h0" for i, size in enumerate(values) if math.isfinite(size)),
            class_=f"dots b{labels.index(name) % 6}")
        for name, values in sizes.items()
    ]  # fmt: skip
    return [surface, marks, dots, text(LEFT, BOTTOM[0] - 7, "size of difference and band, by decades", class_="axis")]


def decades(scale):
    """Powers of ten along a scale, four or five at most."""
    low, high = round(scale.low), round(scale.high)
    return range(low, high + 1, max(1, math.ceil((high - low) / 4)))


def signed(value):
    """A number with its sign, as typography wants it."""
    return short(value).replace("-", "−") if value <= 0 else f"+{short(value)}"


def step_axis(steps):
    """Numbers of steps, and their marks below each axis."""
    x = Linear(0, max(1, steps - 1), LEFT, RIGHT)
    shown = [1, *(int(v) for v in ticks(0, steps) if v >= 1 and v == int(v) and x(v - 1) - LEFT > 30)]
    return [
        [text(x(v - 1), BOTTOM[1] + 17, v, anchor="middle") for v in shown],
        [line(x(v - 1), end, x(v - 1), end + 4, "tick") for v in shown for _, end in (TOP, MIDDLE, BOTTOM)],
        text((LEFT + RIGHT) / 2, HEIGHT - 3, "step", anchor="middle", class_="axis"),
    ]


def key(names, labels):
    """Which colour is which backend, and what the stripe is."""
    swatches = [tag("span", tag("i", class_=f"swatch b{labels.index(name) % 6}"), name) for name in names]
    return tag("div", swatches, tag("span", tag("i", class_="band"), " rounding band"), class_="legend")


def numbers(losses, units):
    """The losses of a few steps with all digits, for those who don't look at pictures."""
    steps = len(next(iter(losses.values())))
    chosen = sorted({0, *(round(part * (steps - 1) / 5) for part in range(1, 6))})
    rows = [
        [str(step + 1), *(f"{losses[name][step]:.8g} ({signed(round(units[name][step], 2))})" for name in losses)]
        for step in chosen
    ]
    inner = table("Loss, and in brackets the difference to the mean in bands", ["step", *losses], rows, "numbers")
    return tag("details", tag("summary", "Some steps in numbers"), inner)
