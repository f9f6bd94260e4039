"""When do backends agree on a case? The rules of the matrix, and one more for bfloat16.

Where a number is not finite it must be the same one on every backend; the others are judged:

exact     equal to the bit: what is drawn.
float64   meaning: at most 1e-9 of the largest entry apart.
float32   at most 8 U apart. U is how far a backend moves from itself when inputs and weights move
          by one unit in the last place: the largest of seven draws, the lower median over the
          backends, and at least 4 rounding errors of the largest entry.
bfloat16  each backend's distance to the truth, its own result in float64 from the same inputs and
          weights, is at most 4 times that of the median backend, which counts as at least one
          rounding error of bfloat16 (2**-8 of the largest entry). Moving by one unit in the last
          place would be no measure here: what is 256 times as coarse hides it or amplifies it.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from backends_matrix.judge import FLOAT64_LIMIT, ROUNDING, SHORT_LIMIT, Distance, distance

BFLOAT16_LIMIT = 4.0  # times the median backend's distance to the truth
BFLOAT16_ROUNDING = 2.0**-8  # of the largest entry: the smallest distance that counts
LIMITS = {"exact": 0.0, "float64": FLOAT64_LIMIT, "float32": SHORT_LIMIT, "bfloat16": BFLOAT16_LIMIT}


class Finding(NamedTuple):
    """What was measured about one quantity of one case in one precision.

    Attributes:
        case, group, quantity, precision: Strings.
        measured: Dict from label of a backend to float, in the unit of the
            rule: the largest over its arrays and the other backends.
        relative: Float, the largest difference, as a share of the largest entry.
        limit: Float.
        groups: List of tuples of labels: pairs that disagree, or, in bfloat16,
            single backends.
        note: String, where the worst element is and what it holds, or what
            was raised.
    """

    case: str
    group: str
    quantity: str
    precision: str
    measured: dict[str, float]
    relative: float
    limit: float
    groups: list[tuple[str, ...]]
    note: str

    @property
    def agrees(self):
        """Whether all are within the limit."""
        return not self.groups


def apart(name, one, other):
    """The `Distance` of two arrays where both are finite; infinite if elsewhere they are not the same."""
    if one.shape != other.shape or not one.size:
        return distance(name, one, other)
    one, other = one.astype("float64"), other.astype("float64")
    finite = np.isfinite(one) & np.isfinite(other)
    differs = ~finite & ~(one == other) & ~(np.isnan(one) & np.isnan(other))
    if differs.any():
        place = tuple(int(i) for i in np.argwhere(differs)[0])
        return Distance(np.inf, 0.0, name, place, (float(one[place]), float(other[place])))
    return distance(name, np.where(finite, one, 0.0), np.where(finite, other, 0.0))


def compare(bundles):
    """Judge all bundles against each other; returns a list of `Finding`."""
    findings = []
    for precision in ("float64", "float32", "bfloat16"):
        here = {bundle.label: bundle for bundle in bundles if bundle.about["precision"] == precision}
        truth = {bundle.label: bundle for bundle in bundles if bundle.about["precision"] == "truth"}
        if len(here) > 1:
            findings += compare_in(precision, here, truth)
    return findings


def compare_in(precision, here, truth):
    """List of `Finding` of one precision; arguments are dicts from label to `Bundle`."""
    places = {}  # (case, quantity) -> names of the arrays
    for bundle in here.values():
        for name in [*bundle.arrays, *bundle.about["errors"]]:
            names = places.setdefault(tuple(name.split("/")[:2]), [])
            if name in bundle.arrays and name not in names:
                names.append(name)
    cases = {name: facts for bundle in here.values() for name, facts in bundle.about["cases"].items()}
    found = []
    for (case, quantity), names in places.items():
        rule = "exact" if cases[case]["exact"] else precision
        place = (case, cases[case]["group"], quantity, precision)
        raised = {label: error for label in here if (error := here[label].about["errors"].get(f"{case}/{quantity}"))}
        lacking = [label for label, bundle in here.items() if not all(name in bundle.arrays for name in names)]
        if raised or lacking:
            found.append(finding_of_errors(place, rule, here, raised, lacking))
        elif rule == "bfloat16":
            found.append(in_bfloat16(place, names, here, truth))
        else:
            found.append(in_pairs(place, rule, names, here))
    return found


def finding_of_errors(place, rule, here, raised, lacking):
    """A `Finding` about backends that raise; that all do is no agreement, because it shows nothing."""
    failed = dict.fromkeys([*raised, *lacking])
    pairs = [pair for pair in combinations(here, 2) if (pair[0] in failed) != (pair[1] in failed)]
    groups = pairs or [tuple(here)]
    measured = {label: np.inf if any(label in group for group in groups) else 0.0 for label in here}
    note = "; ".join(f"{label} {raised.get(label, 'lacks it')}" for label in failed)
    return Finding(*place, measured, np.inf, LIMITS[rule], groups, note)


def in_pairs(place, rule, names, here):
    """A `Finding` by one of the rules that compare backends with each other."""
    measured, worst, relative, groups, note = dict.fromkeys(here, 0.0), -1.0, 0.0, [], ""
    for one, other in combinations(here, 2):
        for name in names:
            gap = apart(name, here[one].arrays[name], here[other].arrays[name])
            size = in_units(rule, gap, [bundle.about["ulp"].get(name, 0.0) for bundle in here.values()])
            for label in (one, other):
                measured[label] = max(measured[label], size)
            if size > LIMITS[rule] and (one, other) not in groups:
                groups.append((one, other))
            relative = max(relative, share(gap))
            if size > worst:
                worst = size
                note = f"{name}{list(gap.element)} {one} {gap.values[0]!r}, {other} {gap.values[1]!r}"
    return Finding(*place, measured, relative, LIMITS[rule], groups, note)


def in_units(rule, gap, moved):
    """A `Distance` in the unit of a rule; `moved` holds each backend's own movement."""
    if rule == "exact" or gap.size in (0.0, np.inf):
        return gap.size
    if rule == "float64":
        return gap.size / gap.scale
    return gap.size / max(sorted(moved)[(len(moved) - 1) // 2], ROUNDING * gap.scale)


def in_bfloat16(place, names, here, truth):
    """A `Finding` by the rule for bfloat16."""
    measured, worst, relative, note = dict.fromkeys(here, 0.0), -1.0, 0.0, ""
    for name in names:
        gaps = {
            label: apart(name, bundle.arrays[name], truth[label].arrays[name])
            for label, bundle in here.items()
            if label in truth and name in truth[label].arrays
        }
        if len(gaps) < len(here):
            lacking = [label for label in here if label not in gaps]
            return finding_of_errors(place, "bfloat16", here, {}, lacking)
        scale = max(gap.scale for gap in gaps.values())
        unit = max(sorted(gap.size for gap in gaps.values())[(len(gaps) - 1) // 2], BFLOAT16_ROUNDING * scale)
        for label, gap in gaps.items():
            size = gap.size if gap.size in (0.0, np.inf) or unit == np.inf else gap.size / unit
            measured[label] = max(measured[label], size)
            relative = max(relative, share(gap))
            if size > worst:
                worst = size
                note = f"{name}{list(gap.element)} {label} {gap.values[0]!r}, in truth {gap.values[1]!r}"
    groups = [(label,) for label, size in measured.items() if size > BFLOAT16_LIMIT]
    return Finding(*place, measured, relative, BFLOAT16_LIMIT, groups, note)


def share(gap):
    """A `Distance` as a share of the largest entry."""
    return gap.size / gap.scale if gap.size not in (0.0, np.inf) else gap.size
