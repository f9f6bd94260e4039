import dataclasses

import numpy as np
import pytest

from keras_recipes.config import bounds_of
from keras_recipes.ratings import synthetic_ratings
from recipes import collaborative_filtering as recipe
from tests.recipes.training import trained

NOISE = 0.25  # of the synthetic ratings


@pytest.fixture(scope="module")
def smoke():
    return trained(recipe, recipe.PRESETS["smoke"])


def least_squares_biases(data):
    """RMSE of mean and biases alone, fitted by NumPy: what a match of user and item must beat."""
    sizes = data.sizes["num_users"], data.sizes["num_items"]

    def design(pairs):
        return np.concatenate([np.eye(sizes[0])[pairs[:, 0]], np.eye(sizes[1])[pairs[:, 1]]], axis=1)

    weights = np.linalg.lstsq(design(data.train[0]), data.train[1], rcond=None)[0]
    return np.sqrt(np.mean((design(data.test[0]) @ weights - data.test[1]) ** 2))


def test_reaches_the_planted_noise(smoke):
    data, model = smoke
    metrics = recipe.evaluate(model, data, recipe.PRESETS["smoke"])
    assert metrics["rmse"] <= 1.3 * NOISE
    assert metrics["rmse"] >= 0.9 * NOISE  # less would be a leak
    assert metrics["mae"] == pytest.approx(metrics["rmse"] * np.sqrt(2 / np.pi), rel=0.1)  # as Gaussian noise has it
    assert least_squares_biases(data) > 2 * metrics["rmse"]


def test_a_small_network_finds_more_than_biases():
    config = recipe.PRESETS["smoke-mlp"]
    data, model = trained(recipe, config)
    assert recipe.evaluate(model, data, config)["rmse"] < 0.95 * least_squares_biases(data)
    lowest, highest = bounds_of(config.y_range, "y_range")
    predicted = recipe.predict_ratings(model, data.test[0])
    assert lowest < predicted.min() < predicted.max() < highest


def test_metrics_are_those_of_scikit_learn(smoke):
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    data, model = smoke
    metrics = recipe.evaluate(model, data, recipe.PRESETS["smoke"])
    predicted = recipe.predict_ratings(model, data.test[0])
    assert metrics["rmse"] == pytest.approx(root_mean_squared_error(data.test[1], predicted), rel=1e-6)
    assert metrics["mae"] == pytest.approx(mean_absolute_error(data.test[1], predicted), rel=1e-6)


def test_prediction_is_dot_product_plus_biases_plus_mean(smoke):
    data, model = smoke
    user, item, user_bias, item_bias, mean = (
        model.get_layer(name).get_weights()[0] for name in ("user", "item", "user_bias", "item_bias", "mean")
    )
    users, items = data.test[0][:100].T
    by_hand = (user[users] * item[items]).sum(axis=-1) + user_bias[users, 0] + item_bias[items, 0] + mean
    np.testing.assert_allclose(recipe.predict_ratings(model, data.test[0][:100])[:, 0], by_hand, atol=1e-5)


@pytest.mark.parametrize("head", ["dot", "mlp"])
@pytest.mark.parametrize("y_range", ["", "-1,7"])
def test_untrained_it_predicts_the_mean_and_a_range_is_a_sigmoid_from_end_to_end(y_range, head):
    config = recipe.Config(dataset="synthetic", embedding_dim=2, y_range=y_range, head=head)
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    pairs = data.test[0][:4]
    np.testing.assert_allclose(recipe.predict_ratings(model, pairs), data.train[1].mean(), atol=0.05)
    for score, rating in ((-1.5, -1 + 8 / (1 + np.exp(1.5))), (50.0, 7.0), (-50.0, -1.0)):
        model.get_layer("mean").set_weights([np.array(score)])
        np.testing.assert_allclose(recipe.predict_ratings(model, pairs), rating if y_range else score, atol=0.05)


def csv_of(tmp_path, rows):
    path = tmp_path / "mine.csv"
    path.write_text("user,item,rating,timestamp\n" + "".join(f"{u},{i},{r},{t}\n" for u, i, r, t in rows))
    return str(path)


def test_users_and_items_unseen_in_training_are_the_unknown_one(tmp_path):
    rows = [(f"u{n % 4}", f"i{n % 3}", 1 + n % 5, n) for n in range(40)] + [
        ("new", "i0", 3, 98),
        ("u0", "fresh", 3, 99),
    ]
    config = recipe.Config(dataset=csv_of(tmp_path, rows), split="time", epochs=1, batch_size=8, embedding_dim=2)
    data = recipe.load_data(config)
    assert data.sizes == {"num_users": 5, "num_items": 4}
    assert data.test[0][-2:].tolist() == [[0, 1], [1, 0]]
    assert data.train[0].min() == 1
    model = recipe.build_model(config, data)
    before = model.get_layer("user").get_weights()[0]
    recipe.train(model, data, dataclasses.replace(config, unknown_rate=0.5))
    assert np.all(np.isfinite(recipe.predict_ratings(model, data.test[0])))
    unknown = recipe.recommend(model, data, "nobody", 2)
    assert len(unknown) == 2
    for stranger in ("u10", "u1x", 7):  # not u1
        assert recipe.recommend(model, data, stranger, 2) == unknown
    assert before.shape == (5, 2)


