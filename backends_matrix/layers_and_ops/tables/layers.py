"""Layers without memory: dense, convolutions, pooling, normalization, merging, attention, reshaping."""

import numpy as np
from keras import layers

from backends_matrix.layers_and_ops.case import layer

SERIES, IMAGE, VOLUME = (2, 9, 3), (2, 7, 9, 3), (2, 5, 6, 4, 2)  # odd and even sizes
TRAINING = {"training": True}
FAR = np.random.default_rng(0).normal(size=(8, 5)).astype("float32") + 100  # a mean far from 0
IDS = np.array([[1, 1, 4], [0, 1, 4]], "int32")  # they repeat
MASK = np.array([[True, True, True, False, False], [True, False, False, False, False]])


def cases():
    """List of `Case`."""
    return [*dense(), *convolutions(), *pooling(), *normalization(), *merging(), *attention(), *reshaping()]


def dense():
    """Dense layers, embeddings and activations."""
    return [
        layer("Dense", lambda: layers.Dense(5), (4, 3)),
        layer("Dense of a sequence", lambda: layers.Dense(5, "tanh"), (2, 4, 3)),
        layer("Dense without bias", lambda: layers.Dense(5, use_bias=False), (4, 3)),
        layer("EinsumDense", lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), (2, 5, 4)),
        layer("Embedding", lambda: layers.Embedding(5, 3), IDS),
        layer("ReversibleEmbedding", lambda: layers.ReversibleEmbedding(5, 3), IDS),
        layer("ReversibleEmbedding reversed", lambda: layers.ReversibleEmbedding(5, 3), (2, 3),
              call={"reverse": True}),
        layer("ReLU with ceiling and slope", lambda: layers.ReLU(1.0, 0.1, 0.2), (4, 9)),
        layer("LeakyReLU", lambda: layers.LeakyReLU(0.25), (4, 9)),
        layer("PReLU shared", lambda: layers.PReLU("ones", shared_axes=[1]), SERIES),
        layer("ELU", lambda: layers.ELU(0.5), (4, 9)),
        layer("Softmax masked", layers.Softmax, (2, 5), call={"mask": MASK}),
        layer("Softmax two axes", lambda: layers.Softmax((1, 2)), SERIES),
        layer("Rescaling", lambda: layers.Rescaling(1 / 127.5, -1.0), IMAGE),
        layer("Normalization", lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[0.5, 1.0, 4.0]), (4, 3)),
        layer("Discretization", lambda: layers.Discretization([0.0, 1.0]), np.array([[-1, 0, 0.5, 1]], "float32")),
        layer("CategoryEncoding count", lambda: layers.CategoryEncoding(5, "count"), IDS),
        layer("CategoryEncoding multi hot", lambda: layers.CategoryEncoding(5, "multi_hot"), IDS),
        layer("SpectralNormalization", lambda: layers.SpectralNormalization(layers.Dense(4)), (3, 5),
              call={"training": False}),
        layer("SpectralNormalization in training", lambda: layers.SpectralNormalization(layers.Dense(4)), (3, 5),
              call=TRAINING),
    ]  # fmt: skip


def convolutions():
    """Convolutions of every kind, with strides, dilation and groups."""
    rows = [
        ("Conv1D causal dilated", lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), SERIES),
        ("Conv1D stride 3", lambda: layers.Conv1D(4, 2, strides=3, padding="same"), SERIES),
        ("Conv2D", lambda: layers.Conv2D(4, 3), IMAGE),
        ("Conv2D one by one", lambda: layers.Conv2D(4, 1, use_bias=False), IMAGE),
        ("Conv2D even kernel", lambda: layers.Conv2D(4, (2, 4), padding="same"), IMAGE),
        ("Conv2D stride 2", lambda: layers.Conv2D(4, 3, strides=2, padding="same"), IMAGE),
        ("Conv2D strides 2 and 3", lambda: layers.Conv2D(4, (4, 3), strides=(2, 3), padding="same"), IMAGE),
        ("Conv2D dilated", lambda: layers.Conv2D(4, 3, dilation_rate=2, padding="same"), IMAGE),
        ("Conv2D groups", lambda: layers.Conv2D(6, 3, groups=3), IMAGE),
        ("Conv3D", lambda: layers.Conv3D(3, 3, strides=2, padding="same"), VOLUME),
        ("Conv1DTranspose", lambda: layers.Conv1DTranspose(4, 3, strides=2, padding="same"), SERIES),
        ("Conv2DTranspose", lambda: layers.Conv2DTranspose(4, 3), IMAGE),
        ("Conv2DTranspose stride 2", lambda: layers.Conv2DTranspose(4, 4, strides=2, padding="same"), IMAGE),
        ("Conv2DTranspose output padding",
         lambda: layers.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1), IMAGE),
        ("Conv2DTranspose stride above kernel", lambda: layers.Conv2DTranspose(4, 2, strides=3), IMAGE),
        ("Conv3DTranspose", lambda: layers.Conv3DTranspose(3, 3, strides=2, padding="same"), VOLUME),
        ("DepthwiseConv1D", lambda: layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), SERIES),
        ("DepthwiseConv2D stride 2", lambda: layers.DepthwiseConv2D(3, strides=2, padding="same"), IMAGE),
        ("SeparableConv1D", lambda: layers.SeparableConv1D(4, 3, padding="same"), SERIES),
        ("SeparableConv2D", lambda: layers.SeparableConv2D(4, 3, depth_multiplier=2), IMAGE),
    ]  # fmt: skip
    return [layer(name, build, shape) for name, build, shape in rows]


