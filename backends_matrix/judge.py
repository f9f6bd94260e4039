"""When do numbers agree? Few rules, the same for all recipes, none tuned to a recipe.

exact     equal to the bit: data, initial weights.
portable  nothing is drawn past the random numbers that all backends share.
float64   meaning. In real float64 the largest difference is at most 1e-9 of the largest
          entry. Rounding shows as 1e-14, another meaning as 1e-2.
ulp       float32. The unit U of an array is how far one backend moves from itself when its
          weights move by one unit in the last place, all at the start and a tenth of them after
          each step: the largest of seven draws, the lower median over the backends, and at least
          4 rounding errors of the largest entry.
          Backends may differ by 8 U in the first steps. Observed between sound backends: 6.4 U at
          most; a wrong epsilon: 70 U and more.
typical   float32 after a whole training, where one run may go astray: a ReLU that flips late moves
          the loss by 1e-2. So what is compared are medians over the runs with moved weights, and the
          weights are taken as one vector. They may differ by 8 spreads; a spread is how far from
          their median three quarters of the runs stay, the larger one of the pair. Where few runs go
          astray the limit is that of those that do not; where half of them do, it says that
          backends differ by no more than rounding makes of itself, and the proof is float64's and
          that of 5 steps. Measured on the VAE's two smoke presets, 12 moved runs on each of three
          backends: 10 of 72 went astray, by 3e-3 to 0.4 in the loss, the others stayed within
          1.5e-4; medians of 8 were at most 1.9 spreads apart. Single runs can't be judged by U:
          seven draws hold no stray one with a chance of a third, and then a stray run of
          a sound backend is hundreds of U away.
bfloat16  precision. Each backend's Euclidean distance to its own float64 run, per array and over eight
          starts, is at most 4 times that of the median backend (of two the nearer one counts), which in turn
          counts as at least one rounding step of bfloat16, 2**-7, of the norm. Weights are float32
          also then: their norm is that of what training has changed. Judged are the forward pass,
          the gradient and 5 steps; a unit like U does not exist, because a step in the last
          place of float32 vanishes when a weight is rounded to bfloat16. One start is not enough:
          the errors of an array come from one number upstream, such as a score, whose
          rounding may be 4 times that of another backend by chance.
"""

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from backends_matrix.distance import distance, distances

FLOAT64_LIMIT = 1e-9  # of the largest entry
SHORT_LIMIT = 8.0  # in U
TYPICAL_LIMIT = 8.0  # in spreads
MAIN_PRESET = "smoke"  # also trained to its end, in bfloat16, and saved; its variants are `smoke-…`
ROUNDING = 4 * float(np.finfo("float32").eps)  # of the largest entry: the smallest U there is
BFLOAT16_QUANTITIES = ("forward", "gradient", "weights@5")
BFLOAT16_LIMIT = 4.0  # times the median backend's distance to float64
BFLOAT16_ROUNDING = 2.0**-7  # of the norm: the smallest distance that counts
TRUTH, PORTABLE = REFERENCES = "float64 truth", "portable random numbers"  # the second of a pair that is one backend


class Level(NamedTuple):
    """A row of the table: some quantities, judged by one rule.

    Attributes:
        name: String, the row.
        precision: String, "float32", "float64" or "bfloat16": which bundles hold the quantities.
        rule: String, "exact", "portable", "float64", "short", "typical" or "bfloat16".
        quantities: Tuple of strings, the first parts of the arrays' names.
    """

    name: str
    precision: str
    rule: str
    quantities: tuple[str, ...]


LEVELS = (
    Level("data", "float32", "exact", ("data",)),
    Level("initial weights", "float32", "exact", ("initial",)),
    Level("random numbers", "float32", "portable", ()),
    Level("float64 forward", "float64", "float64", ("forward",)),
    Level("float64 loss", "float64", "float64", ("loss",)),
    Level("float64 gradient", "float64", "float64", ("gradient",)),
    Level("float64 20 steps", "float64", "float64", ("log", "weights@1", "weights@5", "weights@20")),
    Level("float64 epoch as shipped", "float64", "float64", ("weights@epoch",)),
    Level("float32 forward", "float32", "short", ("forward",)),
    Level("float32 loss", "float32", "short", ("loss",)),
    Level("float32 gradient", "float32", "short", ("gradient",)),
    Level("float32 5 steps", "float32", "short", ("weights@1", "weights@5")),
    Level("float32 trained", "float32", "typical", ("typical_log", "typical_weights@end")),
    Level("float32 metric", "float32", "typical", ("typical_metric",)),
    Level("bfloat16 forward", "bfloat16", "bfloat16", ("forward",)),
    Level("bfloat16 gradient", "bfloat16", "bfloat16", ("gradient",)),
    Level("bfloat16 5 steps", "bfloat16", "bfloat16", ("weights@5",)),
)
LIMITS = {
    "exact": 0.0, "portable": 0.0, "float64": FLOAT64_LIMIT, "short": SHORT_LIMIT, "typical": TYPICAL_LIMIT,
    "bfloat16": BFLOAT16_LIMIT,
}  # fmt: skip
PRECISIONS = tuple(dict.fromkeys(level.precision for level in LEVELS))


