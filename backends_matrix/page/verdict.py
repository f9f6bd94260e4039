"""The first screen: what was compared, and whether it agrees."""

from backends_matrix.page import operations
from backends_matrix.page.cells import cells, limit_text, rule_title, worst
from backends_matrix.page.draw import Logarithmic, counted, line, number, short, svg
from backends_matrix.page.inputs import label_of, made_with
from backends_matrix.page.markup import join, section, table, tag


def verdict(results):
    """The section that answers before any picture does."""
    found = cells(results.matrix) if results.matrix else []
    title, good = headline(results, found)
    facts = [fact(name, text) for name, text in facts_of(results, found).items()]
    closest = rules(found) if found else None
    parts = tag("dl", facts, class_="facts"), closest, tag("ul", lines(results, found))
    return section("verdict", title, parts, class_="good" if good else "bad")


def headline(results, found):
    """The answer as a sentence, and whether it is a good one."""
    backends = listed(dict.fromkeys(entry["backend"] for entry in made_with(results)))
    known = sum(cell.status == "known" for cell in found)
    wrong = [cell for cell in found if cell.status == "disagrees"]
    cases = results.layers_and_ops["cases"] if results.layers_and_ops else []
    wrong_cases = sum(operations.status(case) == "disagrees" for case in cases)
    if wrong:
        return f"The numbers disagree in {len(wrong)} of {counted(len(found), 'cell')}", False
    if wrong_cases:
        agree = f"The recipes agree on {backends}, but " if found else ""
        return f"{agree}{wrong_cases} of {counted(len(cases), 'case')} of layers and operations disagree", False
    if not found:
        return "No recipe was compared", False
    if results.matrix["not_needed"] or (results.layers_and_ops or {}).get("not_needed"):
        return "The numbers agree better than the list of known differences says", False
    return f"The numbers agree on {backends}" + (f", but for {counted(known, 'known cell')}" if known else ""), True


def facts_of(results, found):
    """What was compared, by name."""
    recipes = {place[0] for place in (cell.place for cell in found)}
    presets = {cell.place for cell in found}
    made = made_with(results)
    versions = {}
    for entry in made:
        version = entry["environment"].get(entry["backend"])
        versions.setdefault(entry["backend"], {})[version] = None
    keras = listed(dict.fromkeys(entry["environment"].get("keras") for entry in made))
    comparisons, within = sum(cell.compared for cell in found), sum(cell.within for cell in found)
    facts = {
        "Recipes": f"{counted(len(recipes), 'recipe')} in {counted(len(presets), 'preset')}" if found else None,
        "Backends": ", ".join(f"{name} {' and '.join(filter(None, v))}".strip() for name, v in versions.items()),
        "Keras": keras,
        "Devices": listed(dict.fromkeys(entry["device"] for entry in made)),
        "Comparisons": f"{comparisons:,} pairs of arrays, {within:,} within their limits" if found else None,
    }
    return {name: text for name, text in facts.items() if text}


def fact(name, text):
    """A term and what it is here."""
    return tag("div", tag("dt", name), tag("dd", text))


def rules(found):
    """The cell of each rule that comes closest to its limit."""
    rows = []
    for name in dict.fromkeys(rule_title(cell.level) for cell in found):
        of_rule = [cell for cell in found if rule_title(cell.level) == name]
        top = worst(of_rule)
        where = f"{top.place[0].replace('_', ' ')} {top.place[1]}, {top.level['name']}, {' – '.join(top.pair)}"
        rows.append([
            name, percent(top), tag("td", bullet(top), class_="bullet"),
            "no difference" if top.measured == 0 else top.value_in_unit, limit_text(top.level),
            str(len(of_rule)), "every one" if top.measured == 0 else where,
        ])  # fmt: skip
    heads = ["rule", "of its limit", "by decades", "worst", "limit", "cells", "where"]
    return table("The worst cell under each rule", heads, rows, "rules")


def percent(cell):
    """The share of the limit as a text."""
    if cell.status == "disagrees" or cell.share > 1:
        return "✗ beyond it" if cell.status == "disagrees" else "known, beyond it"
    return "0" if cell.share == 0 else f"{short(float(f'{100 * cell.share:.2g}'))} %"


def bullet(cell):
    """A dot on a line of decades that ends, where they disagree, behind the limit."""
    x = Logarithmic(1e-8, 1e2, 6, 154)
    kind = cell.status
    dot = tag("circle", cx=f"{x(cell.share):.1f}", cy="8", r="4.5", class_=f"dot {kind}")
    track = line(6, 8, 154, 8, "track")
    limit = line(x(1), 1, x(1), 15, "limit")
    decades = [line(x(10.0**power), 6, x(10.0**power), 10, "tick") for power in (-6, -4, -2)]
    return svg(160, 16, "Share of the limit", percent(cell), track, decades, limit, dot)


def lines(results, found):
    """What else was measured, and what was not."""
    items = []
    known = sum(cell.status == "known" for cell in found)
    if known:
        items.append(f"{counted(known, 'cell')} beyond the limit for a known reason of upstream's; see What differs.")
    if results.layers_and_ops:
        cases = results.layers_and_ops["cases"]
        wrong = sum(operations.status(case) == "disagrees" for case in cases)
        usual = sum(operations.status(case) == "known" for case in cases)
        items.append(
            f"Layers and operations: {counted(len(cases), 'case')}, "
            f"{counted(usual, 'known difference')}, {counted(wrong, 'disagreement')}."
        )
    items += speed_lines(results) if results.bench else []
    absent = [] if results.bench else ["speed"]
    absent += [] if results.layers_and_ops else ["layers and operations one by one"]
    absent += [] if any(entry["device"] != "cpu" for entry in made_with(results)) else ["any GPU"]
    if absent:
        items.append(join(tag("strong", "Not measured: "), ", ".join(absent), "."))
    return [tag("li", item) for item in items]


def speed_lines(results):
    """How the shipped recipes compare with Keras' own fit, and with models written by hand."""
    others = {"plain": "of Keras' own fit", "native": "of the same model written by hand"}
    shipped = [row for row in results.bench["rows"] if row["variant"] == "shipped" and row["counts"]]
    lines = []
    for other, what in others.items():
        ratios = {}
        for row in (row for row in shipped if row.get(f"ratio_to_{other}") is not None):
            label = label_of(row["backend"], row["device"])
            ratios.setdefault(label, []).append(number(row[f"ratio_to_{other}"]))
        texts = [f"{name} {span(values)}" for name, values in ratios.items()]
        if texts:
            lines.append(f"A step as shipped takes, as a multiple {what}: {'; '.join(texts)}.")
    return lines or ["Speed: measured, but not beside models written by hand."]


def span(values):
    """The ends of some values, or the one that they share."""
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"


def listed(names):
    """Names as one does in a sentence."""
    names = [str(name) for name in names if name]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
