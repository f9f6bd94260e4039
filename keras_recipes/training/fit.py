"""`fit` with the time between two steps taken out, and for trainings that may be interrupted."""

import contextlib

import keras

from keras_recipes.data import Batches
from keras_recipes.training.checkpoint import checkpoint_among
from keras_recipes.training.dispatch import epoch_trainer
from keras_recipes.training.every_loss import every_loss
from keras_recipes.training.torch_adam import fused_adam

BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


def fit(model, batches, epochs, callbacks=()):
    """Train as `keras.Model.fit` does, but many steps at a time, and from where a `Checkpoint` stopped.

    A callback that looks at each batch gets each batch: the model then trains
    by `keras.Model.fit`, as it does under `run_eagerly`, with
    `steps_per_execution` above 1, and distributed over several devices.

    Args:
        model: Compiled `keras.Model`.
        batches: `Batches`, or another `keras.utils.PyDataset`, which
            `keras.Model.fit` then reads.
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
    callbacks = sorted(callbacks, key=lambda callback: callback is checkpoint)  # last: it saves what others do
    history = {}
    if first < epochs:
        apart = not isinstance(batches, Batches) or steps_apart(model, callbacks)
        with contextlib.ExitStack() as stack:
            stack.enter_context(every_loss(model))
            for optimizer in getattr(model.optimizer, "optimizers", [model.optimizer]):
                stack.enter_context(fused_adam(optimizer))
            history = (fit_by_keras if apart else fit_by_epochs)(model, batches, first, epochs, callbacks)
    return checkpoint.history if checkpoint else history


def steps_apart(model, callbacks):
    """Whether something must happen between two steps of a model, or its steps are spread over devices."""
    looks = any(
        getattr(getattr(callback, hook), "__func__", None) is not getattr(keras.callbacks.Callback, hook)
        for callback in callbacks
        for hook in BATCH_HOOKS
    )
    strategy = getattr(model, "distribute_strategy", None)
    distributed = keras.distribution.distribution() or (strategy and strategy.num_replicas_in_sync > 1)
    return looks or model.run_eagerly or model.steps_per_execution > 1 or bool(distributed)


def fit_by_keras(model, batches, first, epochs, callbacks):
    """Train step by step; the batches come in an order of their own."""
    options = {"initial_epoch": first, "epochs": epochs, "shuffle": False, "verbose": 2}
    return model.fit(batches, callbacks=list(callbacks), **options).history


def fit_by_epochs(model, batches, first, epochs, callbacks):
    """Train with nothing between the steps of an epoch."""
    model.fit(batches, epochs=0, shuffle=False, verbose=0)  # builds what compile() could not, and draws the order
    train = epoch_trainer(model)
    options = {"add_history": True, "add_progbar": True, "epochs": epochs, "steps": len(batches), "verbose": 2}
    callbacks = keras.callbacks.CallbackList(list(callbacks), model=model, **options)
    model.stop_training = False
    logs = {}
    callbacks.on_train_begin()
    for epoch in range(first, epochs):
        model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        train(batches.stacks())
        logs = {name: float(value) for name, value in model.get_metrics_result().items()}
        callbacks.on_epoch_end(epoch, logs)
        batches.on_epoch_end()
        if model.stop_training:
            break
    model.optimizer.finalize_variable_values(model.trainable_weights)
    callbacks.on_train_end(logs)
    return model.history.history
