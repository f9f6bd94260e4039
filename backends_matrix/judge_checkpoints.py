"""Does a training go on after a change of backend? The 3 × 3 cells of saving and resuming.

Each cell is compared with the training that went on where the checkpoint was saved. A checkpoint
that is resumed where it was saved must give the same bits. Elsewhere the rule of float32's first
steps holds: at most 8 U, where U is how far the backend that saved it moves from itself when it goes
on from this very checkpoint with weights that are moved by one unit in the last place (see `judge.py`).
Each checkpoint has a unit of its own, because a pixel or an activation may lie so near to a kink of the
loss there that rounding decides on which side: CycleGAN's checkpoint of one backend moved a hundred
times as far from itself as those of the others. The states of random number generators are counters,
so they are equal everywhere.
"""

from backends_matrix.judge import LEVELS as RECIPE_LEVELS
from backends_matrix.judge import Level, compare_pair, finding

SAVED, RESUMED = "checkpoint", "resumed"  # what `about["precision"]` of their bundles says, or begins with
LEVELS = (
    Level("checkpoint predictions", SAVED, "short", ("prediction",)),
    Level("checkpoint resumed", SAVED, "short", ("step", "weights", "optimizer")),
)
RANDOM = Level("checkpoint resumed", SAVED, "exact", ("random",))
ALL_LEVELS = (*RECIPE_LEVELS, *LEVELS)  # the rows of the matrix


def compare_checkpoints(bundles):
    """Judge all cells of one preset of one recipe.

    Args:
        bundles: List of `Bundle`; those that `backends_matrix.checkpoints`
            wrote count, others are passed over.

    Returns:
        List of `Finding`, for each level, name and cell; the first of a pair
        is where the checkpoint was saved, the second where it was resumed. A
        cell that is missing is infinitely far off.
    """
    saved = {bundle.about["source"]: bundle for bundle in bundles if bundle.about["precision"] == SAVED}
    resumed = {
        (bundle.about["source"], bundle.label): bundle
        for bundle in bundles
        if bundle.about["precision"].partition("-")[0] == RESUMED
    }
    findings = []
    for source, one in saved.items():
        for other in saved.values():
            cell = resumed.get((source, other.label))
            if cell:
                findings += compare_cell(one, cell)
            else:
                findings += [
                    finding(level, one, other.label, SAVED, float("inf"), "not resumed there") for level in LEVELS
                ]
    return findings


def compare_cell(one, cell):
    """List of `Finding` between a training that went on and one that was resumed."""
    has_random = any(name.startswith("random/") for name in {**one.arrays, **cell.arrays})
    levels = [*LEVELS, RANDOM] if has_random else LEVELS
    if one.label == cell.label:
        levels = [level._replace(rule="exact") for level in levels]
    return [found for level in levels for found in compare_pair(level, one, cell, [one])]
