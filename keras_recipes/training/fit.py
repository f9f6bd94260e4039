"""`keras.Model.fit` for batches whose order NumPy draws, and for trainings that may be interrupted."""

from keras_recipes.training.checkpoint import checkpoint_among


def fit(model, batches, epochs, callbacks=()):
    """Train a compiled model on batches, from the beginning or from where a `Checkpoint` stopped.

    Args:
        model: Compiled `keras.Model`.
        batches: `Batches`.
        epochs: Integer of at least 1, passes over the batches.
        callbacks: Sequence of `keras.callbacks.Callback`, at most one of them a
            `Checkpoint`; with one, model and batches must be new.

    Returns:
        Dict from the name of each logged value to a list of floats, one per epoch.

    Raises:
        CheckpointError: As `Checkpoint.resume` does.
        ValueError: If there are two checkpoints.
    """
    checkpoint = checkpoint_among(callbacks)
    first = checkpoint.resume(model, batches, epochs) if checkpoint else 0
    history = {}
    if first < epochs:
        history = model.fit(
            batches,
            initial_epoch=first,
            epochs=epochs,
            shuffle=False,  # the batches come in an order of their own
            callbacks=sorted(callbacks, key=lambda callback: callback is checkpoint),  # last: it saves what others do
            verbose=2,
        ).history
    return checkpoint.history if checkpoint else history
