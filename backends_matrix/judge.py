"""When do numbers agree? Few rules, the same for all recipes, none tuned to a recipe.

exact     equal to the bit: data, initial weights.
float64   meaning. In real float64 the largest difference is at most 1e-9 of the largest
          entry. Rounding shows as 1e-14, another meaning as 1e-2.
ulp       float32. The unit U of an array is how far one backend moves from itself when its
          weights move by one unit in the last place, all at the start and a tenth of them after
          each step: the largest of seven draws, the lower median over the backends, and at least
          4 rounding errors of the largest entry.
          Backends may differ by 8 U in the first steps, and by 3 U after a whole training,
          where the weights are taken as one vector. Observed between sound backends: 4 U at
          most; a wrong epsilon: 70 U and more.
"""

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

FLOAT64_LIMIT = 1e-9  # of the largest entry
SHORT_LIMIT, LONG_LIMIT = 8.0, 3.0  # in U
ROUNDING = 4 * float(np.finfo("float32").eps)  # of the largest entry: the smallest U there is


class Level(NamedTuple):
    """A row of the table: some quantities, judged by one rule.

    Attributes:
        name: String, the row.
        precision: String, "float32" or "float64": which bundles hold the quantities.
        rule: String, "exact", "float64", "short" or "long".
        quantities: Tuple of strings, the first parts of the arrays' names.
    """

    name: str
    precision: str
    rule: str
    quantities: tuple[str, ...]


LEVELS = (
    Level("data", "float32", "exact", ("data",)),
    Level("initial weights", "float32", "exact", ("initial",)),
    Level("float64 forward", "float64", "float64", ("forward",)),
    Level("float64 loss", "float64", "float64", ("loss",)),
    Level("float64 gradient", "float64", "float64", ("gradient",)),
    Level("float64 20 steps", "float64", "float64", ("log", "weights@1", "weights@5", "weights@20")),
    Level("float32 forward", "float32", "short", ("forward",)),
    Level("float32 loss", "float32", "short", ("loss",)),
    Level("float32 gradient", "float32", "short", ("gradient",)),
    Level("float32 5 steps", "float32", "short", ("weights@1", "weights@5")),
    Level("float32 trained", "float32", "long", ("log", "weights@end")),
    Level("float32 metric", "float32", "long", ("metric",)),
)
LIMITS = {"exact": 0.0, "float64": FLOAT64_LIMIT, "short": SHORT_LIMIT, "long": LONG_LIMIT}
WHOLE = ("weights@end",)  # quantities judged as one vector


class Distance(NamedTuple):
    """How far two arrays are apart.

    Attributes:
        size: Float, the largest absolute difference, or, for quantities taken
            as one vector, the Euclidean one.
        scale: Float, the largest entry, or norm.
        array: String, the array with the worst element.
        element: Tuple of integers, the place of the worst element.
        values: Tuple of the two floats there.
    """

    size: float
    scale: float
    array: str
    element: tuple[int, ...]
    values: tuple[float, float]


class Finding(NamedTuple):
    """What was measured about one name at one level, between two backends.

    Attributes:
        recipe, preset, level, name: Strings, what was compared; `name` is that
            of an array, or of a quantity that is judged as one vector.
        pair: Tuple of the two bundles' labels.
        measured: Float, in the unit of the level's rule.
        limit: Float, what `measured` may be at most.
        note: String, where the worst element is and what it holds.
    """

    recipe: str
    preset: str
    level: str
    name: str
    pair: tuple[str, str]
    measured: float
    limit: float
    note: str

    @property
    def agrees(self):
        """Whether the difference is within the limit."""
        return self.measured <= self.limit


def distances(one, other):
    """Compare arrays of the same name.

    Args:
        one: Dict from name to array.
        other: Dict with the same names, and arrays of the same shapes.

    Returns:
        Dict from name, or from a quantity of `WHOLE`, to `Distance`.
    """
    found, whole = {}, {}
    for name, array in one.items():
        apart = distance(name, array, other[name])
        quantity = name.partition("/")[0]
        if quantity in WHOLE:
            whole.setdefault(quantity, []).append((apart, array, other[name]))
        else:
            found[name] = apart
    for quantity, parts in whole.items():
        worst = max((apart for apart, _, _ in parts), key=lambda apart: apart.size)
        squares = [np.inf if d.size == np.inf else np.sum((a.astype("float64") - b) ** 2) for d, a, b in parts]
        size = np.sqrt(sum(squares))
        scale = np.sqrt(sum(np.sum(a.astype("float64") ** 2) for _, a, _ in parts))
        found[quantity] = worst._replace(size=float(size), scale=float(scale))
    return found


def distance(name, one, other):
    """The `Distance` of two arrays; infinite if their shapes differ, or if one is not finite somewhere."""
    if one.shape != other.shape:
        return Distance(np.inf, 0.0, name, (), (float(one.size), float(other.size)))
    if not one.size:
        return Distance(0.0, 0.0, name, (), (0.0, 0.0))
    one, other = one.astype("float64"), other.astype("float64")
    with np.errstate(invalid="ignore"):
        apart = np.where(np.isfinite(one) & np.isfinite(other), np.abs(one - other), np.inf)
    element = tuple(int(i) for i in np.unravel_index(np.argmax(apart), apart.shape))
    scale = float(max(np.max(np.abs(one)), np.max(np.abs(other))))
    return Distance(float(apart[element]), scale, name, element, (float(one[element]), float(other[element])))


def compare(bundles):
    """Judge all bundles of one preset of one recipe against each other.

    Args:
        bundles: List of `Bundle`, float32 and float64, of two backends or more.

    Returns:
        List of `Finding`, for each level, name and pair.
    """
    findings = []
    for level in LEVELS:
        of_level = [bundle for bundle in bundles if bundle.about["precision"] == level.precision]
        for one, other in combinations(of_level, 2):
            findings += compare_pair(level, one, other, of_level)
    return findings


def compare_pair(level, one, other, of_level):
    """List of `Finding` of one level between two bundles."""
    names = [n for n in {**one.arrays, **other.arrays} if n.partition("/")[0] in level.quantities]
    lacking = [n for n in names if n not in one.arrays or n not in other.arrays]
    shared = [n for n in names if n not in lacking]
    lacking += [q for q in level.quantities if not any(n.partition("/")[0] == q for n in names)]
    found = [finding(level, one, other, name, np.inf, "not both of them have it") for name in lacking]
    apart = distances({n: one.arrays[n] for n in shared}, {n: other.arrays[n] for n in shared})
    for name, worst in apart.items():
        note = f"{worst.array}{list(worst.element)} {worst.values[0]!r} and {worst.values[1]!r}"
        found.append(finding(level, one, other, name, in_units(level, name, worst, of_level), note))
    return found


def in_units(level, name, worst, of_level):
    """A `Distance` in the unit of the level's rule, as float."""
    if level.rule == "exact" or worst.size in (0.0, np.inf):
        return worst.size
    if level.rule == "float64":
        return worst.size / worst.scale
    moved = sorted(bundle.about["ulp"].get(name, 0.0) for bundle in of_level)
    unit = max(moved[(len(moved) - 1) // 2], ROUNDING * worst.scale)  # of two backends the steadier one counts
    return worst.size / unit


def finding(level, one, other, name, measured, note):
    """A `Finding` between two bundles."""
    about: dict[str, Any] = one.about
    pair = (one.label, other.label)
    return Finding(about["recipe"], about["preset"], level.name, name, pair, measured, LIMITS[level.rule], note)