def test_the_unknown_user_is_trained():
    config = recipe.Config(dataset="synthetic", embedding_dim=2, epochs=1, unknown_rate=0.3)
    data = recipe.load_data(config)
    for rate, moves in ((0.3, True), (0.0, False)):
        model = recipe.build_model(dataclasses.replace(config, unknown_rate=rate), data)
        recipe.train(model, data, config)
        assert (model.get_layer("user_bias").get_weights()[0][0, 0] != 0) == moves


def test_time_split_tests_on_what_came_last(tmp_path):
    rows = [(f"u{n % 4}", f"i{n % 3}", 1 + n % 5, 1000 - n) for n in range(40)]
    data = recipe.load_data(recipe.Config(dataset=csv_of(tmp_path, rows), split="time"))
    assert data.test[1][:, 0].tolist() == [1 + n % 5 for n in range(7, -1, -1)]


def test_random_split_is_the_documented_permutation():
    data = recipe.load_data(recipe.Config(dataset="synthetic"))
    ratings = synthetic_ratings(100, seed=0).ratings
    order = np.random.default_rng(42).permutation(len(ratings))
    np.testing.assert_array_equal(data.train[1][:, 0], ratings[order[:6400]].astype("float32"))
    np.testing.assert_array_equal(data.test[1][:, 0], ratings[order[6400:]].astype("float32"))


def test_validation_part_comes_out_of_the_training_part():
    test, validation = (recipe.load_data(recipe.Config(dataset="synthetic", holdout=h)) for h in ("test", "validation"))
    np.testing.assert_array_equal(
        np.concatenate([validation.train[1], validation.test[1]]), test.train[1]
    )  # so the test part is in neither
    assert len(validation.test[1]) == len(test.train[1]) // 10


def test_recommends_the_best_of_what_was_not_rated(smoke):
    data, model = smoke
    user = int(data.names["users"][7])
    recommended = recipe.recommend(model, data, user, k=5)
    ratings = synthetic_ratings(100, seed=0)
    rated = {ratings.titles[item] for item in ratings.items[ratings.users == user]}
    assert len(recommended) == 5
    assert not rated & {title for title, _ in recommended}
    assert [rating for _, rating in recommended] == sorted((rating for _, rating in recommended), reverse=True)
    everything = recipe.recommend(model, data, user, k=1000)
    assert len(everything) == 100 - len(rated)
    assert everything[:5] == recommended
    # the planted truth, without noise, agrees with the order
    truth = synthetic_truth(user)
    order = [truth[int(title.split()[1])] for title, _ in everything]
    assert np.corrcoef(order, [rating for _, rating in everything])[0, 1] > 0.9


def synthetic_truth(user):
    """The ratings of one user without noise: with as many users, all else is drawn alike."""
    rng = np.random.default_rng(0)
    user_vectors, item_vectors = rng.normal(size=(2, 100, 2)) * 0.7
    user_bias, item_bias = rng.normal(size=(2, 100)) * 0.5
    return 3.5 + user_bias[user] + item_bias + item_vectors @ user_vectors[user]


def test_recommend_refuses_no_items(smoke):
    with pytest.raises(ValueError, match="`k` must be a number of at least 1, received 0"):
        recipe.recommend(smoke[1], smoke[0], 1, k=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"head": "cosine"}, "`head` must be one of 'dot', 'mlp', received 'cosine'"),
        ({"split": "user"}, "`split` must be one of 'random', 'time', received 'user'"),
        ({"holdout": "none"}, "`holdout` must be one of"),
        ({"y_range": "5"}, '`y_range` must be "lowest,highest'),
        ({"y_range": "5,1"}, '`y_range` must be "lowest,highest'),
        ({"y_range": "0,inf"}, '`y_range` must be "lowest,highest'),
        ({"seed": 2**31}, r"`seed` must be in \[0, 2\*\*31\), received 2147483648"),
        ({"y_range": "a,b"}, '`y_range` must be "lowest,highest'),
        ({"embedding_dropout": 1.0}, r"`embedding_dropout` must be in \[0, 1\)"),
        ({"embedding_dim": 0}, "`embedding_dim` must be a number of at least 1"),
    ],
)
def test_bad_config_is_a_value_error(values, message):
    with pytest.raises(ValueError, match=message):
        recipe.Config(**values)


def test_too_few_ratings_to_split_and_no_times_are_value_errors(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("user,item,rating\na,x,1\nb,y,2\n")
    with pytest.raises(ValueError, match="`split` must be random for ratings without timestamps"):
        recipe.load_data(recipe.Config(dataset=str(path), split="time"))
    with pytest.raises(ValueError, match="`test_fraction` must be such that both parts of 1 rows"):
        recipe.load_data(recipe.Config(dataset=str(path), holdout="validation"))
