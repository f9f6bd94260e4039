"""Figures of several seeds: their mean, and how far they lie apart."""

import statistics


def seeds_of(runs):
    """The seeds of runs, dicts with a `seed`, as text: each once, the lowest first."""
    return ", ".join(map(str, sorted({run["seed"] for run in runs})))


def over_seeds(values):
    """What to say of a figure of several seeds.

    Args:
        values: List of floats, one per seed, of at least one.

    Returns:
        Dict of `mean`, `standard_deviation` (None of one seed) and `seeds`, how many there are.
    """
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.mean(values), "standard_deviation": deviation, "seeds": len(values)}


def with_deviation(found, digits):
    """What `over_seeds` found, as text: mean ± standard deviation, or the figure itself of one seed."""
    text = f"{found['mean']:.{digits}f}"
    return text if found["seeds"] == 1 else f"{text} ± {found['standard_deviation']:.{digits}f}"
