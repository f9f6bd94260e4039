"""HTML and SVG elements as text in which everything is escaped that is not an element itself."""

from html import escape

VOID = {"meta", "br"}
OWN_LINE = {"section", "div", "table", "tr", "svg", "h2", "h3", "h4", "p", "li", "details", "figure", "head", "body"}


class Markup(str):
    """Text that is HTML already, so that it isn't escaped again."""

    __slots__ = ()


def join(*children):
    """Children of an element as one `Markup`; text among them is escaped, None and nested lists are allowed."""
    parts = []
    for child in children:
        if isinstance(child, list | tuple):
            parts.append(join(*child))
        elif child is not None:
            parts.append(child if isinstance(child, Markup) else escape(str(child)))
    return Markup("".join(parts))


def tag(name, /, *children, **attributes):
    """An element of HTML or SVG.

    Args:
        name: String, such as "td".
        children: Elements, texts, numbers, None, or lists of these.
        attributes: Values by name; `class_` stands for class, `stroke_width`
            for stroke-width. Those that are None are left out.

    Returns:
        `Markup`.
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    start = "".join(f' {key}="{escape(str(value))}"' for key, value in given.items())
    end = "" if name in VOID else f"</{name}>"
    return Markup(f"<{name}{start}>{join(*children)}{end}" + "\n" * (name in OWN_LINE))


def table(caption, heads, rows, class_=None):
    """A table in a box of its own that scrolls sideways where the screen is narrow.

    Args:
        caption: String, read aloud before the table and shown above it.
        heads: List of strings, the headings of the columns.
        rows: List of rows, each a list of texts or elements; the first is the
            heading of its row. An element that is a whole `<td>` stays as it is.
        class_: String, or None.
    """
    head = tag("tr", [tag("th", text, scope="col") for text in heads])
    body = [tag("tr", tag("th", row[0], scope="row"), [cell(child) for child in row[1:]]) for row in rows]
    inner = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", body), class_=class_)
    return scroll_box(caption, inner)


def cell(child):
    """A `<td>` around a child that is none."""
    return child if isinstance(child, Markup) and child.startswith("<td") else tag("td", child)


def scroll_box(label, *children):
    """A region that scrolls by itself, also with the keyboard."""
    return tag("div", *children, class_="scroll", role="region", aria_label=label, tabindex=0)


def section(identity, title, *children, class_=None):
    """A section of the page with its heading; the navigation links to `identity`."""
    heading = tag("h2", title, id=f"{identity}-title")
    return tag("section", heading, *children, id=identity, aria_labelledby=f"{identity}-title", class_=class_)


def not_measured(what, command):
    """The sentence that stands where a section has nothing to show."""
    return tag("p", tag("strong", "Not measured: "), f"{what}. ", tag("code", command), " does it.", class_="absent")
