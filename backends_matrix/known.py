"""Differences that are upstream's: `known_differences.toml`, which is strict both ways."""

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from backends_matrix.judge_checkpoints import ALL_LEVELS

KNOWN_DIFFERENCES = Path(__file__).with_name("known_differences.toml")


class Difference(NamedTuple):
    """An entry of the file; the fields are described there."""

    recipe: str
    preset: str
    backend: str
    level: str
    array: str
    limit: float
    reason: str
    reproduction: str

    def covers(self, finding):
        """Whether it is about the array of this `Finding`."""
        return (
            (finding.recipe, finding.preset, finding.level) == (self.recipe, self.preset, self.level)
            and any(label.partition(" ")[0] == self.backend for label in finding.pair)
            and fnmatchcase(finding.name, self.array)
        )


def read_known(path=KNOWN_DIFFERENCES):
    """The entries of a file as a list of `Difference`.

    Raises:
        ValueError: If an entry lacks a field, has one too many, leaves one empty,
            names no level, or sets no finite limit.
    """
    entries = read_entries(path, Difference._fields)
    for entry in entries:
        known_level = entry["level"] in [level.name for level in ALL_LEVELS]
        if not (known_level and isinstance(entry["limit"], int | float) and 0 < entry["limit"] < float("inf")):
            raise ValueError(
                f"{path}: `level` must be a row of the table and `limit` a finite number, received {entry}"
            )
    return [Difference(**entry) for entry in entries]


def read_entries(path, fields, **defaults):
    """The entries of a file of known differences, whatever their fields.

    Args:
        path: Path of the file.
        fields: Names of the fields that each entry fills.
        **defaults: Values of those that it may leave out.

    Returns:
        List of dicts.

    Raises:
        ValueError: If an entry lacks a field, has one too many, or leaves a
            text empty, also one in a table of its own.
    """
    written = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("difference", [])
    entries = [defaults | entry for entry in written]
    for entry in entries:
        tables = [value for value in entry.values() if isinstance(value, dict)]
        if set(entry) != set(fields) or any("" in table.values() for table in [entry, *tables]):
            raise ValueError(f"{path}: an entry must fill the fields {', '.join(fields)}, received {entry}")
    return entries


def excuse(findings, known):
    """Sort disagreements into those to report and those to live with.

    Args:
        findings: List of `Finding`.
        known: List of `Difference`.

    Returns:
        Tuple `(disagreements, excused, unneeded)`: two lists of `Finding`, and
        the `Difference`s that excuse nothing although their preset was compared.
    """
    disagreements, excused, needed = [], [], set()
    for finding in findings:
        if finding.agrees:
            continue
        cover = [entry for entry in known if entry.covers(finding) and finding.measured <= entry.limit]
        needed.update(cover)
        (excused if cover else disagreements).append(finding)
    compared = {(finding.recipe, finding.preset) for finding in findings}
    unneeded = [entry for entry in known if (entry.recipe, entry.preset) in compared and entry not in needed]
    return disagreements, excused, unneeded
