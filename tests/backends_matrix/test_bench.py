"""The bench: processes that take turns, rows, ratios, and natives that do not count."""

import contextlib
import importlib
import json
import os
import sys

import keras
import numpy as np
import pytest

from backends_matrix import bench, bench_worker
from backends_matrix.bench_report import made_with, markdown, rows_of, table
from backends_matrix.native import variants_by_hand
from backends_matrix.processes import run_module
from backends_matrix.report import text_table

BACKEND = keras.config.backend()
RECIPE = "collaborative_filtering"
HAS_NATIVE = bool(variants_by_hand(RECIPE, BACKEND))


def found(step_ms, variant="shipped", backend="torch", device="cpu", device_memory_mb=None):
    one = {"recipe": "r", "backend": backend, "variant": variant, "device": device, "step_ms": step_ms, "load": 0.5}
    one |= {"import_s": 1.0, "build_s": 0.5, "first_step_s": 2.0, "steps_per_epoch": 7, "memory_mb": 300.0}
    return {**one, "device_memory_mb": device_memory_mb, "environment": {"keras": "3", variant: "1"}}


@pytest.mark.skipif(BACKEND != "torch", reason="processes and files, the same on every backend: one is enough")
def test_end_to_end(tmp_path, capsys):
    options = ["--recipes", RECIPE, "--preset", "smoke", "--folder", str(tmp_path)]
    options += ["--rounds", "1", "--seconds", "0", "--threads", "1"]
    assert bench.main([*options, "--python", f"{BACKEND}={sys.executable}"]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["kind"], report["threads"], report["rounds"]) == ("bench", 1, 1)
    rows = {row["variant"]: row for row in report["rows"]}
    assert list(rows) == ["plain", "shipped", "native"]
    for row in rows.values():
        assert (row["recipe"], row["backend"], row["device"]) == (RECIPE, BACKEND, "cpu")
        assert row["steps_per_epoch"] == 25
        assert row["counts"]
        for name in ("import_s", "build_s", "first_step_s", "step_ms", "memory_mb", "ratio_to_plain"):
            assert row[name] > 0, name
        assert row["device_memory_mb"] is None
        assert row["ratio_to_native"] > 0
    (made,) = report["made_with"]
    assert made["environment"]["keras"] == keras.__version__
    printed = capsys.readouterr().out
    assert "preset smoke, 1 threads, 1 rounds" in printed
    assert (tmp_path / "report.md").read_text(encoding="utf-8") in printed


def test_variants_can_be_chosen(tmp_path):
    python = ["--python", "jax=a", "--python", "torch=b"]
    options = ["--recipes", "gan", "--preset", "bench", *python, "--variants", "shipped", "by_hand", "native"]
    jobs = bench.all_jobs(bench.parse_arguments(options))
    found = [(job.backend, job.variant) for job in jobs]
    assert found == [
        ("jax", "shipped"),
        ("jax", "by_hand"),
        ("torch", "shipped"),
        ("torch", "native"),
        ("torch", "by_hand"),
    ]


def test_rows_hold_medians_spread_and_ratios():
    steps = {"plain": [8.0, 8.1, 8.2], "shipped": [4.0, 2.0, 3.0], "native": [1.0, 1.01, 1.02]}
    everything = [found(step, variant) for variant in steps for step in steps[variant]]
    everything += [found(1.5, "shipped", "jax"), found(9.0, "plain", "jax")]
    rows = {(row["backend"], row["variant"]): row for row in rows_of(everything, {})}
    shipped = rows["torch", "shipped"]
    assert (shipped["step_ms"], shipped["each"], shipped["processes"]) == (3.0, [4.0, 2.0, 3.0], 3)
    assert (shipped["step_ms_p20"], shipped["step_ms_p80"]) == (pytest.approx(2.4), pytest.approx(3.6))
    assert shipped["ratio_to_native"] == pytest.approx(3 / 1.01)
    assert shipped["ratio_to_plain"] == pytest.approx(3 / 8.1)
    assert shipped["ratio_to_fastest"] == 2.0  # jax shipped: the same variant
    assert rows["jax", "shipped"]["ratio_to_native"] is None
    assert {key for key, row in rows.items() if row["unstable"]} == {("torch", "shipped")}
    text = text_table(table(list(rows.values())))
    assert "2.4–3.6 unstable" in text
    assert text.count("unstable") == 1


def test_a_native_that_does_not_count_has_no_figure():
    verdict = {"difference": 0.25, "limit": 1e-9, "counts": False}
    (shipped, native) = rows_of([found(4.0)], {("r", "torch", "native"): verdict})
    assert shipped["ratio_to_native"] is None
    assert "step_ms" not in native
    assert not native["counts"]
    text = text_table(table([shipped, native]))
    assert "does not count" in text
    assert "losses differ by 2e-01" in text
    assert "not finite" in text_table(table([{**native, "difference": None}]))


