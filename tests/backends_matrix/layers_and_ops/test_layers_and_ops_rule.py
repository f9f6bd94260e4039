"""The rules, on planted numbers; every rule must be able to say no."""

import json

import numpy as np
import pytest

from backends_matrix.bundle import Bundle
from backends_matrix.layers_and_ops.__main__ import main
from backends_matrix.layers_and_ops.known import Difference, excuse, read_known
from backends_matrix.layers_and_ops.rule import apart, compare

UNIT = 1e-5
ENTRY = Difference(
    "title", "wrong", ["torch"], "happens", "instead", [], ["Planted"], ["forward"], ["float64"], 1.0, "code",
    {"jax": "1", "tensorflow": "1", "torch": "2"},
)  # fmt: skip


def bundle(backend, precision, forward=(1.0, -2.0), errors=(), exact=False):
    arrays = {"Planted/forward/0": np.array(forward)} if not errors else {}
    about = {
        "recipe": "cases", "preset": "all", "backend": backend, "device": "cpu", "precision": precision,
        "environment": {"keras": "3"}, "ulp": {"Planted/forward/0": UNIT}, "errors": dict(errors),
        "cases": {"Planted": {"group": "planted", "exact": exact}},
    }  # fmt: skip
    return Bundle(about, arrays)


def of_backends(precision, *arrays, **options):
    names = ("jax", "tensorflow", "torch")
    return [bundle(name, precision, array, **options) for name, array in zip(names, arrays, strict=False)]


def judged(precision, *arrays, **options):
    (found,) = compare(of_backends(precision, *arrays, **options))
    return found


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_equal_numbers_agree(precision):
    assert judged(precision, (1.0, 2.0), (1.0, 2.0), (1.0, 2.0)).agrees


@pytest.mark.parametrize(
    ("precision", "off", "agrees"),
    [
        ("float64", 1e-9, True), ("float64", 3e-9, False), ("float32", 7.9 * UNIT, True),
        ("float32", 8.1 * UNIT, False),
    ],
)  # fmt: skip
def test_differences_are_judged_by_the_rule_of_the_precision(precision, off, agrees):
    found = judged(precision, (1.0, 2.0), (1.0, 2.0), (1.0, 2.0 + off))
    assert found.agrees == agrees
    assert list(found.groups) == ([] if agrees else [("jax", "torch"), ("tensorflow", "torch")])


def test_what_is_drawn_is_equal_to_the_bit():
    assert not judged("float32", (1.0, 2.0), (1.0, np.nextafter(2.0, 3)), exact=True).agrees


def test_the_same_nan_and_infinities_agree_and_others_do_not():
    special = (np.nan, np.inf, 1.0)
    assert judged("float64", special, special).agrees
    for other in ((np.nan, -np.inf, 1.0), (0.0, np.inf, 1.0), (np.nan, 1e300, 1.0), (np.nan, np.inf, 1.1)):
        assert not judged("float64", special, other).agrees
    assert apart("x", np.zeros(2), np.zeros(3)).size == np.inf


def test_one_that_raises_differs_and_so_do_all_that_raise():
    raising = bundle("torch", "float32", errors={"Planted/forward": "TypeError: no"})
    (found,) = compare([bundle("jax", "float32"), bundle("tensorflow", "float32"), raising])
    assert list(found.groups) == [("jax", "torch"), ("tensorflow", "torch")]
    assert "TypeError: no" in found.note
    (found,) = compare([bundle(name, "float32", errors={"Planted/forward": "E"}) for name in ("jax", "torch")])
    assert not found.agrees  # a broken case shows nothing


@pytest.mark.parametrize(("off", "agrees"), [(4 * 2.0**-8, True), (4.1 * 2.0**-8, False)])
def test_bfloat16_is_judged_by_its_distance_to_the_truth(off, agrees):
    rounded = of_backends("bfloat16", (1.0, 0.5), (1.0, 0.5), (1.0 - off, 0.5))
    truth = of_backends("truth", (1.0, 0.5), (1.0, 0.5), (1.0, 0.5))
    (found,) = compare(rounded + truth)
    assert list(found.groups) == ([] if agrees else [("torch",)])
    (found,) = compare(rounded)  # without the truth there is nothing to judge by
    assert not found.agrees


