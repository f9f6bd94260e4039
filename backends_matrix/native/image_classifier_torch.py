"""Image classifier by hand in PyTorch, eager, with the fused AdamW: convolutions, or the residual network.

Images are (batch, channels, height, width) here. Keras' padding "same" puts what is left over to the right and below.
"""

import torch
from torch import nn
from torch.nn import functional

from backends_matrix.native import torch_training
from backends_matrix.native.torch_training import DEVICE

NAMES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
NAMES |= {"moving_mean": "running_mean", "moving_variance": "running_var"}


def covers(config):
    """Views of the images are drawn by NumPy on each backend: what is timed here is the rest."""
    return config.augmentation == "none" and config.architecture in ("cnn", "resnet10")


class Convolution(nn.Module):
    """A convolution without bias, and batch normalization."""

    def __init__(self, channels, filters, size, strides, epsilon):
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, size, strides, bias=False)
        self.norm = nn.BatchNorm2d(filters, eps=epsilon, momentum=0.1)

    def forward(self, x):
        """(batch, filters, height / strides, width / strides)."""
        size, strides = self.conv.kernel_size[0], self.conv.stride[0]
        over = [max((-(-side // strides) - 1) * strides + size - side, 0) for side in (x.shape[3], x.shape[2])]
        return self.norm(self.conv(functional.pad(x, [part for n in over for part in (n // 2, n - n // 2)])))


class Block(nn.Module):
    """Two convolutions, and what goes around them."""

    def __init__(self, channels, filters, strides):
        super().__init__()
        self.strides = strides
        self.conv0 = Convolution(channels, filters, 3, strides, 1e-5)
        self.conv1 = Convolution(filters, filters, 3, 1, 1e-5)
        self.around = Convolution(channels, filters, 1, 1, 1e-5) if strides > 1 else nn.Identity()

    def forward(self, x):
        """(batch, filters, height / strides, width / strides)."""
        around = self.around(x[:, :, :: self.strides, :: self.strides])
        return (self.conv1(self.conv0(x).relu()) + around).relu()


class Model(nn.Module):
    """Features, the largest and the mean of each, and a number for each class."""

    def __init__(self, config, data):
        super().__init__()
        self.config, channels, width = config, data.sizes["channels"], config.width
        if config.architecture == "cnn":
            sizes = [channels, width, 2 * width, 4 * width]
            steps = [Convolution(sizes[n], sizes[n + 1], 3, 1, 1e-3) for n in range(3)]
            self.features = nn.ModuleDict({f"conv{n}": step for n, step in enumerate(steps)})
        else:
            sizes = [width * 2**n for n in range(4)]
            self.features = nn.ModuleDict({"stem": Convolution(channels, width, 3, 1, 1e-5)})
            for n, filters in enumerate(sizes):
                self.features[f"stage{n + 1}_block0"] = Block(sizes[max(n - 1, 0)], filters, 2 if n else 1)
        self.head = nn.Linear(2 * sizes[-1], data.sizes["num_classes"])

    def forward(self, images):
        """Logits (batch, num_classes), from bytes."""
        x = images.to(self.head.weight.dtype) / 255
        for name, layer in self.features.items():
            x = layer(x)
            if isinstance(layer, Convolution):
                x = x.relu()
            if name.startswith("conv"):
                x = functional.max_pool2d(x, 2, ceil_mode=True)
        pooled = torch.cat([x.amax(dim=(2, 3)), x.mean(dim=(2, 3))], dim=1)
        return self.head(functional.dropout(pooled, self.config.dropout))


def build(config, data):
    """The model on the device."""
    return Model(config, data).to(DEVICE)


def load(model, weights):
    """Put in the weights of the recipe's model, with their axes in PyTorch's order."""
    state = {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    for path, array in weights.items():
        layer, _, name = path.partition("/")
        part = "conv" if name == "kernel" else "norm"
        if layer.startswith("norm"):
            layer = f"conv{layer.removeprefix('norm')}"
        layer = layer.removeprefix("resnet_").removesuffix("_norm")
        stage, block, convolution = layer.partition("_block0_")
        place = f"features.{stage}{block.removesuffix('_')}" + (f".{convolution}" if block else "")
        place = "head" if layer == "head" else f"{place}.{part}"
        state[f"{place}.{NAMES[name]}"] = torch_training.matrix_or_filter(array)
    torch_training.put_weights(model, state)


def train(model, data, config):
    """Minimise the cross-entropy, with one cycle of the learning rate and of the momentum."""
    images, labels = data.train
    steps = config.epochs * -(-len(images) // config.batch_size)
    optimizer = torch_training.Adam(model.parameters(), weight_decay=config.weight_decay)
    arrays = [images.transpose(0, 3, 1, 2).copy(), labels.astype("int64")]
    dtype, peak = model.head.weight.dtype, config.learning_rate
    for batches in torch_training.epochs_of(arrays, config, dtype, config.batch_size):
        losses = []
        for views, classes in batches:
            logits = model(views)
            loss = functional.cross_entropy(logits, classes, label_smoothing=config.label_smoothing)
            rate = one_cycle(peak / 25, peak, peak / 1e5, optimizer.steps / steps)
            losses.append(optimizer.minimize(loss, rate, one_cycle(0.95, 0.85, 0.95, optimizer.steps / steps)))
        yield torch.stack(losses).cpu().numpy()


def one_cycle(start, peak, end, passed):
    """Along half a cosine from start to peak in the first quarter, and on to the end."""
    begin, end, share = (start, peak, passed / 0.25) if passed < 0.25 else (peak, end, (passed - 0.25) / 0.75)
    return end + (begin - end) * torch_training.half_cosine(share, 1)
