"""The matrix as its user runs it: processes, bundles, report, exit status."""

import json

import keras
import numpy as np
import pytest

from backends_matrix.__main__ import main
from backends_matrix.bundle import Bundle, read_bundles
from backends_matrix.judge_checkpoints import ALL_LEVELS
from keras_recipes.copying import recipe_names

if keras.config.backend() != "torch":  # where nothing is compiled
    pytest.skip("processes and files, the same on every backend: one is enough", allow_module_level=True)

RECIPE, BACKEND = "collaborative_filtering", keras.config.backend()


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Bundles and checkpoints of a recipe on this backend, and its twins under another name."""
    folder = tmp_path_factory.mktemp("matrix")
    arguments = ["--backends", BACKEND, "--recipes", RECIPE, "--folder", str(folder)]
    assert main(["run", *arguments, "--twins", "1"]) == 0
    assert main(["resume", *arguments]) == 0
    for bundle in read_bundles(folder):
        for about in twins_of(bundle.about):
            Bundle(about, bundle.arrays).write(folder)
    return folder


def twins_of(about):
    """The same about a second backend, and about checkpoints that went from one to the other."""
    if "source" not in about:
        return [{**about, "backend": "other"}]
    other, resumed = "other-cpu", about["precision"].startswith("resumed")
    twins = [("other", other), ("other", about["source"]), (BACKEND, other)] if resumed else [("other", other)]
    return [
        {**about, "backend": backend, "source": source, "precision": f"resumed-{source}" if resumed else "checkpoint"}
        for backend, source in twins
    ]


def compare(folder, *more, recipes=(RECIPE,)):
    return main(["compare", "--folder", str(folder), "--recipes", *recipes, *more])


def test_all_agree_and_the_report_says_so(ran, capsys):
    assert compare(ran) == 0
    printed = capsys.readouterr().out
    assert "All levels agree." in printed
    report = (ran / "report.md").read_text(encoding="utf-8")
    for level in ALL_LEVELS:
        assert level.name in printed
        assert f"| {RECIPE} | smoke | {level.name} | " in report
    assert keras.__version__ in report
    found = json.loads((ran / "report.json").read_text())
    assert all(finding["agrees"] for finding in found["agreement"])
    presets = {finding["preset"] for finding in found["agreement"]}
    assert {"smoke", "smoke-mlp"} <= presets
    assert found["kind"] == "matrix"
    assert [level["name"] for level in found["levels"]] == [level.name for level in ALL_LEVELS]
    assert {entry["backend"] for entry in found["made_with"]} == {keras.config.backend(), "other"}
    assert sum(entry["compared"] for entry in found["agreement"]) > len(found["agreement"])
    curves = [(curve["preset"], curve["backend"]) for curve in found["curves"]]
    assert len(curves) == len(set(curves)) == 2
    assert all(len(curve["loss"]) > 20 for curve in found["curves"])


def test_a_disagreement_is_named_and_fails(ran, capsys, tmp_path):
    for bundle in read_bundles(ran):
        if (bundle.label, bundle.about["preset"], bundle.about["precision"]) == ("other", "smoke", "float64"):
            bundle.arrays["weights@20/item/embeddings"][3, 1] += 0.125
        bundle.write(tmp_path)
    assert compare(tmp_path) == 1
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if "disagree on" in line]
    for part in (
        RECIPE,
        "smoke",
        "float64 20 steps",
        keras.config.backend(),
        "other",
        "weights@20/item/embeddings[3, 1]",
    ):
        assert part in line
    assert "✗" in (tmp_path / "report.md").read_text(encoding="utf-8")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The numbers disagree in" in page
    assert "weights@20/item/embeddings[3, 1]" in page

    known = tmp_path / "known.toml"
    entry = {"recipe": RECIPE, "preset": "smoke", "backend": "other", "level": "float64 20 steps"}
    entry |= {"array": "weights@20/item/*", "reason": "planted", "reproduction": "this test"}
    known.write_text(
        "[[difference]]\nlimit = 1000.0\n" + "".join(f'{name} = "{text}"\n' for name, text in entry.items())
    )
    assert compare(tmp_path, "--known", str(known)) == 0
    assert "(known)" in capsys.readouterr().out
    assert compare(ran, "--known", str(known)) == 1
    assert "Not needed in" in capsys.readouterr().out


def test_what_did_not_run_is_no_agreement(ran, capsys, tmp_path):
    assert compare(tmp_path) == 2
    bundles = read_bundles(ran)
    for bundle in bundles:
        if bundle.about["precision"] == "float32":
            bundle.write(tmp_path / "half")
    assert compare(tmp_path / "half") == 2
    one = tmp_path / "one"
    for bundle in bundles:
        if bundle.label != "other":
            bundle.write(one)
    assert compare(one) == 2
    assert "Nothing from a second backend" in capsys.readouterr().out
    next(bundle for bundle in bundles if bundle.label == "other").write(one)
    assert compare(one) == 2
    assert "Nothing from other" in capsys.readouterr().out
    assert compare(ran, "--backends", "missing") == 2
    assert "Nothing from missing" in capsys.readouterr().out
    assert compare(ran, recipes=recipe_names()) == 2
    assert "Nothing from any backend" in capsys.readouterr().out


def test_a_recipe_that_fails_is_shown(tmp_path, capsys):
    with pytest.raises(Exception, match="returned non-zero exit status"):
        main(
            [
                "run",
                "--backends",
                keras.config.backend(),
                "--recipes",
                "none_such",
                "--folder",
                str(tmp_path),
                "--jobs",
                "1",
            ]
        )
    assert "No module named 'recipes.none_such'" in capsys.readouterr().out


def test_worst_numbers_survive_in_the_table():
    from backends_matrix.judge import Finding
    from backends_matrix.report import agreement_rows, describe, text_table

    good = Finding("r", "smoke", "float32 loss", "loss/loss", ("a", "b"), 1.25, 8.0, "")
    bad = Finding("r", "smoke", "float32 loss", "loss/mae", ("b", "c"), np.inf, 8.0, "loss/mae[] 1.0 and nan")
    rows = agreement_rows([good, bad], [bad], [])
    assert rows[1:] == [["r", "smoke", "float32 loss", "1.2 U", "✗ inf U", "✗ inf U"]]
    assert "float32 loss" in text_table(rows)
    assert (
        describe(bad) == "r smoke, float32 loss: b and c disagree on loss/mae: inf, at most 8; loss/mae[] 1.0 and nan"
    )
