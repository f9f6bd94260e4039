"""The report as a page: what it says, and that it is whole, readable by machines, and loads nothing."""

import re
from html.parser import HTMLParser

import pytest

from backends_matrix.page.build import page
from backends_matrix.page.cells import cells
from backends_matrix.page.markup import VOID, tag
from tests.backends_matrix.result_samples import bench, layers_and_ops, matrix, with_trouble


class Reader(HTMLParser):
    """Collects elements, their attributes and text; an element that is closed wrongly is an error."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(html)
        self.text = " ".join(self.text.split())
        assert not self.open

    def handle_starttag(self, name, attributes):
        assert len({key for key, _ in attributes}) == len(attributes), attributes
        self.elements.append((name, dict(attributes), tuple(self.open)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += f" {data} "

    def all(self, name):
        return [attributes for element, attributes, _ in self.elements if element == name]


def render(*documents):
    return page([(f"file{place}.json", document) for place, document in enumerate(documents)])


@pytest.fixture(scope="module")
def good():
    return Reader(render(matrix(), bench(), layers_and_ops()))


@pytest.fixture(scope="module")
def bad():
    return Reader(render(*with_trouble()))


def test_the_verdict_comes_first(good):
    says = good.text[: good.text.index("Where they agree")]
    for part in (
        "The numbers agree on jax, tensorflow and torch",
        "2 recipes in 4 presets",
        "jax 9.8.7",
        "Keras 3.15.1",
        "720 pairs of arrays, 720 within their limits",
        "60 cases, 0 known differences, 0 disagreements",
        "jax 1.30",
        "any GPU",
    ):
        assert part in says, part
    for row in (
        "equal to the bit 0 Share of the limit 0 no difference",
        "float64 0.003 %",
        "float32, first steps 31 %",
        "float32, trained 5 %",
        "bfloat16 30 %",
        "shared draws 0",
    ):
        assert row in says, row
    assert ("section", "good") in [(name, attributes.get("class")) for name, attributes, _ in good.elements]


def test_each_trouble_is_told(bad):
    says = bad.text[: bad.text.index("Where they agree")]
    assert "The numbers disagree in 1 of 144 cells" in says
    assert "✗ beyond it" in says
    assert "known, beyond it" in says
    for part in (
        "✗ 2e-4", "known ∞", "w[3, 1] 1.0 and 2.0", "w[7] 1.0 and nan", "fixed upstream long ago",
        "not counted", "not measured", "✗ disagrees", "log_softmax", "layer_norm", "subtract the largest entry first",
        "log_softmax([1e4, 0])", "unstable", "it computes something else", "digits vanish", "torch: 0.1",
        "How far: inf", "precision (1)",
    ):  # fmt: skip
        assert part in bad.text, part
    assert "720 pairs of arrays, 718 within their limits" in says
    drawn = {(name, attributes.get("class")) for name, attributes, _ in bad.elements}
    assert {("b", "heat-over"), ("s", "heat-over"), ("b", "heat-known")} <= drawn
    assert {("rect", "hatch"), ("rect", "bar-ignored")} <= drawn
    assert {("circle", "dot disagrees"), ("circle", "dot known"), ("circle", "dot agrees")} <= drawn


def test_trouble_of_one_kind_alone_is_no_agreement():
    cases = layers_and_ops()
    cases["cases"][5]["agrees"] = False
    says = Reader(render(matrix(), cases)).text
    assert "The recipes agree on jax, tensorflow and torch, but 1 of 60 cases of layers and operations disagree" in says
    unneeded = matrix()
    unneeded["not_needed"].append({"recipe": "ranking"})
    assert "better than the list of known differences says" in Reader(render(unneeded)).text
    cases = layers_and_ops()
    cases["not_needed"].append("log_softmax: 'float32'")
    says = Reader(render(matrix(), cases)).text
    assert "better than the list of known differences says" in says
    assert "log_softmax: 'float32'" in says


def test_a_level_that_no_file_describes_is_shown():
    numbers = matrix()
    numbers["levels"] = [level for level in numbers["levels"] if level["name"] != "float64 gradient"]
    assert "other rules" in Reader(render(numbers)).text


def test_a_checkpoint_that_stays_has_its_own_limit():
    numbers = matrix()
    entry = next(e for e in numbers["agreement"] if e["level"] == "checkpoint resumed" and len(set(e["pair"])) == 1)
    entry |= {"limit": 0.0, "measured": 1e-6, "agrees": False}
    numbers["disagreements"].append(entry)
    assert "The numbers disagree in 1 of" in Reader(render(numbers)).text
    (cell,) = [cell for cell in cells(numbers) if cell.status != "agrees"]
    assert (cell.limit, cell.share) == (0.0, float("inf"))


@pytest.mark.parametrize(
    ("document", "absent"),
    [
        (matrix, ("no bench", "no layers and operations", "a GPU; no file")),
        (bench, ("No recipe was compared", "no matrix", "no loss curves", "no checkpoints", "speed on a GPU")),
        (layers_and_ops, ("No recipe was compared", "no matrix", "no bench")),
    ],
)
def test_what_was_not_measured_is_said(document, absent):
    says = Reader(render(document())).text
    for part in absent:
        assert part in says, part


def test_a_gpu_among_the_files_is_shown():
    gpu = Reader(render(matrix(), bench(), matrix(device="H200"), bench(device="H200"))).text
    assert "a GPU; no file" not in gpu
    assert "cpu and H200" in gpu
    assert "autoencoder on H200" in gpu
    assert "jax (H200) – torch (H200)" in gpu


@pytest.mark.parametrize("documents", [lambda: with_trouble(), lambda: [matrix()], lambda: [bench(device="H200")]])
def test_the_page_is_well_formed_and_accessible(documents):
    reader = Reader(render(*documents()))
    identities = [attributes["id"] for _, attributes, _ in reader.elements if "id" in attributes]
    assert len(identities) == len(set(identities))
    targets = [attributes["href"] for attributes in reader.all("a")]
    assert len(targets) > 5
    assert {target.removeprefix("#") for target in targets} <= set(identities)
    assert reader.all("html") == [{"lang": "en"}]
    assert all("scope" in attributes for attributes in reader.all("th"))
    maps = [attributes for attributes in reader.all("table") if attributes.get("class") == "heat"]  # named by its box
    assert len(reader.all("caption")) + len(maps) == len(reader.all("table"))
    for name, attributes, _ in reader.elements:
        if name == "svg":
            assert attributes.get("aria-hidden") or (attributes["role"] == "img" and attributes["aria-label"])
        if attributes.get("class") == "scroll":
            assert attributes["aria-label"]
            assert attributes["tabindex"] == "0"
    assert next(name for name, _, _ in reader.elements if name in ("h1", "h2")) == "h1"


def test_nothing_is_loaded_from_elsewhere():
    html = render(*with_trouble())
    reader = Reader(html)
    loading = {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "source",
        "video",
        "audio",
        "base",
        "form",
        "image",
    }
    assert not loading & {name for name, _, _ in reader.elements}
    for _, attributes, _ in reader.elements:
        assert not {"src", "srcset", "data", "background", "poster", "action", "style"} & set(attributes)
        assert not [key for key in attributes if key.startswith("on")]
    assert set(re.findall(r"url\(([^)]*)\)", html)) == {"#hatch"}
    assert "@import" not in html
    assert not re.search(r"(https?:)?//", re.sub(r"</?[a-z]", "", html))
    policy = [a["content"] for a in reader.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_names_are_escaped():
    evil = '<b onclick="x">&'
    documents = with_trouble()
    numbers, times, cases = documents
    for entry in (*numbers["agreement"], *numbers["curves"], *numbers["disagreements"], *times["rows"]):
        entry["recipe"] = evil
    numbers["disagreements"][0]["note"] = "</td><script>1</script>"
    cases["cases"][3]["case"] = cases["known"][0]["reproduction"] = "<script>2</script>"
    numbers["made_with"][0]["environment"]["processor"] = "</table><script>3</script>"
    reader = Reader(render(*documents))
    assert "script" not in {name for name, _, _ in reader.elements}
    assert not [a for a in reader.all("b") if "onclick" in a]
    assert evil in reader.text
    for part in "123":
        assert f"<script>{part}</script>" in reader.text
    assert tag("p", "<", class_='"') == '<p class="&quot;">&lt;</p>\n'


def test_curves_are_drawn_with_their_band_or_say_that_it_is_missing(good):
    assert "±" in good.text
    assert "not every backend measured the band" not in good.text
    without = matrix()
    for curve in without["curves"]:
        curve["band"] = None
    assert "not every backend measured the band" in Reader(render(without)).text


def test_curves_that_end_or_explode_do_not_stop_the_page():
    numbers = matrix()
    numbers["curves"][0]["loss"][5] = "nan"
    numbers["curves"][3]["loss"] = [1.0]
    numbers["curves"][4]["loss"] = []
    says = render(numbers)
    assert "∞ bands from the mean" in Reader(says).text
    assert "nan" not in "".join(re.findall(r' d="[^"]*"', says))
    assert not re.search(r'="(nan|inf|-inf)', says)


def test_the_difference_in_bands_is_right():
    numbers = matrix(recipes=("one",), backends=("jax", "torch"))
    for curve, value in zip(numbers["curves"], (1.0, 1.0 + 4e-4), strict=True):
        curve["loss"], curve["band"] = [1.0, value], [0.0, 1e-4]
    assert "2.00 bands from the mean" in Reader(render(numbers)).text


def test_a_band_without_end_excuses_nothing():
    numbers = matrix(recipes=("one",))
    for curve in numbers["curves"]:
        curve["band"] = ["inf"] * len(curve["band"])
    assert "∞ bands from the mean" in Reader(render(numbers)).text


def test_checkpoints_are_squares():
    numbers = matrix()
    for entry in numbers["agreement"]:
        if (entry["level"], entry["pair"]) == ("checkpoint resumed", ["jax", "torch"]):
            entry["measured"] = 3.7
    says = Reader(render(numbers)).text
    says = says[says.index("Saved here, loaded there") : says.index("How fast a step is")]
    assert "loaded on → jax tensorflow torch jax = = = tensorflow = = = torch = = =" in says
    assert "jax 2.5 2.5 3.7 tensorflow 2.5 2.5 2.5 torch 2.5 2.5 2.5" in says
