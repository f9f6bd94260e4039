"""JAX: no loss that a layer adds goes missing."""

import contextlib
from unittest import mock


@contextlib.contextmanager
def every_loss(model):
    """Let a model know its layers' losses of this call from those of the calls before.

    On JAX a layer knows the losses that it has added by where they lie in memory
    (Keras 3.15), and forgets those of one call only when it is called again.
    By then another layer's new loss may lie in the same place: it is taken for
    an old one, and dropped, for as long as the compiled function lives: a
    training then goes on without one of two activity regularizers.

    Args:
        model: `keras.Model`.
    """
    original = model.stateless_call

    def stateless_call(*args, **kwargs):
        model._clear_losses()
        return original(*args, **kwargs)

    with mock.patch.object(model, "stateless_call", stateless_call):  # puts back what was there, also when nested
        yield
