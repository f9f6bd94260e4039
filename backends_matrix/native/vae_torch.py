"""Variational autoencoder by hand in PyTorch, eager, with the fused Adam.

Images are (batch, channels, height, width) here. Of Keras' padding "same", with
stride 2 and sides that are even, one row below and one column to the right are left.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from backends_matrix.native import torch_training
from backends_matrix.native.torch_training import DEVICE


class Model(nn.Module):
    """Encoder, code and decoder."""

    def __init__(self, config, data):
        super().__init__()
        sizes = data.sizes
        self.config, filters, hidden = config, config.filters, config.hidden_units
        classes = sizes["num_classes"] if config.conditional else 0
        self.shape = (2 * filters, sizes["height"] // 4, sizes["width"] // 4)  # of the features around the code
        features = int(np.prod(self.shape))
        self.encoder_conv1 = nn.Conv2d(sizes["channels"], filters, 3, stride=2)
        self.encoder_conv2 = nn.Conv2d(filters, 2 * filters, 3, stride=2)
        self.encoder_hidden = nn.Linear(features + classes, hidden)
        self.mean = nn.Linear(hidden, config.latent_dim)
        self.log_var = nn.Linear(hidden, config.latent_dim)
        self.decoder_hidden = nn.Linear(config.latent_dim + classes, hidden)
        self.decoder_pixels = nn.Linear(hidden, features)
        self.decoder_conv1 = nn.ConvTranspose2d(2 * filters, filters, 3, stride=2)
        self.decoder_conv2 = nn.ConvTranspose2d(filters, sizes["channels"], 3, stride=2)

    def forward(self, images, *classes):
        """Logits (batch, channels, height, width), and the KL divergence, from images and one-hot classes."""
        x = self.encoder_conv1(functional.pad(images, (0, 1, 0, 1))).relu()
        x = self.encoder_conv2(functional.pad(x, (0, 1, 0, 1))).relu()
        x = self.encoder_hidden(torch.cat([x.flatten(1), *classes], dim=1)).relu()
        mean, log_var = self.mean(x), self.log_var(x)  # (batch, latent_dim)
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var)
        divergence = self.config.beta * kl.mean(dim=0).clamp(min=self.config.free_bits).sum()

        code = mean + (0.5 * log_var).exp() * torch.randn(mean.shape, device=mean.device)
        x = self.decoder_hidden(torch.cat([code, *classes], dim=1)).relu()
        x = self.decoder_pixels(x).relu().unflatten(1, self.shape)
        x = self.decoder_conv1(x)[..., :-1, :-1].relu()
        return self.decoder_conv2(x)[..., :-1, :-1], divergence


def build(config, data):
    """The model on the device."""
    return Model(config, data).to(DEVICE)


def load(model, weights):
    """Put in the weights of the recipe's model, with their axes in PyTorch's order."""
    features, state = int(np.prod(model.shape)), {}
    for path, array in weights.items():
        layer, _, name = path.partition("/")
        if layer == "encoder_hidden" and name == "kernel":
            pixels = torch_training.channels_first(array[:features], model.shape)
            array = np.concatenate([pixels, array[features:]])  # behind them the classes
        elif layer == "decoder_pixels":
            array = torch_training.channels_first(array, model.shape)
        state[layer + (".weight" if name == "kernel" else ".bias")] = torch_training.matrix_or_filter(array)
    torch_training.put_weights(model, state)


def train(model, data, config):
    """Minimise the negative evidence lower bound."""
    inputs, images = data.train
    classes = [inputs[1]] if config.conditional else []

    def loss_of(images, *classes):
        logits, divergence = model(images, *classes)
        nats = functional.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        return nats / len(images) + divergence

    arrays = [np.ascontiguousarray(images.transpose(0, 3, 1, 2)), *classes]
    return torch_training.train(model, loss_of, arrays, config, lambda step: config.learning_rate)
