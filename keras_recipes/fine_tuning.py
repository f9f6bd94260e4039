"""A model that has learned something else: its head first, then, stage by stage, the rest."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from keras_recipes.config import require
from keras_recipes.data import Batches
from keras_recipes.layer_groups import freeze_to, group_numbers, spread_rates
from keras_recipes.optimizers import AdamW
from keras_recipes.schedules import one_cycle
from keras_recipes.training import Checkpoint, fit


class Stage(NamedTuple):
    """A part of a training, in which some groups of layers learn, by one cycle of the learning rate.

    Attributes:
        first: Integer, the first group that learns; negative ones count from the end.
        epochs: Integer of at least 1.
        lowest: Float above 0, the highest learning rate of the first of all groups.
        highest: Float above 0, that of the last group; those in between are spread evenly by factors.
        warmup: Float in [0, 1), the share of the steps until the rates are at their highest.
        divisor: Float, how many times as high as the first rate the highest is.
    """

    first: int
    epochs: int
    lowest: float
    highest: float
    warmup: float = 0.25
    divisor: float = 25.0


def head_then_all(epochs, learning_rate, head_epochs=1, factor=100.0):
    """Stages for few data: the last group alone, then all of them, the first one the more slowly.

    Batch normalization that goes on learning in the first stage, of groups
    that do not learn otherwise, does so more slowly, too: a tenth as fast in the first group.

    Args:
        epochs: Integer of at least 1, of the second stage.
        learning_rate: Float above 0, the highest of the first stage; half of it in the second.
        head_epochs: Integer of at least 1, of the first stage.
        factor: Float of at least 1, how many times as fast as the first group the last one learns.

    Returns:
        List of two `Stage`.

    Reference:
        Howard and Gugger, 2020, https://arxiv.org/abs/2002.04688, section 2.1; the values are those of
        fastai's `Learner.fine_tune`, but that there, in the first stage, all groups but the last one have a tenth
        of its rate; here, of more than two, those in between lie in between.
    """
    half = learning_rate / 2
    return [
        Stage(-1, head_epochs, learning_rate / 10, learning_rate, warmup=0.99),
        Stage(0, epochs, half / factor, half, warmup=0.3, divisor=5.0),
    ]


def gradual_unfreezing(num_groups, learning_rate, epochs=1, last_epochs=1, factor=2.6):
    """Stages that let one group more learn each time, from the last to the first.

    Args:
        num_groups: Integer of at least 1.
        learning_rate: Float above 0, the highest of the last group.
        epochs: Integer of at least 1, of each stage but the last.
        last_epochs: Integer of at least 1, of the last one, in which all groups learn.
        factor: Float of at least 1, how many times as fast as the group before it each group learns.

    Returns:
        List of as many `Stage` as there are groups.

    Reference:
        Howard and Ruder, 2018, https://arxiv.org/abs/1801.06146, sections 3.2 (the factor) and 3.3.
    """
    require(num_groups >= 1, "num_groups", "an integer of at least 1", num_groups)
    lowest = learning_rate / factor ** (num_groups - 1)
    lengths = [epochs] * (num_groups - 1) + [last_epochs]
    return [Stage(-1 - number, length, lowest, learning_rate) for number, length in enumerate(lengths)]


class Settings(NamedTuple):
    """How the stages of a training are alike.

    Attributes:
        metrics: Sequence of `keras.metrics.Metric`.
        batch_size: Integer of at least 1, examples per step.
        seed: Integer of at least 0, of the order of the data.
        weight_decay: Float of at least 0.
        batch_norm: String, "trained" or "frozen": what batch normalization does
            in groups that do not learn; see `freeze_to`.
    """

    metrics: Sequence = ()
    batch_size: int = 64
    seed: int = 0
    weight_decay: float = 0.01
    batch_norm: str = "trained"


def fine_tune(model, groups, arrays, stages, loss, folder=None, callbacks=(), **settings):
    """Train a model in stages, each by `AdamW` and one cycle.

    Args:
        model: Built `keras.Model`; it is compiled anew for each stage.
        groups: List of lists of its layers, as `layer_groups` returns it.
        arrays: Tuple `(x, y)` of arrays, as for `Batches`.
        stages: List of `Stage`, such as `head_then_all` and `gradual_unfreezing` return.
        loss: `keras.losses.Loss`, or what `keras.Model.compile` takes for it.
        folder: `Path` of a folder for a checkpoint of each stage, with which an
            interrupted training goes on, to the same bits; None for none. The
            model must then be built as it was.
        callbacks: Sequence of `keras.callbacks.Callback`, for each stage; one that stops the training ends its stage.
        **settings: Fields of `Settings`, such as `batch_size`.

    Returns:
        Dict from the name of each logged value to a list of floats, one per epoch of all stages.

    Raises:
        CheckpointError: As `Checkpoint` does.
        ValueError: If there are no stages, or a stage names no group, has no epochs, or has no rate.
    """
    require_stages(stages, groups)
    shared, history = Settings(**settings), {}
    for number, stage in enumerate(stages):
        batches = Batches(arrays, shared.batch_size, [shared.seed, number])
        compile_for(model, groups, stage, len(batches), loss, shared)
        checkpoints = [checkpoint_of(folder, number, stage, shared)] if folder is not None else []
        for name, values in fit(model, batches, stage.epochs, [*callbacks, *checkpoints]).items():
            history.setdefault(name, []).extend(values)
    return history


def compile_for(model, groups, stage, steps_per_epoch, loss, settings):
    """Compile a model with the optimizer of a stage, its groups frozen or not."""
    rates = spread_rates(stage.lowest, stage.highest, len(groups))
    steps = stage.epochs * steps_per_epoch
    learning_rate, beta_1 = one_cycle(stage.highest, steps, stage.warmup, stage.divisor)
    options = {"multipliers": [rate / stage.highest for rate in rates], "groups": group_numbers(groups)}
    optimizer = AdamW(learning_rate, beta_1, weight_decay=settings.weight_decay, **options)
    model.compile(optimizer, loss=loss, metrics=list(settings.metrics))
    freeze_to(model, groups, stage.first, settings.batch_norm)


def checkpoint_of(folder, number, stage, settings):
    """The `Checkpoint` of a stage, which no other training may use."""
    others = {name: value for name, value in settings._asdict().items() if name != "metrics"}
    return Checkpoint(Path(folder) / f"stage{number}.safetensors", {**stage._asdict(), **others})


def require_stages(stages, groups):
    """Raise ValueError unless all stages can be trained, before the first one is."""
    require(len(stages) > 0, "stages", "a list with a Stage at least", stages)
    for stage in stages:
        fits = -len(groups) <= stage.first < len(groups)
        require(fits, "stages", f"stages whose `first` is the number of one of {len(groups)} groups", stage)
        require(stage.epochs >= 1, "stages", "stages of at least 1 epoch", stage)
        rates = stage.lowest > 0 and stage.highest > 0 and 0 <= stage.warmup < 1 and stage.divisor > 0
        require(rates, "stages", "stages with rates and a divisor above 0, and a warm-up in [0, 1)", stage)
