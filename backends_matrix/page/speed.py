"""Speed: the time of a training step as bars with their spread, beside the same model written by hand."""

from backends_matrix.page.draw import Linear, counted, digits, line, number, rectangle, short, svg, text, ticks
from backends_matrix.page.markup import not_measured, section, table, tag

COMMAND = "nox -s bench"
VARIANTS = {  # in the order in which they are drawn
    "plain": "Keras' own fit",
    "tuned": "Keras' own fit, 32 steps per execution",
    "shipped": "the recipe as it ships",
    "native": "the same model by hand in that framework",
    "by_hand": "Keras' layers, the step by hand for that backend",
}
WIDTH, LEFT, RIGHT, TIME, RATIO = 400, 62, 288, 340, 398  # bars between left and right, then columns of numbers
ROW, GAP = 19, 27
EXPLANATION = """\
Milliseconds a training step takes on the recipe's bench preset: the bar is the median and begins at zero, so lengths
compare; the whisker reaches from the 20th to the 80th percentile. The dashed line marks the same model, written by
hand in that framework, and the last column is the ratio to it. Each picture has an axis of its own: compare within
it, not between devices."""


def speed(results):
    """The section on the time of a step, a picture per recipe and device."""
    title = "How fast a step is"
    if not (results.bench and results.bench["rows"]):
        return section("speed", title, not_measured("no bench is among the results", COMMAND))
    rows = results.bench["rows"]
    backends = {device: list(dict.fromkeys(r["backend"] for r in rows if r["device"] == device))
                for device in dict.fromkeys(row["device"] for row in rows)}  # fmt: skip
    panels = [
        panel(recipe, device, backends[device], [r for r in rows if (r["recipe"], r["device"]) == (recipe, device)])
        for recipe, device in dict.fromkeys((row["recipe"], row["device"]) for row in rows)
    ]
    settings = dict.fromkeys(
        f"{counted(row['threads'], 'thread')} in {counted(row['rounds'], 'round')}" for row in rows
    )
    absent = [] if any(device != "cpu" for device in backends) else [not_measured("speed on a GPU", f"{COMMAND}-gpu")]
    lead = tag("p", EXPLANATION, f" Measured with {'; '.join(settings)}.", class_="lead")
    return section("speed", title, lead, legend(), absent, tag("div", panels, class_="panels"), all_rows(rows))


def legend():
    """What the bars mean."""
    variants = [tag("span", tag("i", class_=f"bar-{name}"), f" {name}: {what}") for name, what in VARIANTS.items()]
    hatched = tag("span", tag("i", class_="bar-shipped hatched"), " hatched: unstable, its spread is too wide")
    grey = tag("span", tag("i", class_="bar-ignored"), " grey: not counted")
    return tag("div", variants, hatched, grey, class_="legend")


def panel(recipe, device, backends, rows):
    """The bars of one recipe on one device, in groups by backend."""
    variants = [name for name in VARIANTS if any(row["variant"] == name for row in rows)]
    variants += [v for v in dict.fromkeys(row["variant"] for row in rows) if v not in VARIANTS]
    height = len(backends) * (GAP + ROW * len(variants)) + 46
    x = Linear(0, max([number(row["step_ms_p80"]) for row in rows if "step_ms" in row], default=1.0), LEFT, RIGHT)
    marks = [(line(x(v), 22, x(v), height - 24, "grid"), text(x(v), height - 8, short(v), anchor="middle"))
             for v in ticks(0, x.high)]  # fmt: skip
    heads = [text(LEFT, 14, "ms per step", class_="axis"), text(TIME, 14, "median", anchor="end", class_="axis"),
             text(RATIO, 14, "÷ native", anchor="end", class_="axis")]  # fmt: skip
    groups = []
    for place, backend in enumerate(backends):
        top = 24 + place * (GAP + ROW * len(variants))
        of_backend = {row["variant"]: row for row in rows if row["backend"] == backend}
        groups.append(group(backend, of_backend, variants, top, x))
    name = f"{recipe.replace('_', ' ')} on {device}"
    picture = svg(WIDTH, height, f"Time of a step, {name}", summary(rows), marks, heads, groups)
    return tag("figure", tag("figcaption", tag("b", name)), picture)


