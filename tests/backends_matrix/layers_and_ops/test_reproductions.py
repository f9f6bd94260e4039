"""Each program of known_differences.toml prints what its entry says; the page shows the same."""

import re

import keras
import pytest

from backends_matrix.layers_and_ops.known import read_known
from backends_matrix.layers_and_ops.page import PAGE, page
from backends_matrix.layers_and_ops.reproduction import run

KNOWN = {entry.title: entry for entry in read_known()}


@pytest.mark.filterwarnings("ignore")  # the programs are users'
@pytest.mark.parametrize("title", KNOWN)
def test_a_reproduction_prints_what_the_entry_says(title, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(KNOWN[title]) == KNOWN[title].prints[keras.config.backend()]


def test_who_is_off_prints_something_else():
    for entry in KNOWN.values():
        prints = {name: re.sub(r"raises \w+", "raises", text) for name, text in entry.prints.items()}
        others = {text for name, text in prints.items() if name not in entry.backends}
        if others and entry.severity != "precision":  # which needs float64, and JAX has it only where told to
            assert len(others) == 1, entry.title
            assert not others & {prints[name] for name in entry.backends}, entry.title


def test_the_page_is_as_generated():
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m backends_matrix.layers_and_ops.page writes it"
