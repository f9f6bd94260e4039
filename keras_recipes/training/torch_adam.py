"""PyTorch: Adam in one pass over the weights."""

import contextlib
from unittest import mock

import keras


@contextlib.contextmanager
def fused_adam(optimizer):
    """Let `keras.optimizers.Adam` and `AdamW`, and that of recipes, update all weights by PyTorch's fused kernel.

    Keras goes over the weights and both moments with ten operations, each of
    which reads and writes all of them, and of an optimizer that is not its own
    weight by weight. The formula stays Keras': the kernel
    corrects moments for their bias itself, unless told that the training is
    old, and Keras' own correction then goes into the learning rate.

    Args:
        optimizer: `keras.optimizers.Optimizer`; any other than these, and
            those of other backends, stay as they are.
    """
    known = type(optimizer).__name__ in ("Adam", "AdamW", "SparseAdam") and not getattr(optimizer, "amsgrad", True)
    if keras.config.backend() != "torch" or not known:
        yield
        return
    update = "_parallel_update_step" if hasattr(optimizer, "_parallel_update_step") else "_backend_update_step"
    original = getattr(optimizer, update)

    def one_pass(gradients, variables, learning_rate):
        if is_plain(gradients, variables):
            update_all(optimizer, gradients, variables, learning_rate)
        else:
            original(gradients, variables, learning_rate)

    with mock.patch.object(optimizer, update, one_pass):
        yield


def is_plain(gradients, variables):
    """Whether the fused kernel takes these: dense tensors of one kind, on a CPU or an NVIDIA GPU."""
    values = [variable.value for variable in variables]
    tensors = [*gradients, *values]
    kinds = {(str(tensor.dtype), tensor.device.type, tensor.is_sparse) for tensor in tensors}
    one_kind = len(kinds) == 1 and kinds < {(f"torch.float{n}", d, False) for n in (32, 64) for d in ("cpu", "cuda")}
    return one_kind and all(value.is_contiguous() for value in values)  # as moments are


def update_all(optimizer, gradients, variables, learning_rate):
    """Update weights and moments in place, those of the same rate and decay at once."""
    import torch

    scales_of = getattr(optimizer, "scales_of", lambda variable: (1.0, 0.0))
    kinds = {}
    for gradient, variable in zip(gradients, variables, strict=True):
        index = optimizer._get_variable_index(variable)
        moments = optimizer._momentums[index].value, optimizer._velocities[index].value
        kinds.setdefault(scales_of(variable), []).append((variable.value, gradient, *moments))
    for (multiplier, decay), arrays in kinds.items():
        weights, *others = (list(column) for column in zip(*arrays, strict=True))
        rate = keras.ops.cast(learning_rate, weights[0].dtype) * multiplier
        if decay:
            torch._foreach_mul_(weights, 1 - rate * decay)
        update_alike(optimizer, rate, weights, *others)


def update_alike(optimizer, rate, weights, gradients, means, squares):
    """Update lists of tensors at one rate (Kingma and Ba, 2015, end of section 2)."""
    import torch

    dtype, beta_1, beta_2 = weights[0].dtype, optimizer.beta_1, optimizer.beta_2
    step = keras.ops.cast(optimizer.iterations + 1, dtype)
    corrected = [1 - keras.ops.power(keras.ops.cast(beta, dtype), step) for beta in (beta_1, beta_2)]
    rate = rate * keras.ops.sqrt(corrected[1]) / corrected[0]
    if isinstance(beta_1, torch.Tensor):  # a schedule, which the kernel does not take
        torch._foreach_mul_(means, beta_1)
        torch._foreach_add_(means, torch._foreach_mul(gradients, 1 - beta_1))
        torch._foreach_mul_(squares, beta_2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta_2)
        roots = torch._foreach_add(torch._foreach_sqrt(squares), optimizer.epsilon)
        torch._foreach_sub_(weights, torch._foreach_mul(torch._foreach_div(means, roots), rate))
        return
    torch._fused_adam_(
        weights,
        [gradient.contiguous() for gradient in gradients],  # the kernel goes through the memory of all in step
        means,
        squares,
        [],
        [torch.full((), 1e9, device=rate.device)] * len(weights),  # steps made: so many that no bias is left
        lr=rate,
        beta1=beta_1,
        beta2=beta_2,
        weight_decay=0.0,
        eps=optimizer.epsilon,
        amsgrad=False,
        maximize=False,
    )
