"""The code that the guides show runs as it stands."""

import re
from pathlib import Path

import keras
import numpy as np
from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"


def test_one_training_step():
    text = (DOCS / "one_training_step.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    generator = keras.Sequential([keras.Input((16,)), keras.layers.Dense(3)])
    critic = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    before = [weight.numpy() for weight in [*generator.weights, *critic.weights]]
    exec(code, {"generator": generator, "critic": critic, "images": np.ones((128, 3), "float32")})
    after = [weight.numpy() for weight in [*generator.weights, *critic.weights]]
    assert all((one != other).any() for one, other in zip(before, after, strict=True))


def test_learning_rates(tmp_path):
    text = (DOCS / "learning_rates.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    x = inputs = keras.Input((3,))
    for name in ("first", "hidden"):
        x = keras.layers.Dense(4, activation="tanh", name=name)(x)
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(x))
    before = model.get_weights()
    rng = np.random.default_rng(0)
    given = {"model": model, "images": rng.normal(size=(64, 3)), "labels": rng.normal(size=(64, 1)), "folder": tmp_path}
    exec(code, given)
    assert (tmp_path / "rates.png").exists()
    assert all((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))
    assert given["search"].losses.shape == (2, 60)


def test_images(tmp_path, monkeypatch):
    text = (DOCS / "images.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    for name, shade in (("cat", 50), ("dog", 200)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (80, 70), (shade, 90, 9 * number)).save(tmp_path / "pets" / name / f"{number}.jpg")

    def build_model(units):
        layers = keras.layers
        pixels = layers.Rescaling(1 / 255, name="scaled")
        return keras.Sequential([keras.Input((64, 64, 3)), pixels, layers.Flatten(), layers.Dense(units)])

    monkeypatch.chdir(tmp_path)
    given = {"build_model": build_model, "folder": tmp_path}
    exec(code, given)
    assert given["probabilities"].shape == (8, 2)
    assert (tmp_path / "confusion.png").exists()


def test_embeddings():
    text = (DOCS / "embeddings.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 50, size=(512, 2)).astype("int32")
    given = {"num_words": 100, "pairs": pairs, "scores": (pairs[:, :1] < pairs[:, 1:]).astype("float32")}
    exec(code, given)
    assert given["history"]["loss"][-1] < 0.5 * given["history"]["loss"][0]


def test_tables(tmp_path):
    from recipes import tabular_embeddings

    frame = {"street": ["a", "b"] * 60, "rooms": np.arange(120) % 7, "price": np.arange(120) % 7 + 1.5}
    text = (DOCS / "tables.md").read_text(encoding="utf-8")
    served, alone = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    given = {"frame": frame}
    exec(alone, given)
    assert given["ids"].shape == (120, 2)  # rooms have few values
    rows = [",".join(map(str, row)) for row in zip(*frame.values(), strict=True)]
    (tmp_path / "houses.csv").write_text("\n".join(["street,rooms,price", *rows]))
    flags = ["--dataset", str(tmp_path / "houses.csv"), "--epochs", "1", "--run-folder", str(tmp_path / "run")]
    tabular_embeddings.main(["--preset", "smoke", "--target", "price", "--log-target", *flags])
    given = {"run_folder": tmp_path / "run", "new_houses": {"street": ["new"], "rooms": [None]}}
    exec(served, given)
    assert given["prices"].shape == (1, 1)


def test_words_and_graphs(tmp_path):
    text = (DOCS / "words_and_graphs.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "vectors.txt").write_text("4 2\nking 1 1\nqueen 1 -1\nman 0 1\nwoman 0 -1\n")
    given = {"path": tmp_path / "vectors.txt", "other_path": tmp_path / "vectors.bin", "word": "king"}
    exec(code, given | {"a": "man", "b": "king", "c": "woman"} | {"__name__": "guide"}, given)
    assert given["answers"][0][0] == "queen"
    assert len(given["nearest"]) == 3
    assert (tmp_path / "vectors.bin").stat().st_size > 0
