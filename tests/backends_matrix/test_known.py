import importlib

import pytest

from backends_matrix.judge import Finding
from backends_matrix.known import KNOWN_DIFFERENCES, Difference, excuse, read_known

ENTRY = Difference("vae", "smoke", "torch", "float32 gradient", "gradient/conv*", 20.0, "why", "how")


def finding(measured, name="gradient/conv1/kernel", pair=("jax", "torch"), level="float32 gradient"):
    return Finding("vae", "smoke", level, name, pair, measured, 8.0, "")


def test_only_what_is_listed_is_excused():
    listed, worse = finding(15.0), finding(25.0)
    elsewhere = [finding(15.0, name="gradient/dense/kernel"), finding(15.0, pair=("jax", "tensorflow"))]
    elsewhere += [finding(15.0, level="float32 loss")]
    disagreements, excused, unneeded = excuse([finding(3.0), listed, worse, *elsewhere], [ENTRY])
    assert excused == [listed]
    assert disagreements == [worse, *elsewhere]
    assert unneeded == []


def test_an_entry_that_excuses_nothing_is_reported():
    assert excuse([finding(3.0)], [ENTRY]) == ([], [], [ENTRY])
    assert excuse([finding(25.0)], [ENTRY])[2] == [ENTRY]


@pytest.mark.parametrize("place", [{"recipe": "other"}, {"preset": "smoke-conditional"}])
def test_an_entry_is_needed_only_where_its_preset_is_compared(place):
    assert excuse([finding(3.0)._replace(**place)], [ENTRY]) == ([], [], [])


def test_entries_are_of_presets_that_there_are():
    for entry in read_known(KNOWN_DIFFERENCES):
        assert entry.preset in importlib.import_module(f"recipes.{entry.recipe}").PRESETS


def test_a_backend_on_a_gpu_is_covered_too():
    assert excuse([finding(15.0, pair=("jax", "torch (NVIDIA H100)"))], [ENTRY])[0] == []


def test_the_file_is_read_and_its_entries_are_complete(tmp_path):
    assert all(entry.reason and entry.reproduction for entry in read_known(KNOWN_DIFFERENCES))
    fields = "".join(f"{name} = {value!r}\n".replace("'", '"') for name, value in ENTRY._asdict().items())
    path = tmp_path / "known.toml"
    path.write_text(f"[[difference]]\n{fields}")
    assert read_known(path) == [ENTRY]
    for broken in (fields.replace('reason = "why"\n', ""), fields.replace('"how"', '""'), fields + "more = 1\n"):
        path.write_text(f"[[difference]]\n{broken}", encoding="utf-8")
        with pytest.raises(ValueError, match="an entry must fill the fields recipe, preset"):
            read_known(path)
    for broken in (fields.replace("20.0", '"20"'), fields.replace("20.0", "inf"), fields.replace("float32 g", "g")):
        path.write_text(f"[[difference]]\n{broken}", encoding="utf-8")
        with pytest.raises(ValueError, match="`level` must be a row of the table and `limit` a finite number"):
            read_known(path)
