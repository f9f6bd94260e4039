"""What a step costs as a table grows: measured in processes, told in the guide."""

import json
import sys

import keras
import pytest

from backends_matrix import table_size

BACKEND = keras.config.backend()


def test_what_is_told_is_what_was_measured():
    report = json.loads((table_size.RESULTS / "embeddings" / "table_size.json").read_text(encoding="utf-8"))
    text = table_size.DOCS.read_text(encoding="utf-8")
    assert table_size.with_table(text, report) == text
    assert {row["backend"] for row in report["rows"]} == {"jax", "tensorflow", "torch"}


@pytest.mark.skipif(BACKEND != "torch", reason="processes and files, the same on every backend: one is enough")
def test_runs_and_collects(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(table_size, "RESULTS", tmp_path)
    monkeypatch.setattr(table_size, "DOCS", tmp_path / "guide.md")
    (tmp_path / "guide.md").write_text("above\n" + "".join(table_size.MARKS) + "\nbelow\n")
    options = ["--folder", str(tmp_path / "runs")]
    run = ["run", "--python", f"torch={sys.executable}", "--sizes", "50", "500", "--rounds", "1", *options]
    table_size.main(run)
    assert "| torch, `native` |" in capsys.readouterr().out
    table_size.main(["collect", *options])
    report = json.loads((tmp_path / "embeddings" / "table_size.json").read_text(encoding="utf-8"))
    assert [(row["variant"], row["rows"]) for row in report["rows"]] == [
        (variant, rows) for variant in ("rows", "whole", "native") for rows in (50, 500)
    ]
    assert all(row["step_ms"] > 0 and row["memory_mb"] > 50 for row in report["rows"])
    text = (tmp_path / "guide.md").read_text()
    assert text.startswith("above\n")
    assert "500 rows" in text


@pytest.mark.skipif(BACKEND != "torch", reason="environment variables, the same on every backend: one is enough")
def test_threads_are_limited_by_none_but_the_reader(monkeypatch):
    for name in table_size.LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    variables = table_size.with_own_threads("tensorflow")
    assert {name: variables[name] for name in table_size.LIMITS & set(variables)} == {"TF_NUM_INTRAOP_THREADS": "3"}
    assert variables["KERAS_BACKEND"] == "tensorflow"


@pytest.mark.parametrize("variant", ["rows", "whole"])
def test_times_a_variant(variant, monkeypatch):
    monkeypatch.setattr(table_size, "BATCH", 8)
    monkeypatch.setitem(table_size.STEPS, variant, 2)
    assert table_size.measured(variant, 100)["step_ms"] > 0
