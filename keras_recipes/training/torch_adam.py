"""PyTorch: Adam in one pass over the weights."""

import contextlib
from unittest import mock

import keras


@contextlib.contextmanager
def fused_adam(optimizer):
    """Let `keras.optimizers.Adam` and `AdamW` update all weights by PyTorch's fused kernel.

    Keras goes over the weights and both moments with ten operations, each of
    which reads and writes all of them. The formula stays Keras': the kernel
    corrects moments for their bias itself, unless told that the training is
    old, and Keras' own correction then goes into the learning rate.

    Args:
        optimizer: `keras.optimizers.Optimizer`; any other than these two, and
            those of other backends, stay as they are.
    """
    kind, update = type(optimizer).__name__, "_parallel_update_step"
    if kind not in ("Adam", "AdamW") or optimizer.amsgrad or not hasattr(optimizer, update):
        yield
        return
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
    """Update weights and moments in place (Kingma and Ba, 2015, end of section 2)."""
    import torch

    dtype = variables[0].value.dtype
    step = keras.ops.cast(optimizer.iterations + 1, dtype)
    corrected = 1 - keras.ops.power(keras.ops.cast([optimizer.beta_1, optimizer.beta_2], dtype), step)
    rate = keras.ops.cast(learning_rate, dtype) * keras.ops.sqrt(corrected[1]) / corrected[0]
    indices = [optimizer._get_variable_index(variable) for variable in variables]
    torch._fused_adam_(
        [variable.value for variable in variables],
        [gradient.contiguous() for gradient in gradients],  # the kernel goes through the memory of all in step
        [optimizer._momentums[index].value for index in indices],
        [optimizer._velocities[index].value for index in indices],
        [],
        [torch.full((), 1e9, device=rate.device)] * len(variables),  # steps made: so many that no bias is left
        lr=rate,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        weight_decay=0.0,
        eps=optimizer.epsilon,
        amsgrad=False,
        maximize=False,
    )
