"""What the pictures share: scales, ticks, numbers as text, and SVG elements with a title for those who listen."""

import math

from backends_matrix.page.markup import join, tag


class Linear:
    """A scale from values to places.

    Args:
        low, high: Floats, the ends of the values; if they're equal, all values are in the middle.
        begin, end: Floats, the places of these ends in the picture.
    """

    def __init__(self, low, high, begin, end):
        self.low, self.high, self.begin, self.end = low, high, begin, end

    def __call__(self, value):
        """The place of a value; beyond the ends, that of the end."""
        if self.high == self.low:
            return (self.begin + self.end) / 2
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


class Logarithmic(Linear):
    """The same for positive values, by their decades; zero and less lie at the low end."""

    def __init__(self, low, high, begin, end):
        super().__init__(math.log10(low), math.log10(high), begin, end)

    def __call__(self, value):
        """The place of a value."""
        return super().__call__(math.log10(value) if value > 0 else self.low)


def ticks(low, high, count=4):
    """Round values within an interval, about as many as wanted."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    raw = (high - low) / count
    decade = 10.0 ** math.floor(math.log10(raw))
    step = next(decade * factor for factor in (1, 2, 5, 10) if decade * factor >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def short(value):
    """A number in three digits, in powers of ten if it is far from one."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if not 1e-3 <= abs(value) < 1e5:
        mantissa, _, exponent = f"{value:.0e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def digits(value):
    """A number in exactly three digits, so that those below each other compare."""
    if value == 0 or not math.isfinite(value) or not 1e-2 <= abs(value) < 1e4:
        return short(value)
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def counted(count, noun):
    """A number with its noun."""
    return f"{count} {noun}" + "s" * (count != 1)


def number(value):
    """A float from JSON, where infinities and nan are strings; what is not a number counts as infinitely far."""
    value = float(value)
    return math.inf if math.isnan(value) else value


def svg(width, height, title, description, *children, class_=None):
    """A picture that grows with its column up to its own size; a reader of screens hears title and description."""
    texts = tag("title", title), tag("desc", description)
    size = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
    return tag("svg", *texts, *children, role="img", aria_label=f"{title}. {description}", class_=class_, **size)


def text(x, y, *children, anchor="start", class_=None):
    """A text whose base line begins, is centred, or ends at a point."""
    return tag("text", *children, x=place(x), y=place(y), text_anchor=anchor, class_=class_)


def line(x1, y1, x2, y2, class_=None):
    """A straight line."""
    return tag("line", x1=place(x1), y1=place(y1), x2=place(x2), y2=place(y2), class_=class_)


def rectangle(x, y, width, height, class_=None, title=None):
    """A rectangle, with a text that shows when it's pointed at."""
    inner = tag("title", title) if title else None
    return tag("rect", inner, x=place(x), y=place(y), width=place(width), height=place(height), class_=class_)


def polyline(points, class_):
    """A line through points; where one of them is not finite it's broken."""
    runs, run = [], []
    for x, y in points:
        if math.isfinite(y):
            run.append((x, y))
        elif run:
            runs, run = [*runs, run], []
    runs += [run] if run else []
    return join([tag("path", d=path(run), class_=class_) for run in runs])


def path(points):
    """The `d` of a path through points."""
    return "M" + "L".join(f"{place(x)},{place(y)}" for x, y in points)


def area(points, others, class_):
    """The surface between two lines over the same places."""
    return tag("path", d=path([*points, *reversed(others)]) + "Z", class_=class_)


def place(value):
    """A coordinate to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
