"""The cells of the matrix: how far two backends are apart at one level, beside its limit."""

import math
from typing import NamedTuple

from backends_matrix.page.draw import number, short
from backends_matrix.page.inputs import cell_of

ALONE = "portable", "bfloat16"  # rules by which a backend is judged by itself
CHECKPOINTS = "checkpoint"  # levels whose names begin so have pairs (saved on, loaded on), and a picture of their own
RULES = {  # what the levels of a rule are called together, and what follows a number
    "exact": ("equal to the bit", ""),
    "portable": ("shared draws", ""),
    "float64": ("{precision}", ""),
    "short": ("{precision}, first steps", " U"),
    "typical": ("{precision}, trained", " s"),
    "bfloat16": ("{precision}", " ×"),
}


class Cell(NamedTuple):
    """One level of one preset between two backends.

    Attributes:
        place: Tuple `(recipe, preset)`.
        level: Dict `name`, `precision`, `rule`, `limit`.
        pair: Tuple of two labels; where a backend is judged by itself, the second is what it is judged by.
        measured: Float, the worst of the arrays.
        limit: Float, what it may be; a checkpoint that stays where it was saved has a stricter one than its level.
        status: String, "agrees", "known" (upstream's difference) or "disagrees".
        where: String, the array, or the quantity, that is worst, and its worst element.
        compared, within: Integers, how many arrays were compared, and are within the limit.
    """

    place: tuple[str, str]
    level: dict
    pair: tuple[str, str]
    measured: float
    limit: float
    status: str
    where: str
    compared: int
    within: int

    @property
    def share(self):
        """Float, the part of the limit that is used up; above one they disagree."""
        return share_of(self.measured, self.limit)

    @property
    def value(self):
        """The measured value as a text."""
        return value_text(self.measured, self.level)

    @property
    def value_in_unit(self):
        """The measured value with its unit, where it has one."""
        return self.value if self.value in set("=≠∞0") else self.value + unit_of(self.level)


def share_of(measured, limit):
    """What part of a limit is used up, as float; infinite if the limit is zero and something was measured."""
    if measured == 0:
        return 0.0
    return measured / limit if limit else math.inf


def value_text(measured, level):
    """A measured value as a short text, in the unit of the level's rule."""
    if level["limit"] == 0 and level["rule"] != "portable":  # which counts calls
        return "=" if measured == 0 else "≠"
    if measured == 0 or math.isinf(measured):
        return "∞" if measured else "0"
    if level["limit"] == 0:
        return short(measured)
    if level["limit"] < 1e-3:
        return short(float(f"{measured:.0e}"))
    return f"{measured:.1f}" if measured >= 0.05 else "<0.1"


def limit_text(level):
    """The limit of a level, with its unit."""
    return "no difference" if level["limit"] == 0 else short(level["limit"]) + unit_of(level)


def unit_of(level):
    """What follows a number of a level."""
    return RULES.get(level["rule"], ("", ""))[1]


def rule_title(level):
    """What the levels of a rule are called together."""
    return RULES.get(level["rule"], ("{precision} {rule}", ""))[0].format(**level)


def cells(matrix):
    """All `Cell`s of merged matrix data, as a list."""
    levels = {level["name"]: level for level in all_levels(matrix)}
    known = {cell_of(entry) for entry in matrix["known"]}
    wrong = {cell_of(entry) for entry in matrix["disagreements"]}
    found = []
    for entry in matrix["agreement"]:
        key = cell_of(entry)
        excused = key in known and key not in wrong
        status = "agrees" if entry["agrees"] else "known" if excused else "disagrees"
        found.append(
            Cell(
                place=key[:2],
                level=levels[entry["level"]],
                pair=key[3],
                measured=number(entry["measured"]),
                limit=number(entry["limit"]),
                status=status,
                where=f"{entry['name']}: {entry['note']}",
                compared=entry.get("compared", 1),
                within=entry.get("within", int(entry["agrees"])),
            )
        )
    return found


def all_levels(matrix):
    """The levels of a matrix as a list of dicts; one that its files compare by, but do not describe, comes last."""
    levels = {level["name"]: level for level in matrix["levels"]}
    for entry in matrix["agreement"]:
        unknown = {"name": entry["level"], "precision": "", "rule": "other rules", "limit": number(entry["limit"])}
        levels.setdefault(entry["level"], unknown)
    return list(levels.values())


def is_checkpoint(level):
    """Whether a level is about weights that another backend loads."""
    return level["name"].startswith(CHECKPOINTS)


def worst(some):
    """The `Cell` that uses up most of its limit; disagreements that nothing excuses come first."""
    return max(some, key=lambda cell: (cell.status == "disagrees", cell.share))


def heat_class(cell):
    """The class of a colour: e (equal), 0 to 11 (half decades below the limit), known, or over."""
    if cell.status != "agrees":
        return "heat-over" if cell.status == "disagrees" else "heat-known"
    if cell.share == 0:
        return "heat-equal"
    return f"heat-{max(0, min(11, math.floor(12 + 2 * math.log10(cell.share))))}"
