"""What a search for a learning rate found, and schedules, are drawn."""

import dataclasses

import numpy as np

from keras_recipes.data import Batches
from keras_recipes.learning_rate_finder import find_learning_rate
from keras_recipes.optimizers import SGD
from keras_recipes.rate_pictures import rate_search_picture, schedule_picture
from keras_recipes.schedules import one_cycle
from tests.keras_recipes.test_learning_rate_finder import X, Y, linear


def test_draws_what_it_found(tmp_path):
    search = find_learning_rate(linear(SGD(0.1)), Batches((X, Y), 4, seed=1), 1e-4, 10.0, 60, repeats=2)
    path = rate_search_picture(search, tmp_path / "rates.png")
    assert path.stat().st_size > 5000
    rate, momentum = one_cycle(0.1, 200)
    path = schedule_picture({"learning rate": rate, "momentum": momentum}, 200, tmp_path / "schedule.png")
    assert path.stat().st_size > 5000


def test_draws_a_search_that_found_nothing(tmp_path):
    model = linear(SGD(0.1))
    search = find_learning_rate(model, Batches((X, Y * np.float32("nan")), 16), steps=20)
    assert np.isnan(search.losses).all()
    assert rate_search_picture(search, tmp_path / "nothing.png").stat().st_size > 2000
    rising = dataclasses.replace(search, losses=np.ones((1, 20)), smoothed=np.ones((1, 20)))
    assert rate_search_picture(rising, tmp_path / "level.png").stat().st_size > 2000
