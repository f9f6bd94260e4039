"""Paths that a GPU takes, run with its name forced: what a GPU computes is not measured here."""

import dataclasses

import keras

from backends_matrix import __main__ as matrix
from backends_matrix import origin, worker
from backends_matrix.backends import environment_for
from backends_matrix.bundle import read_bundles
from backends_matrix.judge import compare
from backends_matrix.report import agreement_rows, made_with, made_with_text
from recipes import collaborative_filtering as recipe

BACKEND = keras.config.backend()
GPU = "NVIDIA H200"


def test_numbers_of_a_gpu_are_those_of_full_float32():
    for precision in ("float32", "float64"):
        variables = environment_for(BACKEND, precision, threads=1, gpu=True)
        assert variables["NVIDIA_TF32_OVERRIDE"] == "0"
        assert variables["JAX_DEFAULT_MATMUL_PRECISION"] == "highest"
    assert "NVIDIA_TF32_OVERRIDE" not in environment_for(BACKEND, "native", threads=1, gpu=True)
    assert environment_for(BACKEND, "float32", threads=1)["CUDA_VISIBLE_DEVICES"] == "-1"


def test_bundles_of_a_gpu_join_the_comparison(monkeypatch, tmp_path):
    small = dataclasses.replace(recipe.PRESETS["smoke"], synthetic_users=20, batch_size=32, epochs=1)
    monkeypatch.setattr(recipe, "PRESETS", {"smoke": small})
    arguments = ["collaborative_filtering", "--folder", str(tmp_path), "--twins", "2"]
    for device in ("cpu", GPU):
        monkeypatch.setattr(origin, "device_of", lambda backend, device=device: device)
        worker.main(arguments)
    bundles = read_bundles(tmp_path)
    label = f"{BACKEND} ({GPU})"
    assert [bundle.label for bundle in bundles] == [label, BACKEND]
    findings = [
        finding for finding in compare(bundles) if finding.level.partition(" ")[0] not in ("float64", "bfloat16")
    ]
    assert all(finding.agrees for finding in findings)
    assert {finding.level for finding in findings} >= {"data", "initial weights", "float32 gradient"}
    assert agreement_rows(findings, [], [])[0][-2:] == [BACKEND, label]
    assert "not measured" not in made_with_text(made_with(bundles))
    assert "- GPU: not measured\n" in made_with_text(made_with(bundles[1:]))


def test_here_runs_with_what_the_machine_has_and_compares(monkeypatch, tmp_path, capsys):
    ran = []
    monkeypatch.setattr(matrix, "run_module", lambda *call: ran.append(call))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    arguments = ["--backends", "jax", "torch", "--here", "--folder", str(tmp_path), "--recipes", "vae"]
    assert matrix.main(["run", *arguments]) == 2  # compared: nothing is there
    assert "Nothing from any backend" in capsys.readouterr().out
    stages = [(environment["KERAS_BACKEND"], module, arguments[3]) for module, arguments, environment, _ in ran]
    numbers = [("worker", "--save"), ("worker", "--precisions")]
    expected = [(backend, *each) for backend in ("jax", "torch") for each in numbers]
    expected += [(backend, "checkpoints", "resume") for backend in ("jax", "torch")]
    assert sorted(stages[:4]) == sorted(expected[:4])  # a few at a time
    assert sorted(stages[4:]) == sorted(expected[4:])
    assert all("CUDA_VISIBLE_DEVICES" not in environment for *_, environment, _ in ran)
    ran.clear()
    assert matrix.main(["run", *arguments[:3], "--folder", str(tmp_path), "--recipes", "vae"]) == 0  # not compared
    assert all(environment["CUDA_VISIBLE_DEVICES"] == "-1" for *_, environment, _ in ran)


def test_each_backend_is_run_by_its_own_python(monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(matrix, "run_module", lambda *call: ran.append(call))
    python = ["--python", "jax=a", "--python", "torch=b"]
    assert matrix.main(["run", *python, "--folder", str(tmp_path), "--recipes", "vae"]) == 0
    assert {(environment["KERAS_BACKEND"], path) for *_, environment, path in ran} == {("jax", "a"), ("torch", "b")}