def pooling():
    """Pooling; padding "same" is asymmetric where sizes, kernels or strides are odd."""
    rows = [
        ("MaxPooling1D", lambda: layers.MaxPooling1D(3, 2), SERIES),
        ("MaxPooling2D same", lambda: layers.MaxPooling2D(2, padding="same"), IMAGE),
        ("MaxPooling2D ties", lambda: layers.MaxPooling2D(2), np.ones(IMAGE, "float32")),
        ("MaxPooling3D", lambda: layers.MaxPooling3D(2), VOLUME),
        ("AveragePooling1D same", lambda: layers.AveragePooling1D(3, 2, padding="same"), (2, 8, 3)),
        ("AveragePooling2D", lambda: layers.AveragePooling2D(2), IMAGE),
        ("AveragePooling2D same", lambda: layers.AveragePooling2D(2, padding="same"), IMAGE),
        ("AveragePooling2D same symmetric", lambda: layers.AveragePooling2D(3, 1, padding="same"), IMAGE),
        ("AveragePooling3D", lambda: layers.AveragePooling3D(2), VOLUME),
        ("GlobalAveragePooling2D", layers.GlobalAveragePooling2D, IMAGE),
        ("GlobalMaxPooling1D", layers.GlobalMaxPooling1D, SERIES),
        ("AdaptiveAveragePooling2D", lambda: layers.AdaptiveAveragePooling2D((3, 4)), IMAGE),
        ("AdaptiveMaxPooling1D", lambda: layers.AdaptiveMaxPooling1D(4), SERIES),
    ]
    found = [layer(name, build, given) for name, build, given in rows]
    mask = np.array([[True] * 4 + [False] * 5, [True] * 9])
    found.append(layer("GlobalAveragePooling1D masked", layers.GlobalAveragePooling1D, SERIES, call={"mask": mask}))
    return found


def normalization():
    """Normalization; in training also the statistics it leaves."""
    rows = [
        ("BatchNormalization", layers.BatchNormalization, (8, 5), TRAINING),
        ("BatchNormalization of images", lambda: layers.BatchNormalization(momentum=0.7), IMAGE, TRAINING),
        ("BatchNormalization of one example", layers.BatchNormalization, (1, 5), TRAINING),
        ("BatchNormalization axis 1", lambda: layers.BatchNormalization(axis=1), IMAGE, TRAINING),
        ("BatchNormalization in use", layers.BatchNormalization, (8, 5), {"training": False}),
        ("BatchNormalization far from 0", layers.BatchNormalization, FAR, TRAINING),
        ("BatchNormalization masked", layers.BatchNormalization, (2, 5, 3), {**TRAINING, "mask": MASK}),
        ("LayerNormalization", layers.LayerNormalization, (2, 5, 8), {}),
        ("LayerNormalization two axes", lambda: layers.LayerNormalization(axis=(1, 2)), (2, 5, 8), {}),
        ("LayerNormalization of a constant", layers.LayerNormalization, np.full((2, 8), 3.0, "float32"), {}),
        ("LayerNormalization far from 0", layers.LayerNormalization, FAR, {}),
        ("RMSNormalization", layers.RMSNormalization, (2, 5, 8), {}),
        ("GroupNormalization", lambda: layers.GroupNormalization(3), (2, 5, 5, 6), {}),
        ("GroupNormalization far from 0", lambda: layers.GroupNormalization(1), FAR, {}),
        ("GroupNormalization instances", lambda: layers.GroupNormalization(-1), (2, 5, 5, 6), {}),
        ("UnitNormalization", layers.UnitNormalization, (4, 5), {}),
        ("UnitNormalization of zeros", layers.UnitNormalization, np.zeros((2, 3), "float32"), {}),
    ]
    return [layer(name, build, given, call=call) for name, build, given, call in rows]


