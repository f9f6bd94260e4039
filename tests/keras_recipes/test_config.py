from dataclasses import dataclass

import pytest

from keras_recipes.config import command_line, parse_config, require_fraction, require_one_of


@dataclass(frozen=True)
class Config:
    """For these tests."""

    dataset: str = "synthetic"  # what to read; 100 % planted
    batch_size: int = 32  # examples per step
    rate: float = 0.5  # share
    flag: bool = False  # whether
    colour: str = "red"  # of the bar

    def __post_init__(self):
        require_fraction(self, "rate")
        require_one_of(self, "colour", ("red", "blue"))


PRESETS = {"full": Config(), "smoke": Config(batch_size=4, flag=True)}


def test_flags_override_the_preset(tmp_path):
    flags = ["--preset", "smoke", "--rate", "0.25", "--colour", "blue", "--run-folder", str(tmp_path)]
    config, folder = parse_config(Config, PRESETS, flags)
    assert config == Config(batch_size=4, flag=True, rate=0.25, colour="blue")
    assert folder == tmp_path
    assert parse_config(Config, PRESETS, ["--preset", "smoke", "--no-flag"])[0].flag is False


def test_without_flags_it_is_the_full_preset_in_a_new_folder():
    config, folder = parse_config(Config, PRESETS, [])
    assert config == Config()
    assert folder.parts[:2] == ("runs", "test_config")


def test_a_file_is_no_run_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="`run_folder` must be a folder"):
        parse_config(Config, PRESETS, ["--run-folder", str(tmp_path / "file")])


def test_help_shows_comments_defaults_and_percent_signs():
    text = command_line(Config, PRESETS).format_help()
    assert "what to read; 100 % planted ('synthetic')" in " ".join(text.split())
    assert "--no-flag" in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--preset", "larger"], "`preset` must be one of 'full', 'smoke', received 'larger'"),
        (["--colour", "green"], "`colour` must be one of 'red', 'blue', received 'green'"),
        (["--rate", "1"], r"`rate` must be in \[0, 1\), received 1.0"),
        (["--rate", "nan"], r"`rate` must be in \[0, 1\), received nan"),
    ],
)
def test_values_out_of_range_are_value_errors(flags, message):
    with pytest.raises(ValueError, match=message):
        parse_config(Config, PRESETS, flags)


@pytest.mark.parametrize("flags", [["--batch-size", "many"], ["--colours", "red"]])
def test_misspelt_flags_and_types_end_as_argparse_does(flags, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_config(Config, PRESETS, flags)
    assert ended.value.code == 2
    assert flags[0] in capsys.readouterr().err
