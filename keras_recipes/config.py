"""A recipe's `Config` dataclass: its checks, and one command-line flag per field."""

import argparse
import dataclasses
import datetime
import inspect
import re
import sys
from pathlib import Path
from typing import Any


def require(holds, name, expected, received):
    """Raise the error that all recipes and blocks raise about their arguments.

    Args:
        holds: Boolean, whether all is well.
        name: String, what the value is called where the user wrote it.
        expected: String which completes "must be".
        received: The value itself.

    Raises:
        ValueError: If `holds` is false.
    """
    if not holds:
        raise ValueError(f"`{name}` must be {expected}, received {received!r}")


def require_at_least(config, minimum, *names):
    """Raise ValueError unless each named field of `config` is a number of at least `minimum`."""
    for name in names:
        value = getattr(config, name)
        require(minimum <= value < float("inf"), name, f"a number of at least {minimum}", value)


def require_fraction(config, *names):
    """Raise ValueError unless each named field of `config` lies in [0, 1)."""
    for name in names:
        require(0 <= getattr(config, name) < 1, name, "in [0, 1)", getattr(config, name))


def require_seed(config, *names):
    """Raise ValueError unless each named field of `config` is a seed for all backends: in [0, 2**31)."""
    for name in names:
        require(0 <= getattr(config, name) < 2**31, name, "in [0, 2**31)", getattr(config, name))


def require_one_of(config, name, choices):
    """Raise ValueError unless the named field of `config` is one of `choices`."""
    value = getattr(config, name)
    require(value in choices, name, "one of " + ", ".join(map(repr, choices)), value)


def bounds_of(text, name):
    """The numbers of "lowest,highest", a pair of floats; raises ValueError unless there are two, in this order."""
    try:
        lowest, highest = map(float, text.split(","))
    except ValueError:
        lowest = highest = float("nan")
    require(-float("inf") < lowest < highest < float("inf"), name, '"lowest,highest", two numbers', text)
    return lowest, highest


def parse_config(config_class, presets, argv=None):
    """Read a recipe's configuration from its command line.

    Args:
        config_class: Frozen dataclass whose fields are `int`, `float`, `str`
            or `bool`, each with a default and a trailing `# comment`, which
            becomes the flag's help.
        presets: Dict from preset name to `config_class` instance. `--preset`
            picks the one that the other flags then override; "full" if absent.
        argv: List of strings, by default those of the running command.

    Returns:
        Tuple `(config, run_folder)`: an instance of `config_class`, and the
        `Path` that `--run-folder` names, by default a new one under `runs/`.

    Raises:
        ValueError: For an unknown preset, or for values that `config_class` refuses.
        SystemExit: For an unknown flag or a value of the wrong type, as argparse does.
    """
    parser = command_line(config_class, presets)
    given = vars(parser.parse_args(argv))
    preset = given.pop("preset")
    require(preset in presets, "preset", "one of " + ", ".join(map(repr, presets)), preset)
    run_folder = Path(given.pop("run_folder") or default_run_folder(config_class))
    require(not run_folder.is_file(), "run_folder", "a folder", str(run_folder))
    return dataclasses.replace(presets[preset], **given), run_folder


def command_line(config_class, presets):
    """The argparse parser behind `parse_config`; values that were not given stay absent."""
    description = (sys.modules[config_class.__module__].__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=description)
    names = ", ".join(presets)
    parser.add_argument("--preset", default="full", metavar="NAME", help=f"values to start from: {names} (full)")
    parser.add_argument("--run-folder", metavar="FOLDER", help="where results go (a new folder under runs/)")
    comments = field_comments(config_class)
    for field in dataclasses.fields(config_class):
        kind: dict[str, Any] = {"type": type(field.default), "metavar": type(field.default).__name__.upper()}
        if isinstance(field.default, bool):
            kind = {"action": argparse.BooleanOptionalAction}
        text = f"{comments.get(field.name, '')} ({field.default!r})".replace("%", "%%")
        parser.add_argument(flag_of(field.name), dest=field.name, default=argparse.SUPPRESS, help=text, **kind)
    return parser


def flag_of(field_name):
    """The command-line flag of a field: `batch_size` is `--batch-size`."""
    return "--" + field_name.replace("_", "-")


def field_comments(config_class):
    """Dict from the name of each field to the comment behind it."""
    return dict(re.findall(r"^    (\w+): .*?  # (.+)$", inspect.getsource(config_class), flags=re.MULTILINE))


def default_run_folder(config_class):
    """`runs/<recipe>/<now>`, to the microsecond, so that runs side by side do not mix."""
    recipe = Path(inspect.getfile(config_class)).stem
    return Path("runs", recipe, datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S-%f"))
