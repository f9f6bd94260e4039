import numpy as np
import pytest

from keras_recipes.rate_suggestions import cyclical_bounds, minimum, slide, steepest, suggest_rates, valley

RATES = 10.0 ** np.linspace(-6, 1, 71)  # ten per decade


def curve(start=-4.0, end=-1.0):
    """Flat at 2, down to 1 along a line in the logarithm between two powers of ten, up again behind."""
    power = np.log10(RATES)
    falling = 2 - np.clip((power - start) / (end - start), 0, 1)
    return falling + 4 * np.clip(power - end, 0, None) ** 2


def test_rules_read_a_planted_curve():
    losses = curve()
    assert np.log10(valley(RATES, losses)) == pytest.approx(-2.5, abs=0.11)  # the middle of the fall
    assert -4.05 < np.log10(steepest(RATES, losses)) < -0.95
    assert np.log10(minimum(RATES, losses)) == pytest.approx(-2, abs=1e-9)
    lowest, highest = cyclical_bounds(RATES, losses)
    assert np.log10(lowest) == pytest.approx(-4 + 0.05 * 3, abs=0.11)
    assert np.log10(highest) == pytest.approx(-1 - 0.05 * 3, abs=0.11)
    # From the end the slope is another one than 15 points before, until the lowest loss is reached.
    assert np.log10(slide(RATES, losses)) == pytest.approx(-2.5, abs=0.2)


def test_the_steepest_place_is_where_the_loss_falls_most():
    losses = curve()
    losses[RATES >= 10**-2.95] -= 0.3
    assert np.log10(steepest(RATES, losses)) == pytest.approx(-3, abs=0.11)


def test_the_valley_is_not_disturbed_by_single_points():
    losses = curve()
    losses[[25, 37]] += 0.5
    assert np.log10(valley(RATES, losses)) == pytest.approx(-2.5, abs=0.21)


def test_the_ends_are_left_out_and_short_curves_give_nothing():
    losses = curve()
    whole = suggest_rates(RATES, losses)
    wild = losses.copy()
    wild[:5], wild[-3:] = 100.0, -100.0
    assert suggest_rates(RATES, wild) == whole
    stopped = np.where(np.arange(71) < 40, losses, np.nan)
    assert all(np.isfinite(value) for value in suggest_rates(RATES, stopped).values())
    short = np.where(np.arange(71) < 11, losses, np.nan)
    assert all(np.isnan(value) for value in suggest_rates(RATES, short).values())
    assert suggest_rates(RATES, short).keys() == whole.keys()
