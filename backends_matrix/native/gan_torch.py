"""DCGAN and WGAN-GP by hand in PyTorch, eager, with the fused Adam.

Images are (batch, channels, height, width) here.
"""

import copy
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from backends_matrix.native import torch_training
from backends_matrix.native.torch_training import DEVICE, Adam, epochs_of


class Generator(nn.Module):
    """From codes and one-hot classes to points or images."""

    def __init__(self, config, shape, classes):
        super().__init__()
        filters, told = config.filters, config.latent_dim + classes
        self.shape = shape
        if len(shape) == 1:
            sizes = [told, *[config.hidden_units] * 3]
            self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
            self.points = nn.Linear(config.hidden_units, shape[0])
            return
        self.small = (2 * filters, shape[0] // 4, shape[1] // 4)
        features = math.prod(self.small)
        self.dense = nn.Linear(told, features, bias=False)
        self.norm1 = nn.BatchNorm1d(features, eps=1e-3, momentum=0.01)
        self.conv1 = nn.ConvTranspose2d(2 * filters, filters, 4, 2, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)
        self.conv2 = nn.ConvTranspose2d(filters, shape[2], 4, 2, 1)

    def forward(self, code, *classes):
        """Examples."""
        x = torch.cat([code, *classes], dim=1)
        if len(self.shape) == 1:
            for layer in self.hidden:
                x = layer(x).relu()
            return self.points(x)
        x = self.norm1(self.dense(x)).relu().unflatten(1, self.small)
        x = self.norm2(self.conv1(x)).relu()
        return self.conv2(x).sigmoid()


class Critic(nn.Module):
    """From points or images, and one-hot classes, to scores."""

    def __init__(self, config, shape, classes):
        super().__init__()
        filters = config.filters
        if len(shape) == 1:
            sizes = [shape[0], *[config.hidden_units] * 3]
            self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
            features = config.hidden_units
        else:
            convolutions = [nn.Conv2d(shape[2], filters, 4, 2, 1), nn.Conv2d(filters, 2 * filters, 4, 2, 1)]
            self.layers = nn.ModuleList(convolutions)
            features = 2 * filters * (shape[0] // 4) * (shape[1] // 4)
        self.score = nn.Linear(features, 1, bias=config.objective == "dcgan")
        self.features = nn.Linear(classes, features) if classes else None

    def forward(self, x, *classes):
        """Scores (batch, 1)."""
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.25)
        x = x.flatten(1)
        score = self.score(x)
        if self.features is not None:
            score = score + (self.features(*classes) * x).sum(dim=1, keepdim=True)
        return score


class Model(nn.Module):
    """Generator, critic and the generator's average."""

    def __init__(self, config, data):
        super().__init__()
        examples = data.train[0][0] if config.conditional else data.train[0]
        classes = data.sizes["num_classes"] if config.conditional else 0
        self.generator = Generator(config, examples.shape[1:], classes)
        self.critic = Critic(config, examples.shape[1:], classes)
        self.average = copy.deepcopy(self.generator)


def covers(config):
    """Whether the objective is one of those that are written here."""
    return config.objective in ("dcgan", "wgan_gp")


def build(config, data):
    """The model on the device."""
    return Model(config, data).to(DEVICE)


def load(model, weights):
    """Put in the weights of the recipe's model, with their axes in PyTorch's order."""
    kinds = {"kernel": "weight", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean"}
    kinds |= {"moving_variance": "running_var"}
    state = {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    for path, array in weights.items():
        layer, _, kind = path.partition("/")
        part, _, layer = layer.partition("_")
        if part not in ("generator", "average", "critic"):
            continue  # the state of the random numbers
        if len(model.generator.shape) == 3 and layer in ("dense", "norm1", "score", "features"):
            array = torch_training.channels_first(array, model.generator.small)
        name = f"{part}.{place_of(part, layer)}.{kinds.get(kind, kind)}"
        state[name] = torch_training.matrix_or_filter(array)
    torch_training.put_weights(model, state)


def place_of(part, layer):
    """Where a layer of the recipe is in the modules above: `critic_conv1` is the first of the critic's layers."""
    name, number = layer.rstrip("0123456789"), layer[-1]
    if part == "critic" and number.isdigit():
        return f"layers.{int(number) - (name == 'conv')}"
    return f"hidden.{number}" if name == "hidden" else layer


def train(model, data, config):
    """Let critic and generator learn from each other."""
    inputs = data.train[0] if config.conditional else (data.train[0],)
    examples = inputs[0] if inputs[0].ndim == 2 else np.ascontiguousarray(inputs[0].transpose(0, 3, 1, 2))
    critic, generator = (Adam(part.parameters(), config.beta_1) for part in (model.critic, model.generator))
    number = config.batch_size * config.critic_steps
    total = config.epochs * (len(examples) // number)
    dtype = next(model.parameters()).dtype
    for batches in epochs_of([examples, *inputs[1:]], config, dtype, number, whole=True):
        losses = []
        for batch in batches:
            for real, *classes in zip(*(array.split(config.batch_size) for array in batch), strict=True):
                rate = decayed(config.critic_learning_rate, critic.steps, total * config.critic_steps, config)
                judged = critic.minimize(critic_loss(model, config, real, classes), rate)
            real, *classes = (array[: config.batch_size] for array in batch)
            rate = decayed(config.learning_rate, generator.steps, total, config)
            fooled = generator.minimize(generator_loss(model, config, real, classes), rate)
            follow(model.average, model.generator, 1 - config.average)
            losses.append(torch.stack([judged, fooled]))
        yield torch.stack(losses).cpu().numpy()  # (steps, 2)


def critic_loss(model, config, real, classes):
    """The critic's loss on real examples and as many generated ones."""
    with torch.no_grad():
        fake = model.generator(torch.randn((len(real), config.latent_dim), device=DEVICE), *classes)
    on_real, on_fake = model.critic(real, *classes), model.critic(fake, *classes)
    if config.objective == "dcgan":
        on_real = functional.softplus(on_real) - (1 - config.label_smoothing) * on_real
        return on_real.mean() + functional.softplus(on_fake).mean()
    share = torch.rand((len(real), *[1] * (real.ndim - 1)), device=DEVICE)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(model.critic(between, *classes).sum(), between, create_graph=True)
    norm = (slope.square().flatten(1).sum(dim=1) + 1e-12).sqrt()
    return on_fake.mean() - on_real.mean() + config.penalty_weight * (norm - 1).square().mean()


def generator_loss(model, config, real, classes):
    """The generator's loss on as many examples as there are real ones."""
    code = torch.randn((len(real), config.latent_dim), device=DEVICE)
    score = model.critic(model.generator(code, *classes), *classes)
    return functional.softplus(-score).mean() if config.objective == "dcgan" else -score.mean()


def decayed(rate, step, steps, config):
    """The learning rate, along half a cosine if it decays."""
    return rate * torch_training.half_cosine(step, steps) if config.decay else rate


@torch.no_grad()
def follow(average, generator, share):
    """Move a share of the way from the average to the generator."""
    slow = [*average.parameters(), *(b for b in average.buffers() if b.is_floating_point())]
    now = [*generator.parameters(), *(b for b in generator.buffers() if b.is_floating_point())]
    torch._foreach_lerp_(slow, now, share)
