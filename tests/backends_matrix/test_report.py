"""Result files as inputs: reading, merging, and the table of README.md."""

import json
from pathlib import Path

import pytest

from backends_matrix.__main__ import main
from backends_matrix.full import README, RESULTS
from backends_matrix.page.draw import Linear, Logarithmic, digits, polyline, short, ticks
from backends_matrix.page.inputs import labels, made_with, merge, read_results
from backends_matrix.readme import MARKS, table, with_table
from tests.backends_matrix.result_samples import bench, layers_and_ops, matrix, with_trouble
from tests.backends_matrix.result_samples import made_with as sample_made_with


def named(*documents):
    return [(f"file{place}.json", document) for place, document in enumerate(documents)]


def write(folder, *documents):
    paths = [folder / f"file{place}.json" for place in range(len(documents))]
    for path, document in zip(paths, documents, strict=True):
        path.write_text(json.dumps(document))
    return [str(path) for path in paths]


def test_machines_and_devices_add_up():
    results = merge(named(matrix(), matrix(device="H200"), bench(), bench(device="H200")))
    assert len(results.matrix["agreement"]) == 2 * len(matrix()["agreement"])
    assert len(results.matrix["curves"]) == 2 * len(matrix()["curves"])
    assert len(results.matrix["levels"]) == len(matrix()["levels"])
    assert len(results.bench["rows"]) == 2 * len(bench()["rows"])
    assert len(made_with(results)) == 6
    assert labels(results)[:4] == ["jax", "tensorflow", "torch", "jax (H200)"]
    assert results.layers_and_ops is None


def test_of_the_same_measurement_the_later_file_counts():
    wrong, _, _ = with_trouble()
    assert merge(named(matrix(), wrong)).matrix["disagreements"] == wrong["disagreements"]
    better = merge(named(wrong, matrix())).matrix
    assert better["disagreements"] == better["known"] == []
    assert better["agreement"] == matrix()["agreement"]
    other = matrix(recipes=("diffusion",))
    kept = merge(named(wrong, other)).matrix
    assert kept["disagreements"] == wrong["disagreements"]
    assert kept["not_needed"] == wrong["not_needed"]
    slow = bench()
    slow["rows"][0]["step_ms"] = 77.0
    slow["threads"] = 2
    rows = merge(named(bench(), slow)).bench["rows"]
    assert (rows[0]["step_ms"], rows[0]["threads"]) == (77.0, 2)
    assert len(rows) == len(bench()["rows"])


def test_cases_of_more_backends_are_united():
    others = layers_and_ops(backends=("jax (H200)",))
    others["cases"][2]["agrees"] = False
    case = merge(named(layers_and_ops(), others)).layers_and_ops["cases"][2]
    assert set(case["measured"]) == {"jax", "tensorflow", "torch", "jax (H200)"}
    assert not case["agrees"]
    assert not merge(named(others, layers_and_ops())).layers_and_ops["cases"][2]["agrees"]
    again = merge(named(others, layers_and_ops(backends=("jax (H200)",)))).layers_and_ops["cases"][2]
    assert again["agrees"]


def test_made_with_has_no_repeats():
    assert made_with(merge(named(matrix(), bench()))) == sample_made_with()


@pytest.mark.parametrize("content", ["", "[1]", '{"kind": "weather"}', '{"levels": []}', None])
def test_other_files_are_refused(content, tmp_path, capsys):
    path = tmp_path / "odd.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=r"odd\.json.*received"):
        read_results([path])
    output = tmp_path / "page.html"
    assert main(["report", str(path), "--output", str(output)]) == 2
    assert "odd.json" in capsys.readouterr().out
    assert not output.exists()


