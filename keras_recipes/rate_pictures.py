"""Pictures of learning rates: what a search has found, and what a schedule will do."""

import numpy as np
from keras import ops
from matplotlib.figure import Figure

from keras_recipes.pictures import save_figure


def rate_search_picture(search, path):
    """Draw the losses of a search against the rate, with what each rule suggests.

    Args:
        search: `RateSearch`.
        path: `Path` of the picture; of a search without finite losses it shows the rates alone.

    Returns:
        `path`.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for losses, smoothed in zip(search.losses, search.smoothed, strict=True):
        axes.plot(search.rates, losses, color="0.85", linewidth=0.8, zorder=1)
        axes.plot(search.rates, smoothed, color="0.3", zorder=2)
    for number, rule in enumerate(search.suggestions):
        rate = search.suggestion(rule)
        if np.isfinite(rate):
            label = f"{rule.replace('_', ' ')}: {rate:.1e}"
            label += f" (× {search.spread(rule):.1f})" if len(search.losses) > 1 else ""
            height = np.interp(np.log(rate), np.log(search.rates), search.smoothed[0])
            axes.plot(rate, height, "o", color=f"C{number}", label=label, zorder=3)
    smooth = search.smoothed[np.isfinite(search.smoothed)]
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
    if len(np.unique(smooth)) > 1:
        low, high = float(smooth.min()), float(np.quantile(smooth, 0.95))
        axes.set_ylim(low - 0.1 * (high - low), high + 0.5 * (high - low))
    else:
        axes.set_xlim(search.rates[0], search.rates[-1])
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)
    return save_figure(figure, path)


def schedule_picture(schedules, steps, path):
    """Draw schedules, each above the steps of a training.

    Args:
        schedules: Dict from a title to a function of the step, such as a `Schedule`.
        steps: Integer of at least 2.
        path: `Path` of the picture.

    Returns:
        `path`.
    """
    figure = Figure(figsize=(4 * len(schedules), 2.8), layout="constrained")
    at = np.unique(np.linspace(0, steps - 1, 400).astype(int))
    places = figure.subplots(1, len(schedules), squeeze=False)[0]
    for axes, (title, schedule) in zip(places, schedules.items(), strict=True):
        axes.plot(at, [float(ops.convert_to_numpy(schedule(int(step)))) for step in at])
        axes.set(title=title, xlabel="step", ylim=(0, None))
    return save_figure(figure, path)
