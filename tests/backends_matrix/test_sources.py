"""What has changed runs again, and what has not changed does not, but in turn."""

import json

import keras
import pytest

from backends_matrix import __main__ as matrix
from backends_matrix import sources
from backends_matrix.readme import MARKS
from backends_matrix.report import MADE_WITH
from keras_recipes.backend import backends
from keras_recipes.copying import recipe_names
from keras_recipes.copying.discovery import PACKAGE
from tests.backends_matrix import result_samples

if keras.config.backend() != "torch":
    pytest.skip("files, the same on every backend: one is enough", allow_module_level=True)

NAMES = recipe_names()


@pytest.fixture
def results(tmp_path):
    """Results of all recipes as they are now."""
    agreement = [{"recipe": name, "pair": [backend, backend]} for name in NAMES for backend in backends()]
    path = tmp_path / "matrix.json"
    path.write_text(json.dumps({"sources": {name: sources.digest(name) for name in NAMES}, "agreement": agreement}))
    return path


def rewritten(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def test_without_results_all_recipes_have_changed(tmp_path):
    assert sources.changed(NAMES, tmp_path / "none.json") == (NAMES, [])


def test_one_recipe_that_has_not_changed_runs_in_turn(results):
    stale, (one,) = sources.changed(NAMES, results)
    assert stale == []
    assert one in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_has_changed_runs_and_one_other(results, name):
    def change(content):
        content["sources"][name] = "another"

    stale, (other,) = sources.changed(NAMES, rewritten(results, change))
    assert stale == [name]
    assert other != name


def test_a_backend_without_results_is_a_change(results):
    def change(content):
        content["agreement"] = [
            entry for entry in content["agreement"] if entry != {"recipe": "vae", "pair": ["jax"] * 2}
        ]

    assert sources.changed(NAMES, rewritten(results, change))[0] == ["vae"]


def test_the_command_runs_what_has_changed_and_the_main_preset_in_turn(monkeypatch, tmp_path, capsys):
    ran = []
    monkeypatch.setattr(matrix, "run_module", lambda *call: ran.append(call))
    monkeypatch.setattr(matrix, "changed", lambda recipes: (recipes[1:2], recipes[2:3]))
    for action in ("run", "resume"):
        assert matrix.main([action, "--changed", "--python", "torch=a", "--folder", str(tmp_path)]) == 0
    computed = [(arguments[0], "--presets" in arguments) for module, arguments, *_ in ran if module == "worker"]
    assert set(computed) == {(NAMES[1], False), (NAMES[2], True)}
    assert {arguments[0] for module, arguments, *_ in ran if module == "checkpoints"} == set(NAMES[1:3])
    assert all(arguments[-2:] == ["--presets", "smoke"] for _, arguments, *_ in ran if "--presets" in arguments)
    told = f"Changed since the committed results: {NAMES[1]}\nIn turn, its main preset: {NAMES[2]}\n"
    assert capsys.readouterr().out.startswith(told)


def test_only_a_comparison_of_all_recipes_becomes_the_committed_results(tmp_path):
    folder, results, readme = tmp_path / "matrix", tmp_path / "results", tmp_path / "README.md"
    readme.write_text("".join(MARKS))
    for name in (folder, results):
        name.mkdir()
    (folder / "report.md").write_text("head\n\n|---|\n" + "".join(f"| {name} | old |\n" for name in NAMES) + "\ntail\n")
    report = result_samples.matrix(NAMES) | {"sources": dict.fromkeys(NAMES[1:], "digest")}
    (folder / "report.json").write_text(json.dumps(report))
    assert matrix.collect(folder, NAMES, results, readme) == 2
    assert not list(results.iterdir())
    report["sources"][NAMES[0]] = "digest"
    (folder / "report.json").write_text(json.dumps(report))
    assert matrix.collect(folder, NAMES, results, readme) == 0
    assert {path.name for path in results.iterdir()} == {"matrix.json", "matrix.md", "report.html"}
    assert all(f"| {name} |" in readme.read_text() for name in NAMES)


def test_a_comparison_of_some_recipes_takes_their_places(tmp_path):
    folder, results, readme = tmp_path / "matrix", tmp_path / "results", tmp_path / "README.md"
    readme.write_text("".join(MARKS))
    old = result_samples.matrix(NAMES) | {"sources": dict.fromkeys(NAMES, "old")}
    new = result_samples.matrix(NAMES[1:2]) | {"sources": {NAMES[1]: "new"}}
    new["made_with"] = result_samples.made_with(processor="Another CPU")
    for place, report, word in ((folder, old, "old"), (folder, new, "new")):
        rows = "".join(f"| {name} | smoke | {word} |\n" for name in report["sources"])
        place.mkdir(exist_ok=True)
        (place / "report.json").write_text(json.dumps(report))
        (place / "report.md").write_text(f"{word}\n\n|---|\n{rows}\ntail\n\n{MADE_WITH}\n\n- {word}\n")
        assert matrix.collect(folder, NAMES, results, readme) == 0
    found = json.loads((results / "matrix.json").read_text())
    assert found["sources"] == dict.fromkeys(NAMES, "old") | {NAMES[1]: "new"}
    assert [entry["recipe"] for entry in found["agreement"]] == sorted(entry["recipe"] for entry in old["agreement"])
    words = ["new" if name == NAMES[1] else "old" for name in sorted(NAMES)]
    rows = [f"| {name} | smoke | {word} |" for name, word in zip(sorted(NAMES), words, strict=True)]
    text, _, machines = (results / "matrix.md").read_text().partition(MADE_WITH)
    assert text.split("\n") == ["new", "", "|---|", *rows, "", "tail", "", ""]
    assert [machines.count(processor) for processor in ("Another CPU", "Sample CPU")] == [3, 3]


def digests_with(monkeypatch, path, old, new):
    """The digests of all recipes, were there another text in a file."""
    read = type(path).read_text
    monkeypatch.setattr(
        type(path), "read_text", lambda p, **options: read(p, **options).replace(*edits.get(p, ("", "")))
    )
    edits = {path: (old, new)}
    assert old in read(path)
    for cached in (sources.digest, sources.worker_files):
        cached.cache_clear()
    found = {name: sources.digest(name) for name in NAMES}
    for cached in (sources.digest, sources.worker_files):
        cached.cache_clear()
    return found


@pytest.mark.parametrize(
    ("file", "edit", "users"),
    [
        ("gan_networks.py", ("layers.Dense(", "layers.Dense(units="), ["gan"]),
        ("translation_networks.py", ('"reflect"', '"symmetric"'), ["cyclegan"]),
        ("losses/adversarial.py", ("ops.mean(", "ops.sum("), ["cyclegan", "gan"]),
        ("training/saving.py", ("STATE_VERSION = 1", "STATE_VERSION = 2"), NAMES),
        ("translation_networks.py", ('"""Images that go on', '"""Pictures that go on'), []),  # a docstring
        ("translation_networks.py", ("# precision", "# accuracy"), []),  # a comment
        ("../constraints.txt", ("numpy==", "numpy==9"), NAMES),
        ("../constraints.txt", ("ruff==", "ruff==9"), []),  # which computes nothing
        ("../constraints.txt", ("# The versions", "# Versions"), []),
    ],
)
def test_a_change_concerns_those_that_use_it(monkeypatch, file, edit, users):
    before = {name: sources.digest(name) for name in NAMES}
    after = digests_with(monkeypatch, (PACKAGE / file).resolve(), *edit)
    assert [name for name in NAMES if before[name] != after[name]] == users


def test_the_matrix_itself_counts_but_not_its_pages():
    names = {path.relative_to(sources.ROOT).as_posix() for path in sources.worker_files()}
    assert names >= {"backends_matrix/judge.py", "backends_matrix/threefry.py", "keras_recipes/training/fit.py"}
    assert not any("page" in name or "report" in name for name in names)
