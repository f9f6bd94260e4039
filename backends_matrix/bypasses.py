"""Finds random numbers that a recipe draws past `portable_random`, by name of the call and place.

Watched is what every way to a draw goes through: on JAX the functions of `jax.random`, on
TensorFlow the Python function of each random operation, on torch each operation that torch
marks as drawing. NumPy's and Python's global generators, and NumPy generators without a
seed, are watched on every backend, and so is a second backend if it has been imported.

Not seen: `numpy.random` through scikit-learn, which keeps the generator itself, and
`tf.raw_ops`.
"""

import contextlib
import functools
import linecache
import random
import re
import sys
import threading
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np

JAX_KEYS = {"PRNGKey", "clone", "fold_in", "key", "key_data", "key_dtype", "key_impl", "split", "wrap_key_data"}
TENSORFLOW_OPERATIONS = [
    f"tensorflow.python.ops.gen_{name}_ops{version}"
    for name, version in [
        ("random", ""), ("stateful_random", ""), ("stateless_random", ""), ("stateless_random", "_v2"),
        ("dataset", ""), ("image", ""), ("candidate_sampling", ""),
    ]
]  # fmt: skip
TENSORFLOW_DRAW = re.compile(
    r"(?!.*(_eager_fallback|_grad|get_|skip|generator))(?=[a-z]).*(random|shuffle|multinomial|normal|uniform|sampl)"
)
WITHOUT_DRAWS_OF_ITS_OWN = {"backends_matrix", "contextlib", "jax", "numpy", "random", "tensorflow", "torch"}
HARMLESS = {
    "keras.src.random.seed_generator",  # seeds of layers without one: fixed by `set_random_seed` on every backend
    "torch.utils.data.dataloader",  # the seed of worker processes, drawn even where there are none
}


class Bypass(NamedTuple):
    """A call that draws numbers which other backends do not draw.

    Attributes:
        call: String, the function or operation.
        place: String: file, line, name of the calling function, and the line itself.
    """

    call: str
    place: str


@contextlib.contextmanager
def watch():
    """Note all native draws until the context is left. Enter it inside `portable_random`.

    Yields:
        List of `Bypass`, without repeats, that grows while the recipe runs.
    """
    found, running = [], threading.local()
    recorders = {id(draw): recorder(name, draw, found, running) for name, draw in native_draws()}
    with contextlib.ExitStack() as stack:
        for module in list(sys.modules.values()):
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if id(value) in recorders:
                    stack.enter_context(mock.patch.object(module, name, recorders[id(value)]))
        if "torch" in sys.modules:
            stack.enter_context(torch_watch(found))
        yield found


def native_draws():
    """List of `(name, function)`: what draws and is a function in Python."""
    draws = [("numpy.random.default_rng()", np.random.default_rng)]
    for module in (np.random, random):
        generator = module.random.__self__  # the global one: the module's functions are its methods
        methods = [(name, f) for name, f in vars(module).items() if getattr(f, "__self__", None) is generator]
        draws += [(f"{module.__name__}.{name}", f) for name, f in methods if not name.endswith(("seed", "state"))]
    draws += [(f"jax.random.{name}", f) for name, f in functions_of("jax.random") if name not in JAX_KEYS]
    for module in TENSORFLOW_OPERATIONS:
        draws += [(f"tensorflow {name}", f) for name, f in functions_of(module) if TENSORFLOW_DRAW.match(name)]
    return draws


def functions_of(module):
    """List of the `(name, function)` of a module, if it has been imported."""
    names = vars(sys.modules[module]) if module in sys.modules else {}
    return [(n, f) for n, f in names.items() if callable(f) and not isinstance(f, type) and not n.startswith("_")]


def recorder(name, draw, found, running):
    """A function that notes its call and then draws; what a draw calls in turn is not noted."""

    @functools.wraps(draw)
    def recorded(*args, **kwargs):
        is_seeded = name.endswith("()") and any(value is not None for value in (*args, *kwargs.values()))
        if is_seeded or getattr(running, "draw", False):
            return draw(*args, **kwargs)
        note(name, found)
        running.draw = True
        try:
            return draw(*args, **kwargs)
        finally:
            running.draw = False

    return recorded


def torch_watch(found):
    """A context that notes every operation of torch that draws."""
    torch = sys.modules["torch"]

    class TorchWatch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            if torch.Tag.nondeterministic_seeded not in operation.tags:
                return operation(*args, **kwargs)
            before = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
            result = operation(*args, **kwargs)
            after = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
            # Attention is marked, too, but draws only if it drops something.
            same = all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
            if kwargs.get("generator") is not None or not same:
                note(f"torch {operation.overloadpacket}", found)
            return result

    return TorchWatch()


def note(call, found):
    """Append a call that is not harmless, with its place, if it is new."""
    frame, modules = outside(sys._getframe(2), WITHOUT_DRAWS_OF_ITS_OWN)
    if frame and not HARMLESS & {*modules, frame.f_globals["__name__"]}:
        place, (caller, _) = place_of(frame), outside(frame, {"keras", *WITHOUT_DRAWS_OF_ITS_OWN})
        if caller not in (frame, None):
            place += f" (called by {place_of(caller)})"
        if Bypass(call, place) not in found:
            found.append(Bypass(call, place))


def outside(frame, packages):
    """Tuple of the innermost frame that belongs to none of some packages, and the modules passed on the way."""
    modules = []
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] in packages:
        modules.append(frame.f_globals["__name__"])
        frame = frame.f_back
    return frame, modules


def place_of(frame):
    """Where a frame is, as text; the file from the top package on."""
    path, depth = Path(frame.f_code.co_filename), frame.f_globals["__name__"].count(".") + 1
    file = "/".join(path.parts[-(depth + (path.name == "__init__.py")) :])
    line = linecache.getline(str(path), frame.f_lineno).strip()
    return f"{file}:{frame.f_lineno} in {frame.f_code.co_name}: {line}"