def summary(rows):
    """What the picture shows, in words."""
    timed = [row for row in rows if "step_ms" in row]
    texts = [f"{row['backend']} {row['variant']} {short(number(row['step_ms']))}" for row in timed]
    return "Medians in milliseconds: " + ", ".join(texts)


def group(backend, rows, variants, top, x):
    """The bars of one backend, and a line where its native one ends."""
    parts = [text(LEFT, top + 17, backend, class_="name")]
    begin = top + GAP
    for place, variant in enumerate(variants):
        parts.append(bar(variant, rows.get(variant), begin + place * ROW, x))
    if "native" in rows and rows["native"]["counts"]:
        at = x(number(rows["native"]["step_ms"]))
        parts.append(line(at, begin - 3, at, begin + len(variants) * ROW, "reference"))
    return tag("g", parts)


def bar(variant, row, top, x):
    """One bar with its whisker, its time and its ratio."""
    base = top + 12
    label = text(LEFT - 6, base, variant, anchor="end")
    if row is None or "step_ms" not in row:
        why = "not measured" if row is None else "not counted: it computes something else"
        return [label, text(LEFT + 4, base, why, class_="absent")]
    low, middle, high = (number(row[key]) for key in ("step_ms_p20", "step_ms", "step_ms_p80"))
    kind = f"bar-{variant}" if row["counts"] else "bar-ignored"
    size = LEFT, top + 2, max(1.0, x(middle) - LEFT), ROW - 6
    about = f"{row['backend']} {variant}: {short(middle)} ms, 20th to 80th percentile {short(low)} to {short(high)} ms"
    about += "; unstable" * row.get("unstable", False) + "; not counted" * (not row["counts"])
    whisker = [line(x(low), top + 8.5, x(high), top + 8.5, "whisker")]
    whisker += [line(x(end), top + 5.5, x(end), top + 11.5, "whisker") for end in (low, high)]
    hatch = rectangle(*size, "hatch") if row.get("unstable") else None
    remark = None
    if not row["counts"]:  # beside the bar, or inside it where there's no place
        inside = x(high) > RIGHT - 90
        remark = text(LEFT + 4 if inside else x(high) + 6, base, "not counted", class_="absent")
    numbers = text(TIME, base, digits(middle), anchor="end", class_="number")
    return [label, rectangle(*size, kind, about), hatch, whisker, remark, numbers,
            text(RATIO, base, ratio_text(row), anchor="end", class_="number")]  # fmt: skip


def ratio_text(row):
    """How many times as long as the native step, where that counts."""
    if row["variant"] == "native" and row["counts"]:
        return "1"
    ratio = row.get("ratio_to_native")
    return "–" if ratio is None or not row["counts"] else f"{number(ratio):.2f}×"


def all_rows(rows):
    """Each row as numbers, with what the bars leave out."""
    heads = ["recipe", "backend", "variant", "device", "ms per step", "p20–p80", "to plain", "to native", "to by hand",
             "processes", "steps per epoch", "memory MB", "on device MB", "remark"]  # fmt: skip
    body = [
        [
            row["recipe"], row["backend"], row["variant"], row["device"], figure(row, "step_ms"),
            f"{figure(row, 'step_ms_p20')}–{figure(row, 'step_ms_p80')}", figure(row, "ratio_to_plain"),
            figure(row, "ratio_to_native"), figure(row, "ratio_to_by_hand"), row.get("processes"),
            row.get("steps_per_epoch"), figure(row, "memory_mb"), figure(row, "device_memory_mb"),
            ", ".join(["unstable"] * row.get("unstable", False) + ["not counted"] * (not row["counts"])),
        ]
        for row in rows
    ]  # fmt: skip
    return tag("details", tag("summary", "Every timing"), table("Time of a step, and memory", heads, body, "numbers"))


def figure(row, key):
    """A number of a row as a text; a dash where there is none."""
    return "—" if row.get(key) is None else digits(number(row[key]))
