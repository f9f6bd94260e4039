"""The training loop of the PyTorch natives: eager, a step per batch, with the fused Adam, the fastest one on a CPU."""

import math

import numpy as np
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
EPSILON, BETA_2 = 1e-7, 0.999  # of Keras' Adam


def put_weights(model, state):
    """Load a dict of NumPy arrays into a model, which takes on their precision."""
    tensors = {name: torch.as_tensor(array) for name, array in state.items()}
    dtype = next(tensor.dtype for tensor in tensors.values() if tensor.is_floating_point())  # others are counters
    model.to(dtype).load_state_dict(tensors)


def channels_first(array, shape):
    """An array one of whose axes, of flattened features, is brought from the order of Keras to that of PyTorch.

    Args:
        array: NumPy array; without an axis of this length it stays as it is.
        shape: Tuple `(channels, height, width)` of the features.
    """
    channels, height, width = shape
    order = np.arange(channels * height * width).reshape(height, width, channels).transpose(2, 0, 1).reshape(-1)
    return np.take(array, order, axis=array.shape.index(len(order))) if len(order) in array.shape else array


def matrix_or_filter(array):
    """A kernel of Keras with its axes in PyTorch's order; vectors stay as they are."""
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T


def half_cosine(step, steps):
    """Keras' `CosineDecay`, from 1 to 0."""
    return (1 + math.cos(math.pi * min(1.0, step / steps))) / 2


class Adam:
    """Keras' Adam, and with a weight decay the `AdamW` of `keras_recipes.optimizers`.

    PyTorch adds epsilon after the correction of the bias, Keras before it, as Kingma and Ba
    do at the end of section 2: dividing epsilon by the correction is the same.

    Args:
        parameters: Iterable of tensors.
        beta_1: Float in [0, 1).
        weight_decay: Float of at least 0, by how much of the rate matrices and filters shrink per step.
    """

    def __init__(self, parameters, beta_1=0.9, weight_decay=0.0):
        self.parameters, self.steps, self.beta_1 = list(parameters), 0, beta_1
        vectors = [one for one in self.parameters if one.ndim <= 1]
        others = [one for one in self.parameters if one.ndim > 1]
        groups = [{"params": others, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], fused=True)

    def minimize(self, loss, rate, beta_1=None):
        """Make a step of this rate, and of this `beta_1` if there is one, against a loss; returns the loss."""
        self.steps += 1
        for group in self.optimizer.param_groups:
            group["lr"], group["eps"] = rate, EPSILON / math.sqrt(1 - BETA_2**self.steps)
            group["betas"] = (self.beta_1 if beta_1 is None else beta_1, BETA_2)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=self.parameters)
        self.optimizer.step()
        return loss.detach()


def epochs_of(arrays, config, dtype, batch_size, whole=False):
    """For each epoch the batches of some arrays; an epoch is shuffled at once, so that its batches are views.

    Args:
        arrays: List of NumPy arrays with the same leading axis.
        config: Has `epochs` and `seed`.
        dtype: Type that floats take.
        batch_size: Integer, examples per batch.
        whole: Boolean, whether a last batch that is smaller is left out.

    Yields:
        Iterators over tuples of tensors.
    """
    tensors = [torch.as_tensor(array, device=DEVICE) for array in arrays]
    tensors = [tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in tensors]
    rng, number = np.random.default_rng(config.seed), len(tensors[0])
    used = number // batch_size * batch_size if whole else number
    rng.permutation(number)  # Keras' `fit` draws an order that it does not use
    for _ in range(config.epochs):
        order = torch.as_tensor(rng.permutation(number)[:used], device=DEVICE)
        yield zip(*(tensor[order].split(batch_size) for tensor in tensors), strict=True)


def train(model, loss_of, arrays, config, learning_rate):
    """Minimise a loss by Adam.

    Args:
        model: `torch.nn.Module`, trained in place.
        loss_of: Function from a batch of each of the `arrays` to the loss.
        arrays: List of NumPy arrays with the same leading axis.
        config: Has `batch_size`, `epochs` and `seed`.
        learning_rate: Function from the number of steps made to a float.

    Yields:
        Losses of the steps of an epoch, array of shape (steps,).
    """
    optimizer = Adam(model.parameters())
    for batches in epochs_of(arrays, config, next(model.parameters()).dtype, config.batch_size):
        losses = [optimizer.minimize(loss_of(*batch), learning_rate(optimizer.steps)) for batch in batches]
        yield torch.stack(losses).cpu().numpy()
