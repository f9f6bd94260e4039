"""The matrix in short, as the Markdown table that README.md shows between two marks."""

from backends_matrix.page.cells import cells, limit_text, worst
from backends_matrix.page.draw import number
from backends_matrix.page.inputs import label_of, labels
from backends_matrix.report import between_marks, markdown_table

MARKS = "<!-- matrix: written by `python -m backends_matrix report --readme` -->\n", "<!-- end of matrix -->"


def with_table(text, results):
    """The text of a Markdown file with the table of these `Results` between its marks.

    Raises:
        ValueError: If a mark is missing, or if the results hold no matrix.
    """
    if not results.matrix:
        raise ValueError("`results` must hold a file of kind 'matrix', received none")
    return between_marks(text, MARKS, markdown_table(table(results)) + "\n")


def table(results):
    """Rows of strings: for each recipe and backend the cell that is worst beside its limit, and the speed."""
    found = cells(results.matrix)
    columns = [label for label in labels(results) if any(label in cell.pair for cell in found)]
    rows = [["recipe", "", *columns]]
    for recipe in dict.fromkeys(cell.place[0] for cell in found):
        here = [cell for cell in found if cell.place[0] == recipe]
        rows.append([recipe, "worst of all levels", *(text([c for c in here if name in c.pair]) for name in columns)])
        if results.bench:
            rows.append([recipe, "step, native = 1", *(ratio(results.bench["rows"], recipe, name) for name in columns)])
    return rows


def text(some):
    """The worst of some cells, its limit, and where it is."""
    if not some:
        return "not measured"
    top = worst(some)
    sign = {"agrees": "", "known": " (known)", "disagrees": " ✗"}[top.status]
    return f"{top.value_in_unit} of {limit_text(top.level)}{sign}, {top.level['name']}"


def ratio(rows, recipe, label):
    """How many times as long the shipped step takes as the one by hand, or why there is no such figure."""
    here = [row for row in rows if (row["recipe"], label_of(row["backend"], row["device"])) == (recipe, label)]
    variants = {row["variant"]: row for row in here}
    shipped = variants.get("shipped")
    if shipped is None:
        return "not measured"
    if shipped.get("ratio_to_native") is not None:
        return f"{number(shipped['ratio_to_native']):.2f}" + " unstable" * shipped.get("unstable", False)
    wrong = "native" in variants and not variants["native"]["counts"]
    return "native's losses differ" if wrong else "no native"
