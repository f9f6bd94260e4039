"""Autoencoders by hand in PyTorch, eager, with the fused Adam.

Images are (batch, channels, height, width) here. Of Keras' padding "same", with
stride 2 and sides that are even, one row below and one column to the right are left.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from backends_matrix.native import torch_training
from backends_matrix.native.torch_training import DEVICE


class Model(nn.Module):
    """Noise, encoder, code and decoder; or a matrix to the code and one back."""

    def __init__(self, config, data):
        super().__init__()
        filters, hidden, channels = config.filters, config.hidden_units, data.sizes["channels"]
        self.config, self.images = config, (channels, data.sizes["height"], data.sizes["width"])
        self.shape = (2 * filters, self.images[1] // 4, self.images[2] // 4)  # of the features around the code
        if config.linear:
            pixels = math.prod(self.images)
            self.code = nn.Linear(pixels, config.latent_dim, bias=False)
            self.decoder_pixels = nn.Linear(config.latent_dim, pixels, bias=False)
            return
        features = math.prod(self.shape)
        self.encoder_conv1 = nn.Conv2d(channels, filters, 3, stride=2)
        self.encoder_conv2 = nn.Conv2d(filters, 2 * filters, 3, stride=2)
        self.encoder_hidden = nn.Linear(features, hidden)
        self.code = nn.Linear(hidden, config.latent_dim)
        self.decoder_hidden = nn.Linear(config.latent_dim, hidden)
        self.decoder_pixels = nn.Linear(hidden, features)
        self.decoder_conv1 = nn.ConvTranspose2d(2 * filters, filters, 3, stride=2)
        self.decoder_conv2 = nn.ConvTranspose2d(filters, channels, 3, stride=2)

    def forward(self, images):
        """Restored images, and what their codes cost."""
        if self.config.linear:
            return self.decoder_pixels(self.code(images.flatten(1))).unflatten(1, self.images), 0.0
        x = self.encoder_conv1(functional.pad(self.spoilt(images), (0, 1, 0, 1))).relu()
        x = self.encoder_conv2(functional.pad(x, (0, 1, 0, 1))).relu()
        code, price = self.code(self.encoder_hidden(x.flatten(1)).relu()), 0.0
        if self.config.sparsity > 0:
            code = code.relu()
            price = self.config.sparsity * code.sum(dim=1).mean()
        x = self.decoder_pixels(self.decoder_hidden(code).relu()).relu().unflatten(1, self.shape)
        x = self.decoder_conv1(x)[..., :-1, :-1].relu()
        return self.decoder_conv2(x)[..., :-1, :-1], price

    def spoilt(self, images):
        """Images with noise."""
        level = self.config.corruption_level
        if self.config.corruption == "none":
            return images
        channels, height, width = self.images
        drawn = torch.rand((len(images), height, width, channels), device=DEVICE).permute(0, 3, 1, 2)
        return torch.where(drawn < level / 2, 1.0, torch.where(drawn < level, 0.0, images))


def covers(config):
    """Whether the noise is the one that is written here."""
    return config.corruption in ("none", "salt_and_pepper")


def build(config, data):
    """The model on the device."""
    return Model(config, data).to(DEVICE)


def load(model, weights):
    """Put in the weights of the recipe's model, with their axes in PyTorch's order."""
    inside = model.images if model.config.linear else model.shape
    turned = {"code", "decoder_pixels"} if model.config.linear else {"encoder_hidden", "decoder_pixels"}
    state = {}
    for path, array in weights.items():
        layer, _, kind = path.partition("/")
        if kind in ("kernel", "bias"):
            array = torch_training.channels_first(array, inside) if layer in turned else array
            state[f"{layer}.{'weight' if kind == 'kernel' else kind}"] = torch_training.matrix_or_filter(array)
    torch_training.put_weights(model, state)


def train(model, data, config):
    """Minimise the squared error of the restored images, and the price of their codes."""

    def loss_of(images):
        restored, price = model(images)
        return functional.mse_loss(restored, images) + price

    images = np.ascontiguousarray(data.train[0].transpose(0, 3, 1, 2))
    steps = config.epochs * math.ceil(len(images) / config.batch_size)

    def rate(step):
        return config.learning_rate * torch_training.half_cosine(step, steps)

    return torch_training.train(model, loss_of, [images], config, rate)
