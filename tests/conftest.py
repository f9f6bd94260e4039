"""What concerns the tests of all folders."""

import gc


def pytest_collection_finish(session):
    """What imports have made stays: collections of garbage, a fifth of the time on TensorFlow, need not look at it."""
    gc.collect()
    gc.freeze()
