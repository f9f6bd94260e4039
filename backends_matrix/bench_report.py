"""The bench as rows and tables: NumPy only."""

import numpy as np

from backends_matrix.report import machine_line, markdown_table

UNSTABLE = 0.1  # of the median: the spread from p20 to p80 that a row may have
RATIOS = ("plain", "native", "by_hand")  # variants with which the others are compared
MEDIANS = ("import_s", "build_s", "first_step_s", "step_ms", "memory_mb", "device_memory_mb")
LEGEND = """\
`plain`: Keras' own `fit` on the recipe's model; `tuned`: with `steps_per_execution=32`. `shipped`: the recipe as it is.
`native`: the same mathematics by hand, without Keras; `by_hand`: Keras' layers and optimizers, and a step by hand for
that backend; the losses of both are the recipe's to 1e-9 in float64, or they have no figures. Medians over processes
that took turns, with p20–p80 over them; unstable where that is wider than 10 % of the median. Times of a step are from
epochs after the first; the first step holds tracing and compiling. `×`: how many times as long as these variants, and
as the fastest backend of the same variant, a step takes in this run.
"""


def rows_of(found, wrong):
    """A row for each recipe, backend and variant.

    Args:
        found: List of dicts, what the processes found.
        wrong: Dict from recipe, backend and variant to the verdict on what does not count.

    Returns:
        List of dicts: medians, spread, ratios. What does not count has no figures.
    """
    places = dict.fromkeys((one["recipe"], one["backend"], one["variant"]) for one in found)
    rows = {
        place: row_of([one for one in found if (one["recipe"], one["backend"], one["variant"]) == place])
        for place in places
    }
    for (recipe, backend, variant), row in rows.items():
        same_variant = [r["step_ms"] for (r_recipe, _, v), r in rows.items() if (r_recipe, v) == (recipe, variant)]
        for other in RATIOS:
            row[f"ratio_to_{other}"] = ratio(row["step_ms"], rows.get((recipe, backend, other), {}).get("step_ms"))
        row["ratio_to_fastest"] = ratio(row["step_ms"], min(same_variant))
    without = [
        {"recipe": recipe, "backend": backend, "variant": variant, "counts": False, **verdict}
        for (recipe, backend, variant), verdict in wrong.items()
    ]
    return sorted([*rows.values(), *without], key=lambda row: (row["recipe"], row["backend"]))


def ratio(time, other):
    """How many times the other one a time is, or None if there is no other one."""
    return None if other is None else time / other


def row_of(processes):
    """The row of one recipe, backend and variant, without its ratios."""
    first = processes[0]
    steps = [one["step_ms"] for one in processes]
    low, median, high = (float(value) for value in np.percentile(steps, (20, 50, 80)))
    row = {name: first[name] for name in ("recipe", "backend", "variant", "device", "steps_per_epoch")}
    row |= {"processes": len(processes), "counts": True}
    for name in MEDIANS:
        values = [one[name] for one in processes]
        row[name] = None if None in values else float(np.median(values))
    row |= {"step_ms_p20": low, "step_ms_p80": high, "unstable": high - low > UNSTABLE * median}
    return row | {"each": steps, "load": [one["load"] for one in processes]}


def made_with(found):
    """List of dicts: backend, device, and the versions and machine there."""
    places = {}
    for one in found:
        places.setdefault((one["backend"], one["device"]), {}).update(one["environment"])
    return [
        {"backend": backend, "device": device, "environment": environment}
        for (backend, device), environment in places.items()
    ]


def table(rows):
    """Rows of strings; the first holds the headings."""
    times = ["import s", "build s", "first step s", "ms per step", "p20–p80"]
    ratios = [f"× {other.replace('_', ' ')}" for other in (*RATIOS, "fastest")]
    cells = [["recipe", "backend", "variant", *times, *ratios, "memory MB", "device MB"]]
    for row in rows:
        label = row["backend"] + ("" if row.get("device", "cpu") == "cpu" else f" ({row['device']})")
        place = [row["recipe"], label, row["variant"]]
        if not row["counts"]:
            apart = "not finite" if row["difference"] is None else f"{row['difference']:.0e}"
            cells.append([*place, "", "", "", "does not count", f"losses differ by {apart}", *[""] * 6])
            continue
        spread = f"{row['step_ms_p20']:.3g}–{row['step_ms_p80']:.3g}" + (" unstable" if row["unstable"] else "")
        ratios = [number(row[f"ratio_to_{other}"], ".2f") for other in (*RATIOS, "fastest")]
        seconds = [number(row[name], ".1f") for name in ("import_s", "build_s", "first_step_s")]
        memory = [number(row["memory_mb"], ".0f"), number(row["device_memory_mb"], ".0f")]
        cells.append([*place, *seconds, f"{row['step_ms']:.3g}", spread, *ratios, *memory])
    return cells


def number(value, form):
    """A number as text; empty if there is none."""
    return "" if value is None else format(value, form)


def markdown(report):
    """The whole report as Markdown text."""
    unstable = sum(row.get("unstable", False) for row in report["rows"])
    scope = f"Preset {report['preset']}; {report['threads']} threads; "
    scope += f"processes per row: {report['rounds']}; unstable rows: {unstable}"
    lines = "\n".join(f"- {machine_line(entry)}" for entry in report["made_with"])
    return "\n\n".join(["# Bench", scope, LEGEND, markdown_table(table(report["rows"])), lines]) + "\n"
