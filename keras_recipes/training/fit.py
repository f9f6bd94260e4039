"""`keras.Model.fit` for batches whose order NumPy draws."""


def fit(model, batches, epochs, callbacks=()):
    """Train a compiled model on batches.

    Args:
        model: Compiled `keras.Model`.
        batches: `Batches`.
        epochs: Integer of at least 1, passes over the batches.
        callbacks: Sequence of `keras.callbacks.Callback`.

    Returns:
        Dict from the name of each logged value to a list of floats, one per epoch.
    """
    history = model.fit(
        batches,
        epochs=epochs,
        shuffle=False,  # the batches come in an order of their own
        callbacks=list(callbacks),
        verbose=2,
    )
    return history.history
