"""`keras.ops`: elementwise functions, reductions, linear algebra, indexing, neural networks."""

import numpy as np
from keras import ops

from backends_matrix.layers_and_ops.case import op

RNG = np.random.default_rng(4)
MATRIX, SQUARE = (4, 5), (4, 4)
POSITIVE = RNG.uniform(0.1, 3.0, MATRIX).astype("float32")
UNIT = RNG.uniform(-0.95, 0.95, MATRIX).astype("float32")
TIES = np.array([1.0, 3.0, 3.0, 2.0, 3.0], "float32")
WIDE = np.array([-1e4, -88.0, -20.0, -1e-3, 1e-6, 0.5, 20.0, 88.0, 1e4], "float32")
FACTOR = RNG.normal(size=SQUARE).astype("float32")
FAR = (RNG.normal(size=(64, 2)) + 100).astype("float32")  # a mean far from 0
UPDATES = RNG.normal(size=(4, 2)).astype("float32")
MIXED = RNG.permutation(12).reshape(3, 4).astype("float32")
DEFINITE = (FACTOR @ FACTOR.T + 4 * np.eye(4)).astype("float32")
IDS = np.array([[0, 2, 2], [3, 0, 2]], "int32")  # they repeat
SEGMENTS = np.array([0, 0, 1, 3], "int32")
MASKED_ROW = np.tril(np.ones((2, 1, 6, 6), "bool"), -1)  # the first row sees nothing

ANYWHERE = ("abs", "arctan", "arcsinh", "celu", "cos", "cosh", "elu", "erf", "erfc", "exp", "exp2", "expm1", "gelu",
            "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "log_sigmoid", "negative", "relu",
            "relu6", "selu", "sigmoid", "silu", "sin", "sinc", "sinh", "soft_shrink", "softplus", "softsign",
            "sparse_plus", "sparse_sigmoid", "square", "squareplus", "tan", "tanh", "tanh_shrink")  # fmt: skip
ABOVE_ZERO = ("log", "log10", "log1p", "log2", "reciprocal", "rsqrt", "sqrt", "cbrt", "i0")
WITHIN_ONE = ("arccos", "arcsin", "arctanh", "erfinv")
BOUNDED = ("arctan", "elu", "erf", "gelu", "hard_sigmoid", "log_sigmoid", "relu6", "selu", "sigmoid", "silu",
           "softplus", "softsign", "tanh")  # fmt: skip
PAIRS = ("add", "arctan2", "divide", "fmax", "fmin", "hypot", "logaddexp", "maximum", "minimum", "multiply",
         "subtract")  # fmt: skip
REDUCTIONS = ("amax", "amin", "logsumexp", "max", "mean", "median", "min", "prod", "std", "sum", "var")
ROUNDINGS = ("ceil", "floor", "round", "sign", "trunc")


def cases():
    """List of `Case`."""
    return [*elementwise(), *reductions(), *algebra(), *indexing(), *neural(), *sorting()]


def elementwise():
    """Functions of one or two numbers, also far out."""
    found = [op(name, getattr(ops, name), MATRIX) for name in ANYWHERE]
    found += [op(name, getattr(ops, name), POSITIVE) for name in ABOVE_ZERO]
    found += [op(name, getattr(ops, name), UNIT) for name in WITHIN_ONE]
    found += [op(f"{name} far out", getattr(ops, name), WIDE) for name in BOUNDED]
    found += [op(f"{name} of two numbers", getattr(ops, name), MATRIX, (5,)) for name in PAIRS]
    halves = np.array([-1.5, -0.5, 0.0, 0.5, 1.5, 2.5, 0.7], "float32")
    found += [op(f"{name} of halves", getattr(ops, name), halves, gradient=False) for name in ROUNDINGS]
    return [
        *found,
        op("power", ops.power, POSITIVE, MATRIX),
        op("power whole", lambda x: ops.power(x, 3), MATRIX),
        op("mod", ops.mod, np.array([7.5, -7.5, 8.0], "float32"), np.array([-2.0, 2.0, 3.0], "float32")),
        op("floor_divide", ops.floor_divide, np.array([7.5, -7.5, 8], "float32"), np.array([-2, 2, 3], "float32"),
           gradient=False),
        op("floor_divide whole", ops.floor_divide, np.array([7, -7, -8], "int32"), np.array([-2, 2, 3], "int32"),
           gradient=False),
        op("gelu exact", lambda x: ops.gelu(x, approximate=False), MATRIX),
        op("glu", ops.glu, (3, 6)),
        op("clip", lambda x: ops.clip(x, -0.5, 0.5), MATRIX),
        op("where", lambda x: ops.where(x > 0, x, -2 * x), MATRIX),
        op("divide_no_nan", ops.divide_no_nan, np.array([1.0, 2.0], "float32"), np.array([0.0, 4.0], "float32")),
        op("erfinv near 0", ops.erfinv, np.array([1e-6, -1e-4, 1e-2], "float32"), precisions=("float64", "float32")),
        op("erfinv near 1", ops.erfinv, np.array([0.999, -0.9999], "float32"), precisions=("float64", "float32")),
        op("log1p near 0", ops.log1p, np.array([1e-6, -1e-7], "float32")),
        op("softmax far out", ops.softmax, WIDE),
    ]  # fmt: skip


