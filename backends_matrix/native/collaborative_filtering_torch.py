"""Collaborative filtering by hand in PyTorch, eager, with the fused Adam."""

import torch
from torch import nn
from torch.nn import functional

from backends_matrix.native import torch_training
from backends_matrix.native.torch_training import DEVICE


class Model(nn.Module):
    """Match of user and item, plus a bias for each, plus the mean."""

    def __init__(self, config, data):
        super().__init__()
        users, items = data.sizes["num_users"], data.sizes["num_items"]
        self.config = config
        self.user, self.item = nn.Embedding(users, config.embedding_dim), nn.Embedding(items, config.embedding_dim)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        if config.head == "mlp":
            self.hidden = nn.Linear(2 * config.embedding_dim, config.hidden_units)
            self.match = nn.Linear(config.hidden_units, 1, bias=False)
        self.mean = nn.Parameter(torch.tensor(float(data.train[1].mean())))

    def forward(self, pairs):
        """Ratings (batch, 1), and the penalty on what was looked up, of pairs (batch, 2)."""
        config = self.config
        if config.unknown_rate:
            pairs = torch.where(torch.rand(pairs.shape, device=pairs.device) < config.unknown_rate, 0, pairs)
        users, items = pairs.unbind(dim=1)
        user, item = self.user(users), self.item(items)  # (batch, dim)
        user_bias, item_bias = self.user_bias(users), self.item_bias(items)  # (batch, 1)
        squares = config.l2 * (user.square().sum() + item.square().sum())
        squares = squares + config.bias_l2 * (user_bias.square().sum() + item_bias.square().sum())
        if config.embedding_dropout:
            user, item = (functional.dropout(vector, config.embedding_dropout) for vector in (user, item))
        if config.head == "mlp":
            match = self.match(self.hidden(torch.cat([user, item], dim=1)).relu())
        else:
            match = (user * item).sum(dim=1, keepdim=True)
        rating = match + user_bias + item_bias + self.mean
        if config.y_range:
            lowest, highest = map(float, config.y_range.split(","))
            rating = lowest + (highest - lowest) * rating.sigmoid()
        return rating, squares / len(pairs)


def build(config, data):
    """The model on the device."""
    return Model(config, data).to(DEVICE)


def load(model, weights):
    """Put in the weights of the recipe's model; a dense kernel is transposed."""
    state = {}
    for path, array in weights.items():
        layer, _, name = path.partition("/")
        name = {"embeddings": "weight", "kernel": "weight"}.get(name, name)
        state["mean" if layer == "mean" else f"{layer}.{name}"] = array.T if path.endswith("kernel") else array
    torch_training.put_weights(model, state)


def train(model, data, config):
    """Minimise squared error and penalty; the learning rate falls to zero in a straight line."""
    pairs, ratings = data.train
    steps = config.epochs * -(-len(pairs) // config.batch_size)

    def loss_of(pairs, ratings):
        predicted, penalty = model(pairs)
        return functional.mse_loss(predicted, ratings) + penalty

    return torch_training.train(
        model, loss_of, [pairs, ratings], config, lambda step: config.learning_rate * (1 - step / steps)
    )
