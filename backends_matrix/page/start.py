"""What it costs to start: importing the framework, building the model, and the first step, which may compile."""

from backends_matrix.page.draw import Linear, line, number, rectangle, short, svg, text, ticks
from backends_matrix.page.markup import not_measured, section, tag

COMMAND = "nox -s bench"
PARTS = {"import_s": "import", "build_s": "build", "first_step_s": "first step"}
WIDTH, LEFT, RIGHT = 400, 92, 346
ROW = 24
EXPLANATION = """\
Seconds until the first step of the recipe as it ships is done: importing Keras and its backend, building the model,
and the first step, in which some
backends compile."""


def start(results):
    """The section on the cost of a start, a picture per recipe and device."""
    title = "What a start costs"
    rows = [row for row in (results.bench or {"rows": []})["rows"] if row["variant"] == "shipped" and row["counts"]]
    if not rows:
        return section("start", title, not_measured("no bench is among the results", COMMAND))
    most = max(sum(number(row[part]) for part in PARTS) for row in rows)
    panels = [
        panel(f"{recipe.replace('_', ' ')} on {device}",
              [r for r in rows if (r["recipe"], r["device"]) == (recipe, device)], most)
        for recipe, device in dict.fromkeys((row["recipe"], row["device"]) for row in rows)
    ]  # fmt: skip
    legend = [tag("span", tag("i", class_=part), f" {name}") for part, name in PARTS.items()]
    return section("start", title, tag("p", EXPLANATION, class_="lead"), tag("div", legend, class_="legend"),
                   tag("div", panels, class_="panels"))  # fmt: skip


def panel(name, rows, most):
    """A bar of three parts for each backend; all panels share their axis."""
    x, height = Linear(0, most, LEFT, RIGHT), len(rows) * ROW + 32
    marks = [(line(x(v), 4, x(v), height - 26, "grid"), text(x(v), height - 10, f"{short(v)} s", anchor="middle"))
             for v in ticks(0, most)]  # fmt: skip
    bars, texts = [], []
    for place, row in enumerate(rows):
        top, end = 6 + place * ROW, 0.0
        bars.append(text(LEFT - 8, top + 13, row["backend"], anchor="end"))
        for part, what in PARTS.items():
            seconds = number(row[part])
            about = f"{row['backend']}, {what}: {seconds:.2f} s"
            bars.append(rectangle(x(end), top, x(end + seconds) - x(end), ROW - 7, part, about))
            end += seconds
        bars.append(text(x(end) + 5, top + 13, f"{end:.1f} s", class_="number"))
        texts.append(f"{row['backend']} " + ", ".join(f"{what} {number(row[p]):.1f}" for p, what in PARTS.items()))
    picture = svg(WIDTH, height, f"Cost of a start, {name}", "Seconds: " + "; ".join(texts), marks, bars)
    return tag("figure", tag("figcaption", tag("b", name)), picture)
