"""A process that saves again and again is killed at random moments: what it saved last is there, and whole."""

import json
import random
import subprocess
import sys
from pathlib import Path

KILLS = 20
# Keras is imported once; each kill then hits a child of its own, forked before anything but NumPy ran. The model holds
# NumPy arrays, because a backend's threads do not survive a fork; all the rest is the real `save_training`.
PROGRAM = """\
import json, os, signal, sys, time
from pathlib import Path
import numpy as np
from keras_recipes.training.saving import read_state, save_training

class Weight:
    path, dtype, shape = "w", "float32", (1_000_000,)
    def __init__(self, value):
        self.value = value
    def numpy(self):
        return np.full(self.shape, self.value, self.dtype)

class Model:
    built, name, trainable_variables = True, "model", []
    def __init__(self, value):
        self.weights = self.variables = [Weight(value), Weight(value + 0.5)]

path, number = Path(sys.argv[1]), 0
for delay in map(float, sys.argv[2:]):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        while True:
            number += 1
            save_training(path, Model(number), epoch=number)
            os.write(writer, b"%d " % number)
    first = b""
    while b" " not in first:  # it saves by now
        first += os.read(reader, 1)
    if delay:
        time.sleep(delay)
    else:  # hit it while it writes
        while not list(path.parent.glob(f"*.{child}.part")):
            pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(writer)
    said = first
    while more := os.read(reader, 65536):
        said += more
    os.close(reader)
    number = int(said.split(b" ")[-2])
    about, arrays = read_state(path)
    pairs = [(arrays["weights/w"], 0), (arrays["weights/w#2"], 0.5)]
    values = {float(found) - more for array, more in pairs for found in (array.min(), array.max())}
    print(json.dumps([number, about["epoch"], sorted(values)]))
    number = about["epoch"]
"""


def test_twenty_kills_lose_nothing(tmp_path):
    rng = random.Random(0)
    delays = [str(rng.uniform(0.001, 0.05) if kill % 2 else 0) for kill in range(KILLS)]
    path = tmp_path / "t.safetensors"
    root = Path(__file__).parents[3]
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(path), *delays]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(found) == KILLS
    for said, epoch, values in found:
        assert epoch in (said, said + 1)  # the last one that was told of, or the one after it
        assert values == [epoch]  # all of one state
    assert found[-1][1] >= KILLS
    assert list(tmp_path.glob("*.part"))  # kills did hit while a file was being written