def merging():
    """Layers that take several tensors."""
    names = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
    found = [layer(f"{name} of two", getattr(layers, name), (3, 4), (3, 4)) for name in names]
    found.append(layer("Add broadcast", layers.Add, (3, 1, 4), (3, 5, 4)))
    found.append(layer("Dot normalized", lambda: layers.Dot(-1, normalize=True), (3, 4), (3, 4)))
    return [*found, layer("Dot of two axes", lambda: layers.Dot((2, 1)), (2, 3, 4), (2, 4, 5))]


def attention():
    """Attention; a row may be masked as a whole."""
    causal = {"use_causal_mask": True}
    some = np.random.default_rng(1).random((2, 5, 5)) < 0.6
    row = some.copy()
    row[0, 2] = False  # nothing to look at
    sequences = ((2, 5, 8), (2, 5, 8))

    def heads():
        return layers.MultiHeadAttention(2, 4)

    return [
        layer("MultiHeadAttention", heads, *sequences, spread=True),
        layer("MultiHeadAttention causal", heads, *sequences, spread=True, call=causal),
        layer("MultiHeadAttention masked", heads, *sequences, spread=True, call={"attention_mask": some}),
        layer("MultiHeadAttention masked row", heads, *sequences, spread=True, call={"attention_mask": row}),
        layer("MultiHeadAttention scores", heads, *sequences, spread=True, call={"return_attention_scores": True}),
        layer("MultiHeadAttention dropout", lambda: layers.MultiHeadAttention(2, 4, dropout=0.3, seed=1), *sequences,
              spread=True, call=TRAINING),
        layer("GroupQueryAttention", lambda: layers.GroupQueryAttention(4, 4, 2), *sequences, spread=True),
        layer("Attention scaled", lambda: layers.Attention(use_scale=True, score_mode="concat"), *sequences),
        layer("Attention causal dropout", lambda: layers.Attention(dropout=0.3, seed=1), *sequences,
              call={**causal, **TRAINING}),
        layer("AdditiveAttention", layers.AdditiveAttention, *sequences),
    ]  # fmt: skip


def reshaping():
    """Layers that move numbers."""
    rows = [
        ("Flatten", layers.Flatten, IMAGE),
        ("Permute", lambda: layers.Permute((3, 1, 2)), IMAGE),
        ("RepeatVector", lambda: layers.RepeatVector(3), (2, 4)),
        ("Cropping2D", lambda: layers.Cropping2D(((1, 2), (0, 3))), IMAGE),
        ("ZeroPadding2D", lambda: layers.ZeroPadding2D(((1, 2), (0, 3))), IMAGE),
        ("UpSampling2D", lambda: layers.UpSampling2D((2, 3)), IMAGE),
        ("UpSampling2D bilinear", lambda: layers.UpSampling2D(2, interpolation="bilinear"), IMAGE),
        ("Resizing bilinear", lambda: layers.Resizing(5, 12), IMAGE),
        ("Resizing nearest", lambda: layers.Resizing(5, 12, "nearest"), IMAGE),
        ("Resizing cropped", lambda: layers.Resizing(5, 4, crop_to_aspect_ratio=True), IMAGE),
        ("CenterCrop", lambda: layers.CenterCrop(4, 4), IMAGE),
    ]  # fmt: skip
    only = {"precisions": ("float64", "float32")}  # there is no Fourier transform of bfloat16
    spectra = [
        layer("STFTSpectrogram", lambda: layers.STFTSpectrogram(frame_length=8, frame_step=4, fft_length=8), (2, 40, 1),
              **only),
        layer("MelSpectrogram", lambda: layers.MelSpectrogram(32, 8, sampling_rate=1000, num_mel_bins=6, max_freq=500),
              (2, 64), precisions=("float32",)),  # in which its matrix is
    ]  # fmt: skip
    return [*(layer(name, build, given) for name, build, given in rows), *spectra]
