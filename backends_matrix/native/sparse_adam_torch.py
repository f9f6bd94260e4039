"""An embedding and a dense layer by hand in PyTorch, the table with its `SparseAdam`: for `table_size`."""

import time

import torch
from torch.nn import functional


def step_times(ids, targets, rows, dim, epochs):
    """Seconds per step, for each epoch.

    Args:
        ids: Integer array of shape `(steps, batch)`.
        targets: Float32 array of shape `(steps, batch, 1)`.
        rows: Integer, of the table.
        dim: Integer, numbers per row.
        epochs: Integer, passes over the batches.
    """
    table, head = torch.nn.Parameter(torch.empty(rows, dim).uniform_(-0.05, 0.05)), torch.nn.Linear(dim, 1)
    optimizers = torch.optim.SparseAdam([table]), torch.optim.Adam(head.parameters(), fused=True)
    batches, found = list(zip(torch.as_tensor(ids).long(), torch.as_tensor(targets), strict=True)), []
    for _ in range(epochs):
        begin = time.perf_counter()
        for some, wanted in batches:
            loss = functional.mse_loss(head(functional.embedding(some, table, sparse=True)), wanted)
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
        found.append((time.perf_counter() - begin) / len(batches))
    return found
