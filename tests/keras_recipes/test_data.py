import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_recipes.data import Batches, split


@settings(deadline=None)  # how fast it is, is no property of it
@given(num=st.integers(1, 40), batch_size=st.integers(1, 50), seed=st.integers(0, 5))
def test_an_epoch_holds_each_example_once(num, batch_size, seed):
    x = np.arange(num)
    batches = Batches((x, (x * 2, x * 3)), batch_size, seed)
    seen = [batches[index] for index in range(len(batches))]
    assert sorted(np.concatenate([batch[0] for batch in seen])) == list(range(num))
    for first, (second, third) in seen:
        np.testing.assert_array_equal(second, first * 2)
        np.testing.assert_array_equal(third, first * 3)
    assert all(len(batch[0]) == batch_size for batch in seen[:-1])


def test_order_is_fixed_by_the_seed_and_new_each_epoch():
    one, other = Batches((np.arange(100),), 10, seed=3), Batches((np.arange(100),), 10, seed=3)
    first = one[0][0]
    np.testing.assert_array_equal(first, other[0][0])
    np.testing.assert_array_equal(first, [84, 45, 22, 1, 34, 23, 87, 42, 72, 96])  # on every machine
    one.on_epoch_end()
    assert list(one[0][0]) != list(first)


def test_skipped_epochs_leave_the_order_of_each_epoch_as_it_is():
    one, other = Batches((np.arange(100),), 10, seed=3), Batches((np.arange(100),), 10, seed=3)
    for _ in range(3):
        one.on_epoch_end()
    other.skip_epochs(1)
    other.skip_epochs(2)
    np.testing.assert_array_equal(one.order, other.order)
    other.skip_epochs(0)
    np.testing.assert_array_equal(one.order, other.order)


@pytest.mark.parametrize(
    ("arrays", "batch_size", "named"), [((np.arange(3),), 0, "batch_size"), ((np.arange(0),), 1, "arrays")]
)
def test_batches_refuse(arrays, batch_size, named):
    with pytest.raises(ValueError, match=f"`{named}` must be"):
        Batches(arrays, batch_size)


def test_split_takes_the_test_part_from_the_end_of_the_order():
    x = np.arange(10) * 10
    (train,), (test,) = split([x], np.arange(10)[::-1], 0.2)
    assert list(train) == [90, 80, 70, 60, 50, 40, 30, 20]
    assert list(test) == [10, 0]


@pytest.mark.parametrize(("rows", "fraction"), [(1, 0.2), (0, 0.5), (10, 0.0), (10, 1.0), (3, 0.9)])
def test_split_refuses_an_empty_part(rows, fraction):
    with pytest.raises(ValueError, match=f"both parts of {rows} rows hold at least one, received {fraction}"):
        split([np.arange(rows)], np.arange(rows), fraction)