def reductions():
    """Reductions and cumulative functions over an axis."""
    found = [op(f"{name} over an axis", over_axis(name), (4, 5, 3)) for name in REDUCTIONS]
    return [
        *found,
        op("sum of many", lambda x: ops.sum(x, axis=0), (1000, 2)),
        op("mean of many", lambda x: ops.mean(x, axis=0), (1000, 2)),
        op("var far from 0", lambda x: ops.var(x, axis=0), FAR),
        op("moments", lambda x: ops.moments(x, axes=[0]), (8, 3)),
        op("moments far from 0", lambda x: ops.moments(x, axes=[0]), FAR),
        op("cumsum", lambda x: ops.cumsum(x, axis=1), MATRIX),
        op("cumprod", lambda x: ops.cumprod(x, axis=1), POSITIVE),
        op("logsumexp of -inf", lambda x: ops.logsumexp(x, axis=1), np.array([[-np.inf, 1.0], [2.0, 3.0]], "float32")),
        op("max of ties", lambda x: ops.max(x), TIES),
        op("average weighted", lambda x, w: ops.average(x, axis=0, weights=w), MATRIX, POSITIVE[:, 0]),
        op("quantile", lambda x: ops.quantile(x, 0.3, axis=0), (7, 3), precisions=("float64", "float32")),
        op("diff", ops.diff, MATRIX),
        op("norm", lambda x: ops.norm(x, axis=1), MATRIX),
        op("norm one", lambda x: ops.norm(x, ord=1, axis=1), MATRIX),
        op("normalize", ops.normalize, MATRIX),
    ]


def over_axis(name):
    """A reduction of the middle axis."""
    return lambda x: getattr(ops, name)(x, axis=1)


def algebra():
    """Products and linear algebra; what has a free sign or order is made unique."""
    only = {"precisions": ("float64", "float32")}  # no backend factorizes bfloat16
    return [
        op("matmul", ops.matmul, (3, 4, 5), (5, 6)),
        op("matmul long", ops.matmul, (3, 500), (500, 2)),
        op("einsum", lambda x, y: ops.einsum("bij,bkj->bik", x, y), (2, 3, 4), (2, 5, 4)),
        op("tensordot", lambda x, y: ops.tensordot(x, y, 2), (2, 3, 4), (3, 4, 5)),
        op("outer", ops.outer, (3,), (4,)),
        op("cholesky", ops.cholesky, DEFINITE, **only),
        op("inv", ops.inv, DEFINITE, **only),
        op("solve", ops.solve, DEFINITE, SQUARE, **only),
        op("det", ops.det, DEFINITE, **only),
        op("slogdet", ops.slogdet, DEFINITE, **only),
        op("eigenvalues", lambda x: ops.eigh((x + ops.transpose(x)) / 2)[0], DEFINITE, **only),
        op("singular values", lambda x: ops.svd(x, compute_uv=False), MATRIX, **only),
        op("qr without signs", lambda x: ops.abs(ops.qr(x)[1]), SQUARE, gradient=False, **only),
        op("lstsq", ops.lstsq, (5, 3), (5, 1), gradient=False, **only),
        op("solve_triangular", lambda a, b: ops.solve_triangular(a, b, lower=True), DEFINITE, SQUARE, **only),
        op("cross", ops.cross, (4, 3), (4, 3)),
        op("rfft", ops.rfft, (2, 9), **only),
        op("stft", lambda x: ops.stft(x, 8, 4, 8), (2, 40), **only),
    ]