class Finding(NamedTuple):
    """What was measured about one name at one level, between two backends or on one.

    Attributes:
        recipe, preset, level, name: Strings, what was compared; `name` is that
            of an array, or of a quantity that is judged as one vector.
        pair: Tuple of the two bundles' labels; where a backend is judged by
            itself the second is one of `REFERENCES`.
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


def compare(bundles):
    """Judge all bundles of one preset of one recipe against each other.

    Args:
        bundles: List of `Bundle` of all precisions, of two backends or more.

    Returns:
        List of `Finding`, for each level, name, and pair or backend.
    """
    findings = []
    for level in levels_of(bundles[0].about["preset"]):
        of_level = [bundle for bundle in bundles if bundle.about["precision"] == level.precision]
        if level.rule == "portable":
            findings += [found for bundle in of_level for found in bypasses(level, bundle)]
        elif level.rule == "bfloat16":
            findings += compare_with_truth(level, of_level, bundles)
        else:
            for one, other in combinations(of_level, 2):
                findings += compare_pair(level, one, other, of_level)
    return findings


def levels_of(preset):
    """The rows that count for a preset: whole trainings and bfloat16 for the main one only."""
    return [level for level in LEVELS if level.rule not in ("typical", "bfloat16") or preset == MAIN_PRESET]


def precisions_of(preset):
    """The precisions in which a preset is run, a tuple."""
    return tuple(dict.fromkeys(level.precision for level in levels_of(preset)))


def bypasses(level, bundle):
    """List of `Finding`, one for each native draw of a bundle's run, or a single good one."""
    drawn = bundle.about["bypasses"]
    found = [finding(level, bundle, PORTABLE, call, 1.0, place) for call, place in drawn]
    return found or [finding(level, bundle, PORTABLE, level.name, 0.0, "")]


def compare_with_truth(level, of_level, bundles):
    """List of `Finding`: how far each backend is from its float64 run, in units of the median backend."""
    truths = {bundle.label: bundle for bundle in bundles if bundle.about["precision"] == "float64"}
    judged = [(bundle, truths[bundle.label]) for bundle in of_level if bundle.label in truths]
    found = [finding(level, b, TRUTH, level.name, np.inf, "no such run") for b in of_level if b.label not in truths]
    names = dict.fromkeys(n for pair in judged for b in pair for n in b.arrays if quantity(n) in level.quantities)
    for name in names:
        measured = [far_from_truth(name, *pair) for pair in judged]
        finite = [max(error, BFLOAT16_ROUNDING * norm) for error, norm, _ in measured if error < np.inf]
        unit = lower_median(finite or [1.0])
        for (bundle, _), (error, _, note) in zip(judged, measured, strict=True):
            ratio = error / unit if unit else np.inf if error else 0.0
            found.append(finding(level, bundle, TRUTH, name, ratio, note))
    return found


def far_from_truth(name, bundle, truth):
    """Tuple `(distance, norm, note)` of an array of a bundle and of the bundle of its float64 run."""
    if name not in bundle.arrays or name not in truth.arrays:
        return np.inf, 0.0, "not both of them have it"
    worst = distance(name, bundle.arrays[name], truth.arrays[name])
    if worst.size == np.inf:
        return np.inf, 0.0, worst.note
    error, change = [], []
    draws = {n.partition("/")[0] + "/" for n in truth.arrays if n.startswith("draw")}
    for draw in ["", *sorted(draw for draw in draws if f"{draw}{name}" in bundle.arrays)]:
        true = truth.arrays[f"{draw}{name}"]
        start = truth.arrays[f"{draw}initial/{name.partition('/')[2]}"] if name.startswith("weights@") else 0.0
        error.append(np.ravel(bundle.arrays[f"{draw}{name}"] - true))
        change.append(np.ravel(true - start))
    return float(np.linalg.norm(np.concatenate(error))), float(np.linalg.norm(np.concatenate(change))), worst.note


def compare_pair(level, one, other, of_level):
    """List of `Finding` of one level between two bundles."""
    names = [n for n in {**one.arrays, **other.arrays} if quantity(n) in level.quantities]
    lacking = [n for n in names if n not in one.arrays or n not in other.arrays]
    shared = [n for n in names if n not in lacking]
    lacking += [q for q in level.quantities if q not in map(quantity, names)]
    found = [finding(level, one, other.label, name, np.inf, "not both of them have it") for name in lacking]
    judges = [one, other] if level.rule == "typical" else of_level  # whose units count
    apart = distances({n: one.arrays[n] for n in shared}, {n: other.arrays[n] for n in shared})
    for name, worst in apart.items():
        found.append(finding(level, one, other.label, name, in_units(level, name, worst, judges), worst.note))
    return found


def in_units(level, name, worst, of_level):
    """A `Distance` in the unit of the level's rule, as float."""
    if level.rule == "exact" or worst.size in (0.0, np.inf):
        return worst.size
    if level.rule == "float64":
        return worst.size / worst.scale
    units = [bundle.about["ulp"].get(name, 0.0) for bundle in of_level]
    unit = max(units) if level.rule == "typical" else lower_median(units)
    return worst.size / max(unit, ROUNDING * worst.scale)


def lower_median(values):
    """The middle one; of two the smaller, so that a faulty backend does not excuse itself."""
    return sorted(values)[(len(values) - 1) // 2]


def quantity(name):
    """The first part of an array's name."""
    return name.partition("/")[0]


def finding(level, bundle, other, name, measured, note):
    """A `Finding` between a bundle and the label of another one, or one of `REFERENCES`."""
    about: dict[str, Any] = bundle.about
    pair = (bundle.label, other)
    return Finding(about["recipe"], about["preset"], level.name, name, pair, measured, LIMITS[level.rule], note)
