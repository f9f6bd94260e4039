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
    # From the end the slope is another one than 15 points before, until both lie on the fall.
    assert np.log10(slide(RATES, losses)) == pytest.approx(-2.5, abs=0.2)


FASTAI = {  # powers of ten that fastai 2.8's slide, minimum and steep give for the first points of a curve
    ("planted", 71): (-2.5, -2.0, -4.0),
    ("planted", 50): (-2.6, -2.1, -4.0),
    ("planted", 40): (-3.6, -3.1, -4.0),
    ("wavy", 71): (-4.0, -1.4, -3.2),
    ("wavy", 40): (-4.0, -3.1, -3.2),
    ("wavy", 25): (-6.0, -4.6, -4.4),
}


@pytest.mark.parametrize(("name", "points"), FASTAI)
def test_rules_are_fastais(name, points):
    power = np.log10(RATES)
    wavy = 2 - np.tanh(power + 3) + 0.1 * np.sin(5 * power) + np.exp(4 * (power - 0.3))
    rates, losses = RATES[:points], (curve() if name == "planted" else wavy)[:points]
    found = [np.log10(rule(rates, losses)) for rule in (slide, minimum, steepest)]
    np.testing.assert_allclose(found, FASTAI[name, points], atol=1e-9)


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


@pytest.mark.parametrize("losses", [2 + np.arange(71) / 10, np.full(71, 2.0)])
def test_where_nothing_falls_nothing_is_suggested(losses):
    assert all(np.isnan(value) for value in suggest_rates(RATES, losses).values())


def test_there_is_no_cycle_where_no_loss_is_below_the_first():
    losses = 2 + np.arange(71) / 10
    losses[40] -= 0.15
    found = suggest_rates(RATES, losses)
    assert np.isnan(found["cyclical_lowest"])
    assert np.isnan(found["cyclical_highest"])
    assert np.isfinite(found["valley"])