def test_the_command_writes_page_and_table(tmp_path, capsys):
    files = write(tmp_path, *with_trouble())
    output, readme = tmp_path / "deep" / "page.html", tmp_path / "README.md"
    readme.write_text(f"before\n{MARKS[0]}old\n{MARKS[1]}\nafter\n")
    assert main(["report", *files, "--output", str(output), "--readme", str(readme)]) == 0
    assert str(output) in capsys.readouterr().out
    assert output.read_text(encoding="utf-8").startswith("<!doctype html>")
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{MARKS[0]}| recipe |")
    assert text.endswith(f"|\n{MARKS[1]}\nafter\n")
    assert "old" not in text
    assert main(["report", "--output", str(output), *files]) == 0  # options may stand before the files


def test_a_readme_without_marks_stays(tmp_path, capsys):
    files = write(tmp_path, matrix(), bench())
    output, readme = tmp_path / "page.html", tmp_path / "README.md"
    readme.write_text("mine\n")
    assert main(["report", *files, "--output", str(output), "--readme", str(readme)]) == 2
    assert "must be one with" in capsys.readouterr().out
    assert readme.read_text() == "mine\n"
    assert not output.exists()
    readme.write_text("".join(MARKS))
    assert main(["report", files[1], "--output", str(output), "--readme", str(readme)]) == 2
    assert "kind 'matrix'" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["report"], ["compare", "a.json"], ["run", "a.json"]])
def test_only_report_takes_files(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert "takes the names of JSON files" in capsys.readouterr().err


def test_the_table_of_the_readme():
    rows = table(merge(named(*with_trouble())))
    assert rows[0] == ["recipe", "", "jax", "tensorflow", "torch"]
    cell = "2.5 U of 8 U, float32 5 steps"
    assert rows[1] == ["autoencoder", "worst of all levels", cell, cell, cell]
    assert rows[2] == ["autoencoder", "step, native = 1", "1.30 unstable", "1.30", "native's losses differ"]
    assert rows[3][2] == "2e-4 of 1e-9 ✗, float64 gradient"
    assert rows[3][3] == "∞ of 8 U (known), float32 5 steps"
    assert len(rows) == 5
    times = bench(backends=("jax",))
    del times["rows"][3]
    times["rows"][1]["ratio_to_native"] = None
    assert table(merge(named(matrix(), times)))[2][2:] == ["no native", "not measured", "not measured"]
    times = bench()
    times["rows"] = times["rows"][:2]
    rows = table(merge(named(matrix(), times)))
    assert rows[2][2:] == ["1.30", "not measured", "not measured"]
    assert len(table(merge(named(matrix())))) == 3


def test_readme_shows_the_committed_results():
    text = README.read_text(encoding="utf-8")
    paths = sorted(RESULTS.glob("*.json"))
    current = all("kind" in json.loads(path.read_text(encoding="utf-8")) for path in paths)
    if not current or MARKS[0] not in text:
        pytest.skip("README.md has no table of the matrix yet")
    assert with_table(text, read_results(paths)) == text


def test_scales_ticks_and_numbers():
    scale = Linear(0, 10, 100, 200)
    assert [scale(v) for v in (-1, 0, 5, 10, 11)] == [100, 100, 150, 200, 200]
    assert Linear(3, 3, 0, 10)(3) == 5
    scale = Logarithmic(1e-8, 1e2, 0, 100)
    assert [round(scale(v)) for v in (0, 1e-9, 1e-8, 1, 1e9, float("inf"))] == [0, 0, 0, 80, 100, 100]
    assert ticks(0, 10) == [0, 5, 10]
    assert [round(v, 3) for v in ticks(0.11, 0.52)] == [0.2, 0.4]
    assert ticks(2, 2) == [2]
    assert [short(v) for v in (0, 1234567, 0.00012, 1.5, 20.0, 0.25, float("inf"))] == [
        "0", "1e6", "1e-4", "1.5", "20", "0.25", "inf",
    ]  # fmt: skip
    assert [digits(v) for v in (0, 12, 1.7, 0.858, 1234)] == ["0", "12.0", "1.70", "0.858", "1234"]
    assert polyline([(0, 1), (1, float("nan")), (2, 3)], "x").count("<path") == 2


def test_styles_and_templates_are_there():
    assert Path(RESULTS.parent, "page", "page.css").exists()