def test_the_bench_times_nothing_by_hand_that_is_wrong(tmp_path, monkeypatch, capsys):
    ran = []

    def run(module, arguments, environment, python):
        ran.append((module, *arguments[:2]))
        if module == "same_training":
            variant = arguments[arguments.index("--variant") + 1]
            verdict = {"difference": 0.5, "limit": 1e-9, "counts": variant == "by_hand"}
            (tmp_path / "r").mkdir(exist_ok=True)
            (tmp_path / "r" / f"{variant}-torch.json").write_text(json.dumps(verdict))
        else:
            result = arguments[arguments.index("--result") + 1]
            bench.write_file(bench.Path(result), json.dumps(found(2.0, arguments[1])))

    monkeypatch.setattr(bench, "run_module", run)
    monkeypatch.setattr(bench, "variants_by_hand", lambda recipe, backend: {"native": "n", "by_hand": "h"})
    monkeypatch.setattr(bench, "bench_presets", lambda recipe: ["bench"])
    options = ["--recipes", "r", "--python", "torch=python", "--quick", "--folder", str(tmp_path)]
    assert bench.main(options) == 1
    turns = [("bench_worker", "r", variant) for variant in ("plain", "shipped", "by_hand")]
    assert ran[2:] == turns * 2  # in turns, and never the native
    assert "does not count" in capsys.readouterr().out


def test_every_backend_that_can_is_tuned():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse", steps_per_execution=32)
    fails = pytest.raises(ValueError, match="must be 1") if BACKEND not in bench.TUNABLE else contextlib.nullcontext()
    with fails:
        model.fit(np.ones((64, 1)), np.ones((64, 1)), batch_size=1, verbose=0)


@pytest.mark.parametrize(("variant", "steps"), [("plain", 1), ("tuned", 32)])
def test_variants_by_keras_make_so_many_steps_at_a_time(variant, steps, monkeypatch):
    made = []
    monkeypatch.setattr(keras.Model, "fit", lambda model, *args, **kwargs: made.append(model.steps_per_execution))
    with pytest.raises(AttributeError):  # this `fit` returns no history, and no epoch was timed
        bench_worker.time_recipe(RECIPE, "smoke", variant, BACKEND, seconds=0)
    assert made == [steps]


@pytest.mark.usefixtures("wide_arrays")
@pytest.mark.skipif(not HAS_NATIVE, reason="natives are in JAX and in PyTorch")
def test_a_fault_in_a_native_reaches_the_verdict(tmp_path, monkeypatch):
    from backends_matrix import same_training

    training = importlib.import_module(f"backends_matrix.native.{BACKEND}_training")
    monkeypatch.setattr(training, "EPSILON", 1e-6)
    same_training.main([RECIPE, "--preset", "smoke", "--folder", str(tmp_path)])
    verdict = json.loads((tmp_path / f"native-{BACKEND}.json").read_text())
    assert verdict["counts"] is False
    assert verdict["difference"] > verdict["limit"]


def test_a_gpu_is_named(monkeypatch):
    rows = rows_of([found(2.0, device="Some GPU", device_memory_mb=12.0)], {})
    report = {
        "preset": "bench",
        "threads": 2,
        "rounds": 1,
        "rows": rows,
        "made_with": made_with([found(2.0, device="Some GPU")]),
    }
    assert "torch (Some GPU)" in markdown(report)
    assert "torch on Some GPU: keras 3" in markdown(report)
    assert rows[0]["device_memory_mb"] == 12.0


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--rounds", "0"], "--rounds"), (["--threads", "0"], "--threads"), (["--python", "torch"], "BACKEND=PATH")],
)
def test_bad_options_are_refused(options, message, capsys):
    with pytest.raises(SystemExit):
        bench.main(options)
    assert message in capsys.readouterr().err


def test_what_fails_is_shown(capsys):
    with pytest.raises(Exception, match="returned non-zero exit status"):
        run_module("bench_worker", ["none_such"], {**os.environ, "KERAS_BACKEND": BACKEND})
    assert "usage" in capsys.readouterr().out


def test_the_first_step_is_what_the_first_epoch_takes_more():
    clock = bench_worker.Clock(BACKEND, seconds=0.0)
    clock.times = [0.0, 10.0, 11.0, 12.0]
    assert clock.summary(steps=10)["first_step_s"] == pytest.approx(10 - 9 * 0.1)
    assert clock.summary(steps=10)["step_ms"] == pytest.approx(100)
    assert clock.summary(steps=10)["epochs_timed"] == 2
