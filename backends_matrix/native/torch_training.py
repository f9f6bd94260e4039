"""The training loop of the PyTorch natives: eager, a step per batch, with the fused Adam, the fastest one on a CPU."""

import math

import numpy as np
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
EPSILON, BETA_2 = 1e-7, 0.999  # of Keras' Adam


def put_weights(model, state):
    """Load a dict of NumPy arrays into a model, which takes on their precision."""
    tensors = {name: torch.as_tensor(array) for name, array in state.items()}
    model.to(next(iter(tensors.values())).dtype).load_state_dict(tensors)


def train(model, loss_of, arrays, config, learning_rate):
    """Minimise a loss by Adam.

    An epoch is shuffled at once, so that its batches are views. PyTorch adds
    epsilon after the correction of the bias, Keras before it, as Kingma and Ba
    do at the end of section 2: dividing epsilon by the correction is the same.

    Args:
        model: `torch.nn.Module`, trained in place.
        loss_of: Function from a batch of each of the `arrays` to the loss.
        arrays: List of NumPy arrays with the same leading axis.
        config: Has `batch_size`, `epochs` and `seed`.
        learning_rate: Function from the number of steps made to a float.

    Yields:
        Losses of the steps of an epoch, array of shape (steps,).
    """
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, BETA_2), fused=True)
    (group,) = optimizer.param_groups
    dtype = next(model.parameters()).dtype
    tensors = [torch.as_tensor(array, device=DEVICE) for array in arrays]
    tensors = [tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in tensors]
    rng, step = np.random.default_rng(config.seed), 0
    rng.permutation(len(tensors[0]))  # Keras' `fit` draws an order that it does not use
    for _ in range(config.epochs):
        order = torch.as_tensor(rng.permutation(len(tensors[0])), device=DEVICE)
        losses = []
        for batch in zip(*(tensor[order].split(config.batch_size) for tensor in tensors), strict=True):
            group["lr"] = learning_rate(step)
            step += 1
            group["eps"] = EPSILON / math.sqrt(1 - BETA_2**step)
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(*batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        yield torch.stack(losses).cpu().numpy()