def test_where_all_are_far_from_the_truth_none_is_off():
    rounded = of_backends("bfloat16", (1.5, 0.5), (1.4, 0.5), (1.6, 0.5))
    assert compare(rounded + of_backends("truth", (1.0, 0.5), (1.0, 0.5), (1.0, 0.5)))[0].agrees


def test_a_known_difference_is_excused_and_nothing_else():
    off = compare(of_backends("float64", (1.0, 2.0), (1.0, 2.0), (1.0, 3.0)))
    assert excuse(off, [ENTRY]) == ([], off, [])
    for entry in (
        ENTRY._replace(backends=["jax"]), ENTRY._replace(quantities=["gradient"]), ENTRY._replace(how_far=0.1),
        ENTRY._replace(precisions=["float32"]), ENTRY._replace(cases=["Planted", "Other"], backends=["jax"]),
    ):  # fmt: skip
        assert excuse(off, [entry])[0] == off
    three_ways = compare(of_backends("float64", (1.0, 2.0), (1.0, 2.5), (1.0, 3.0)))
    assert excuse(three_ways, [ENTRY])[0] == three_ways
    assert excuse(three_ways, [ENTRY, ENTRY._replace(backends=["jax"])])[1] == three_ways  # two entries, one finding


def test_each_part_of_an_entry_must_be_needed():
    off = compare(of_backends("float64", (1.0, 2.0), (1.0, 2.0), (1.0, 3.0)))
    fine = compare(of_backends("float64", (1.0, 2.0), (1.0, 2.0), (1.0, 2.0)))
    assert excuse(fine, [ENTRY])[2] == ["title: 'Planted'", "title: 'forward'", "title: 'float64'", "title: 'torch'"]
    assert excuse(off, [ENTRY._replace(backends=["torch", "jax"])])[2]
    assert excuse(off, [ENTRY._replace(quantities=["forward", "gradient"])])[2] == ["title: 'gradient'"]
    assert excuse(off, [ENTRY._replace(cases=["Planted", "Gone"])])[2] == ["title: no case is called 'Gone'"]
    assert excuse(fine, [ENTRY._replace(cases=[])])[2] == []
    assert excuse(compare(of_backends("float64", (1.0,), (1.0,))), [ENTRY])[2] == []  # torch was not there


def test_the_file_is_complete():
    known = read_known()
    assert len({entry.title for entry in known}) == len(known)
    for entry in known:
        assert entry.backends
        assert set(entry.prints) == {"jax", "tensorflow", "torch"}
        assert bool(entry.cases) == bool(entry.quantities) == bool(entry.precisions) == bool(entry.how_far)


def test_an_entry_that_lacks_a_field_is_refused(tmp_path):
    path = tmp_path / "known.toml"
    path.write_text('[[difference]]\ntitle = "x"\nprints = {}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="an entry must fill the fields title, severity"):
        read_known(path)


def test_the_command_compares_and_reports(tmp_path, capsys):
    known = tmp_path / "known.toml"
    known.write_text("", encoding="utf-8")

    def status(torch):
        for precision in ("float64", "float32", "bfloat16", "truth"):
            for one in of_backends(precision, (1.0, 2.0), (1.0, 2.0), torch):
                one.write(tmp_path)
        return main(["compare", "--folder", str(tmp_path), "--known", str(known)])

    assert main(["compare", "--folder", str(tmp_path), "--known", str(known)]) == 2
    assert status((1.0, 2.0)) == 0
    assert status((1.0, 2.1)) == 1
    assert "✗ Planted, forward in float64: jax and torch, tensorflow and torch" in capsys.readouterr().out
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["kind"] == "layers_and_ops"
    assert {case["precision"]: case["agrees"] for case in data["cases"]} == {
        "float64": False, "float32": False, "bfloat16": True,  # it is as far from the truth as the others
    }  # fmt: skip
    assert main(["compare", "--folder", str(tmp_path), "--known", str(known), "--backends", "other"]) == 2