def indexing():
    """What picks, places and moves numbers, by ids that repeat."""
    places = np.array([[1], [3], [1], [0]], "int32")
    return [
        op("take", lambda x: ops.take(x, IDS, axis=0), MATRIX),
        op("take from the end", lambda x: ops.take(x, np.array([-1, 0], "int32"), axis=0), MATRIX),
        op("take_along_axis", lambda x: ops.take_along_axis(x, IDS, axis=1), (2, 4)),
        op("scatter", lambda u: ops.scatter(ops.convert_to_tensor(places), u, (5, 2)), UPDATES),
        op("scatter_update", lambda x: ops.scatter_update(x, ops.convert_to_tensor(places[:2]), x[:2] * 2), MATRIX),
        op("slice_update", lambda x, u: ops.slice_update(x, (1, 2), u), MATRIX, (2, 2)),
        op("segment_sum", lambda x: ops.segment_sum(x, SEGMENTS, 4), MATRIX),
        op("segment_max", lambda x: ops.segment_max(x, np.array([0, 0, 1, 2], "int32"), 3), MATRIX),
        op("one_hot", lambda: ops.one_hot(IDS, 4), gradient=False),
        op("pad reflect", lambda x: ops.pad(x, ((1, 2), (0, 3)), mode="reflect"), MATRIX),
        op("pad symmetric", lambda x: ops.pad(x, ((1, 2), (0, 3)), mode="symmetric"), MATRIX),
        op("pad constant", lambda x: ops.pad(x, ((1, 2), (0, 3)), constant_values=1.5), MATRIX),
        op("roll", lambda x: ops.roll(x, 2, axis=1), MATRIX),
        op("repeat", lambda x: ops.repeat(x, 3, axis=1), MATRIX),
        op("tril", ops.tril, MATRIX),
        op("rot90", ops.rot90, MATRIX),
        op("linspace", lambda: ops.linspace(0.0, 1.0, 7), gradient=False),
        op("arange by steps", lambda: ops.arange(0.0, 1.0, 0.1), gradient=False),
        op("digitize", lambda x: ops.digitize(x, np.array([-0.5, 0.5], "float32")), MATRIX, gradient=False),
        op("scan", lambda x: ops.scan(lambda c, y: (c * 0.5 + y, c * y), x[0], x), MATRIX),
    ]


def neural():
    """Functions for networks."""
    heads = ((2, 6, 2, 4),) * 3
    image, kernel = (2, 7, 8, 3), (3, 3, 3, 4)
    return [
        op("softmax", ops.softmax, MATRIX),
        op("log_softmax axis 0", lambda x: ops.log_softmax(x, axis=0), MATRIX),
        op("sparsemax", ops.sparsemax, MATRIX),
        op("dot_product_attention", ops.dot_product_attention, *heads),
        op("dot_product_attention causal", lambda *x: ops.dot_product_attention(*x, is_causal=True), *heads),
        op("dot_product_attention masked row",
           lambda *x: ops.dot_product_attention(*x, mask=ops.convert_to_tensor(MASKED_ROW)), *heads),
        op("conv", lambda x, k: ops.conv(x, k, 2, "same"), image, kernel),
        op("conv_transpose", lambda x, k: ops.conv_transpose(x, k, 2, "same"), image, (3, 3, 4, 3)),
        op("conv stride 2 dilated", lambda x, k: ops.conv(x, k, 2, "same", dilation_rate=2), image, kernel),
        op("depthwise_conv", lambda x, k: ops.depthwise_conv(x, k, 1, "valid"), image, (3, 3, 3, 2)),
        op("max_pool", lambda x: ops.max_pool(x, 2, 2), image),
        op("average_pool", lambda x: ops.average_pool(x, 2, 2), image),
        op("average_pool same", lambda x: ops.average_pool(x, 3, 2, "same"), image),
        op("batch_normalization", lambda x, m: ops.batch_normalization(x, m, m * m + 1, axis=-1), (4, 5), (5,)),
        op("layer_normalization", ops.layer_normalization, MATRIX),
        op("rms_normalization", ops.rms_normalization, MATRIX),
        op("binary_crossentropy", lambda x: ops.binary_crossentropy(ops.ones_like(x), x, from_logits=True), MATRIX),
        op("ctc_loss", lambda x: ops.ctc_loss(ops.convert_to_tensor(np.array([[1, 2, 2], [3, 1, 0]], "int32")), x,
                                              ops.convert_to_tensor(np.array([3, 2], "int32")),
                                              ops.convert_to_tensor(np.array([8, 6], "int32"))), (2, 8, 5)),
        op("unfold", lambda x: ops.unfold(x, 3), (2, 3, 5, 5)),
    ]  # fmt: skip


def sorting():
    """Orders, without and with ties."""
    found = [op(name, getattr(ops, name), MIXED, gradient=name == "sort") for name in ("argmax", "argsort", "sort")]
    return [
        *found,
        op("argmax of ties", ops.argmax, TIES, gradient=False),
        op("argsort of ties", lambda x: ops.argsort(x), TIES, gradient=False),
        op("top_k", lambda x: ops.top_k(x, 2), MIXED),
        op("top_k of ties", lambda x: ops.top_k(x, 3), TIES, gradient=False),
        op("searchsorted", lambda x: ops.searchsorted(x, x[:2] + 0.5),
           np.sort(TIES), gradient=False),
        op("unique values", ops.unique, TIES, gradient=False, compiled=False),
    ]  # fmt: skip
