"""fastai on the ratings of collaborative_filtering."""

import time


class TrainedRatings:
    """What `evaluate` of collaborative_filtering asks of a model.

    Args:
        ratings: Float array of shape `(n, 1)`, of the pairs that are held out.
    """

    def __init__(self, ratings):
        self.ratings = ratings

    def predict(self, pairs, **options):
        """The ratings."""
        return self.ratings


def run_fastai(recipe, config, data, threads):
    """Train fastai's dot product by its own defaults, with as many factors, ratings per step and epochs."""
    import pandas as pd
    from fastai.collab import CollabDataLoaders, collab_learner
    from fastai.torch_core import set_seed

    def frame(part):
        (users, items), ratings = part[0].T, part[1][:, 0]
        return pd.DataFrame({"user": users, "item": items, "rating": ratings})

    set_seed(config.seed)
    ratings = data.train[1]
    options = {"bs": config.batch_size, "valid_pct": 0.0, "num_workers": 0}  # a process that reads would be one more
    loaders = CollabDataLoaders.from_df(frame(data.train), user_name="user", item_name="item", **options)
    y_range = (float(ratings.min()) - 0.5, float(ratings.max()) + 0.5)  # a sigmoid does not reach its ends
    learner = collab_learner(loaders, n_factors=config.embedding_dim, y_range=y_range)
    with learner.no_bar(), learner.no_logging():
        begin = time.perf_counter()
        learner.fit_one_cycle(config.epochs, 5e-3, wd=0.1)
        seconds = time.perf_counter() - begin
        predicted, _ = learner.get_preds(dl=loaders.test_dl(frame(data.test)))
    return seconds, recipe.evaluate(TrainedRatings(predicted.numpy().reshape(-1, 1)), data, config)


def work(config, data):
    """Ratings, in all epochs."""
    return len(data.train[1]) * config.epochs, "ratings"


PEERS = {"fastai": run_fastai}
