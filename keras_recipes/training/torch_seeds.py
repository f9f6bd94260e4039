"""PyTorch: record what a model draws at random as a function of its seed."""


class NotRecordableError(Exception):
    """A train step draws in a way that cannot be recorded; Keras makes that step by itself."""


def seed_recorder():
    """A context in which `make_fx` records draws of `keras.random` with their seeds.

    Keras reads a seed out of a tensor and gives it to a new generator, for one
    draw. Recorded as it stands, each replay would draw the first step's numbers.

    Returns:
        `TorchFunctionMode`, whose `require_none_pending` raises
        NotRecordableError if a seed was read and not used for a draw.
    """
    import torch
    from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing
    from torch.overrides import TorchFunctionMode

    tensor = torch.Tensor
    reads = {tensor.__bool__, tensor.__float__, tensor.__index__, tensor.item, tensor.tolist, tensor.numpy}

    class SeedRecorder(TorchFunctionMode):
        seed = None  # a tensor: the seed that the next draw must use up

        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            if function is torch.Tensor.__int__:
                self.require_none_pending()
                self.seed = args[0]
                with disable_proxy_modes_tracing():
                    return int(self.seed)
            if function in reads:
                raise NotRecordableError("What is done depends on a number, which may be another one at the next step")
            if kwargs.get("generator") is None:
                return function(*args, **kwargs)
            if self.seed is None:
                raise NotRecordableError(f"{function} draws with a generator for which no seed was read")
            seed, self.seed = self.seed, None
            return record_draw(seed, function, args, kwargs)

        def require_none_pending(self):
            if self.seed is not None:
                raise NotRecordableError("A seed was read, but not for a draw from a generator of its own")

    return SeedRecorder()


def record_draw(seed, function, args, kwargs):
    """Draw, and record it as a function of the seed and of the tensors among `args`."""
    import torch
    from torch.fx.experimental import proxy_tensor

    generator = kwargs["generator"]
    as_keras_seeded_it = generator.get_state()

    def draw(seed, *tensors):
        rest = iter(tensors)
        generator.manual_seed(int(seed) & 0xFFFFFFFF)  # as Keras does
        return function(*(next(rest) if isinstance(arg, torch.Tensor) else arg for arg in args), **kwargs)

    inputs = (seed, *(arg for arg in args if isinstance(arg, torch.Tensor)))
    tracer = proxy_tensor.get_proxy_mode().tracer
    proxy = tracer.create_proxy("call_function", draw, tuple(map(tracer.unwrap_proxy, inputs)), {})
    with proxy_tensor.disable_proxy_modes_tracing():
        generator.manual_seed(int(seed) & 0xFFFFFFFF)
        if not torch.equal(generator.get_state(), as_keras_seeded_it):
            raise NotRecordableError("Keras seeds its generators in another way than this expects")
        drawn = draw(*inputs)
    return proxy_tensor.track_tensor_tree(drawn, proxy, constant=None, tracer=tracer)
