"""Recurrent layers, with masks, in both directions, and with dropout."""

import numpy as np
from keras import layers

from backends_matrix.layers_and_ops.case import layer

SEQUENCES = (3, 6, 4)
LENGTHS = np.array([6, 3, 0])  # a full one, a padded one, one that is all padding
RIGHT = np.arange(6) < LENGTHS[:, None]
GAPS = np.array([[1, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]], "bool")
HALF = ("LSTM", "LSTM padded", "GRU", "GRU padded", "SimpleRNN", "Bidirectional")  # in bfloat16 as well
FULL = {"precisions": ("float64", "float32")}


def cases():
    """List of `Case`."""
    rows = [
        ("LSTM", lambda: layers.LSTM(5), {}),
        ("LSTM all outputs and states", lambda: layers.LSTM(5, return_sequences=True, return_state=True), {}),
        ("LSTM padded", lambda: layers.LSTM(5, return_sequences=True), {"mask": RIGHT}),
        ("LSTM gaps", lambda: layers.LSTM(5), {"mask": GAPS}),
        ("LSTM backwards", lambda: layers.LSTM(5, go_backwards=True, return_sequences=True), {"mask": RIGHT}),
        ("LSTM unrolled", lambda: layers.LSTM(5, unroll=True), {}),
        ("LSTM dropout", lambda: layers.LSTM(5, dropout=0.3, recurrent_dropout=0.2, seed=1), {"training": True}),
        ("GRU", lambda: layers.GRU(5, return_sequences=True), {}),
        ("GRU reset before", lambda: layers.GRU(5, reset_after=False), {}),
        ("GRU padded", lambda: layers.GRU(5, return_state=True), {"mask": RIGHT}),
        ("GRU dropout", lambda: layers.GRU(5, dropout=0.3, recurrent_dropout=0.2, seed=1), {"training": True}),
        ("SimpleRNN", lambda: layers.SimpleRNN(5), {}),
        ("SimpleRNN padded", lambda: layers.SimpleRNN(5, return_sequences=True), {"mask": RIGHT}),
        ("SimpleRNN dropout", lambda: layers.SimpleRNN(5, dropout=0.3, seed=1), {"training": True}),
        ("RNN of stacked cells", lambda: layers.RNN([layers.GRUCell(4), layers.LSTMCell(3)]), {}),
        ("RNN zeros where masked",
         lambda: layers.RNN(layers.LSTMCell(5), return_sequences=True, zero_output_for_mask=True), {"mask": RIGHT}),
        ("Bidirectional", lambda: layers.Bidirectional(layers.GRU(3, return_sequences=True)), {"mask": RIGHT}),
        ("Bidirectional sum", lambda: layers.Bidirectional(layers.SimpleRNN(3), merge_mode="sum"), {}),
        ("TimeDistributed", lambda: layers.TimeDistributed(layers.Dense(3)), {}),
    ]  # fmt: skip
    found = [
        layer(name, build, SEQUENCES, group="recurrent", call=call, **({} if name in HALF else FULL))
        for name, build, call in rows
    ]
    frames = (2, 3, 5, 4, 2)
    return [
        *found,
        layer("ConvLSTM2D", lambda: layers.ConvLSTM2D(3, 3, padding="same"), frames, group="recurrent", **FULL),
        layer("ConvLSTM1D dropout", lambda: layers.ConvLSTM1D(3, 2, dropout=0.3, recurrent_dropout=0.2, seed=1),
              (2, 3, 5, 2), group="recurrent", call={"training": True}, **FULL),
    ]  # fmt: skip
