"""Learning rates that can be read off a curve of the loss against the rate. NumPy only."""

import numpy as np

LEFT_OUT_FIRST, LEFT_OUT_LAST = 0.1, 5  # share of the first points, and number of the last ones, that say little
FEWEST = 6  # points without which there is no suggestion


def suggest_rates(rates, losses):
    """Suggestions by each rule.

    Args:
        rates: Float array of shape `(steps,)`, rising.
        losses: Float array of the same shape, smoothed; NaN behind where the search was stopped.

    Returns:
        Dict from the name of a rule to a float; NaN if too few points are left, or nothing falls.
        "valley": in the longest stretch where the loss falls; "steepest": where
        it falls most per factor of the rate; "minimum": a tenth of the rate of
        the lowest loss; "slide": where it has stopped changing quickly, seen
        from the end; "cyclical_lowest" and "cyclical_highest": where it begins
        to fall, and where it hardly falls any more, for `Triangular`.

    Reference:
        Smith, 2017, https://arxiv.org/abs/1506.01186, section 3.3 (cyclical);
        fastai's rules, https://docs.fast.ai/callback.schedule.html (the others; its "valley" rounds thirds
        and sixths of the stretch down, and lies up to two points lower).
    """
    known = int(np.isfinite(losses).sum())
    part = slice(int(LEFT_OUT_FIRST * known), max(0, known - LEFT_OUT_LAST))
    rates, losses = rates[part], losses[part]
    rules = {"valley": valley, "steepest": steepest, "minimum": minimum, "slide": slide}
    if len(rates) < FEWEST or not (np.diff(losses) < 0).any():
        return dict.fromkeys([*rules, "cyclical_lowest", "cyclical_highest"], float("nan"))
    lowest, highest = cyclical_bounds(rates, losses)
    found = {name: float(rule(rates, losses)) for name, rule in rules.items()}
    return {**found, "cyclical_lowest": lowest, "cyclical_highest": highest}


def valley(rates, losses):
    """The rate in the middle of the longest fall: of losses that each are below those before, others left out."""
    lengths = np.ones(len(losses), int)  # of the longest fall that ends there
    for index in range(1, len(losses)):
        above = losses[:index] > losses[index]
        lengths[index] += lengths[:index][above].max(initial=0)
    end = int(lengths.argmax())
    return rates[end - lengths[end] // 2]


def steepest(rates, losses):
    """The rate at which the loss falls most."""
    return rates[np.argmin(np.diff(losses) / np.diff(np.log(rates)))]


def minimum(rates, losses):
    """A tenth of the rate of the lowest loss."""
    return rates[losses.argmin()] / 10


def slide(rates, losses, apart=15, threshold=0.005):
    """From the end down, the last rate so many points above which the slope of the loss is another one."""
    slope, apart = np.gradient(losses), min(apart, len(losses) - 1)
    left = len(losses) - 1 - apart
    rate = rates[left]
    while left >= 0 and abs(slope[left + apart] - slope[left]) > threshold:
        rate = rates[left]
        left -= 1
    return rate


def cyclical_bounds(rates, losses, share=0.05):
    """The rates between which all but a share of the fall at both ends happens, two floats; NaN if none is lower."""
    end = int(losses.argmin())
    if losses[end] == losses[0]:
        return float("nan"), float("nan")
    fallen = (losses[0] - losses[: end + 1]) / (losses[0] - losses[end])
    return float(rates[np.argmax(fallen >= share)]), float(rates[np.argmax(fallen >= 1 - share)])
