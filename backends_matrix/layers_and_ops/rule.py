"""When do backends agree on a case? The rules of the matrix, and one more for bfloat16.

Where a number is not finite it must be the same one on every backend; the others are judged:

exact     equal to the bit: what is drawn.
float64   meaning: at most 1e-9 of the largest entry apart, that of all gradients of the case for each
          of them: some, such as that of a bias in front of a softmax, are 0 but for rounding.
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

from backends_matrix.distance import Distance, distance
from backends_matrix.judge import BFLOAT16_LIMIT, FLOAT64_LIMIT, ROUNDING, SHORT_LIMIT, lower_median

BFLOAT16_ROUNDING = 2.0**-8  # of the largest entry: the smallest distance that counts
Place = tuple[str, str, str, str]  # case, group, quantity, precision
LIMITS = {"exact": 0.0, "float64": FLOAT64_LIMIT, "float32": SHORT_LIMIT, "bfloat16": BFLOAT16_LIMIT}


class Finding(NamedTuple):
    """What was measured about one quantity of one case in one precision.

    Attributes:
        case, group, quantity, precision: Strings.
        measured: Dict from label of a backend to float, in the unit of the
            rule: the largest over its arrays and the other backends.
        limit: Float.
        groups: Dict from those that disagree, pairs of labels or, in bfloat16,
            single ones, to how far, as a share of the largest entry.
        note: String, where the worst element is and what it holds, or what
            was raised.
    """

    case: str
    group: str
    quantity: str
    precision: str
    measured: dict[str, float]
    limit: float
    groups: dict[tuple[str, ...], float]
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


def finding_of_errors(place: Place, rule, here, raised, lacking):
    """A `Finding` about backends that raise; that all do is no agreement, because it shows nothing."""
    failed = dict.fromkeys([*raised, *lacking])
    pairs = [pair for pair in combinations(here, 2) if (pair[0] in failed) != (pair[1] in failed)]
    groups = pairs or [tuple(here)]
    measured = {label: np.inf if any(label in group for group in groups) else 0.0 for label in here}
    note = "; ".join(f"{label} {raised.get(label, 'lacks it')}" for label in failed)
    return Finding(*place, measured, LIMITS[rule], dict.fromkeys(groups, np.inf), note)


def in_pairs(place: Place, rule, names, here):
    """A `Finding` by one of the rules that compare backends with each other."""
    gaps = {
        (one, other, name): apart(name, here[one].arrays[name], here[other].arrays[name])
        for one, other in combinations(here, 2)
        for name in names
    }
    largest = max(gap.scale for gap in gaps.values())
    measured, worst, groups, note = dict.fromkeys(here, 0.0), -1.0, {}, ""
    for (one, other, name), gap in gaps.items():
        size = in_units(rule, gap, largest, [bundle.about["ulp"].get(name, 0.0) for bundle in here.values()])
        for label in (one, other):
            measured[label] = max(measured[label], size)
        if size > LIMITS[rule]:
            groups[one, other] = max(groups.get((one, other), 0.0), share(gap, largest))
        if size > worst:
            worst = size
            note = f"{name}{list(gap.element)} {one} {gap.values[0]!r}, {other} {gap.values[1]!r}"
    return Finding(*place, measured, LIMITS[rule], groups, note)


def in_units(rule, gap, largest, moved):
    """A `Distance` in the unit of a rule; `moved` holds each backend's own movement."""
    if rule == "exact" or gap.size in (0.0, np.inf):
        return gap.size
    if rule == "float64":
        return gap.size / largest
    return gap.size / max(lower_median(moved), ROUNDING * gap.scale)


def in_bfloat16(place: Place, names, here, truth):
    """A `Finding` by the rule for bfloat16."""
    lacking = [label for label in here if label not in truth or any(n not in truth[label].arrays for n in names)]
    if lacking:
        return finding_of_errors(place, "bfloat16", here, {}, lacking)
    gaps = {
        (name, label): apart(name, bundle.arrays[name], truth[label].arrays[name])
        for name in names
        for label, bundle in here.items()
    }
    largest = max(gap.scale for gap in gaps.values())
    measured, worst, groups, note = dict.fromkeys(here, 0.0), -1.0, {}, ""
    for (name, label), gap in gaps.items():
        unit = max(lower_median([gaps[name, other].size for other in here]), BFLOAT16_ROUNDING * largest)
        size = gap.size if gap.size in (0.0, np.inf) or unit == np.inf else gap.size / unit
        measured[label] = max(measured[label], size)
        if size > BFLOAT16_LIMIT:
            groups[(label,)] = max(groups.get((label,), 0.0), share(gap, largest))
        if size > worst:
            worst = size
            note = f"{name}{list(gap.element)} {label} {gap.values[0]!r}, in truth {gap.values[1]!r}"
    return Finding(*place, measured, BFLOAT16_LIMIT, groups, note)


def share(gap, largest):
    """A `Distance` as a share of the largest entry."""
    return gap.size / largest if gap.size not in (0.0, np.inf) else gap.size
