"""scikit-learn on the table of tabular_embeddings."""

import time

from threadpoolctl import threadpool_limits

from keras_recipes.tabular_baselines import as_matrix, baseline_models, predictions_of, table_metrics


def run_baseline(name, config, data, threads):
    """Fit a linear model or boosted trees to all training rows."""
    targets, cardinalities = data.names["targets"], data.names["preprocessor"].cardinalities()
    (rows, goals), (others, _) = (as_matrix(part, targets) for part in (data.train, data.test))
    with threadpool_limits(threads):
        begin = time.perf_counter()
        model = baseline_models(targets.task, cardinalities, config.seed)[name].fit(rows, goals)
        seconds = time.perf_counter() - begin
    return seconds, table_metrics(targets, data.test[1], predictions_of(model, others, targets))


def run_trees(recipe, config, data, threads):
    """Boosted trees."""
    return run_baseline("trees", config, data, threads)


def run_linear(recipe, config, data, threads):
    """A linear model."""
    return run_baseline("linear", config, data, threads)


def work(config, data):
    """Rows, once: trees and a linear model have no epochs."""
    return len(data.train[1]), "rows"


PEERS = {"scikit-learn trees": run_trees, "scikit-learn linear": run_linear}
