"""Where backends differ, as far as it is known: `known_differences.toml`, which is strict both ways."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from backends_matrix.known import read_entries

KNOWN_DIFFERENCES = Path(__file__).with_name("known_differences.toml")
SEVERITIES = {
    "wrong": "Wrong numbers, without a word",
    "raises": "Works on one backend, raises on another",
    "undefined": "Inputs for which nothing is promised",
    "convention": "Both are right: another convention",
    "precision": "The same, but less precisely",
}


class Difference(NamedTuple):
    """An entry of the file.

    Attributes:
        title: String, what differs.
        severity: String, a key of `SEVERITIES`.
        backends: List of strings, who is off; without them the others agree.
        happens: String, what happens.
        instead: String, what to do instead.
        avoid: List of strings, the uses that recipes and blocks keep from; see `avoid.py`.
        cases: List of strings, the cases that show it, with * and ?; may be empty.
        quantities, precisions: Lists of strings, in which they do.
        how_far: Float, the largest difference as a share of the largest entry;
            `inf` where something raises or is not finite.
        reproduction: String, a program that prints other lines on other backends.
        prints: Dict from backend to what it prints; "raises TypeError" for what it raises.
    """

    title: str
    severity: str
    backends: list[str]
    happens: str
    instead: str
    avoid: list[str]
    cases: list[str]
    quantities: list[str]
    precisions: list[str]
    how_far: float
    reproduction: str
    prints: dict[str, str]

    def explains(self, finding, group):
        """Whether it is about this `Finding` and names one of the group, which is no further apart than it says."""
        return (
            any(fnmatchcase(finding.case, pattern) for pattern in self.cases)
            and finding.quantity in self.quantities
            and finding.precision in self.precisions
            and finding.groups[group] <= self.how_far
            and not backends_of(group).isdisjoint(self.backends)
        )


def read_known(path=KNOWN_DIFFERENCES):
    """The entries of a file as a list of `Difference`.

    Raises:
        ValueError: If an entry lacks a field, has one too many, leaves a text
            empty, or names another severity.
    """
    entries = read_entries(path, Difference._fields, avoid=[], cases=[], quantities=[], precisions=[], how_far=0.0)
    for entry in entries:
        if entry["severity"] not in SEVERITIES:
            raise ValueError(f"{path}: `severity` must be one of {', '.join(SEVERITIES)}, received {entry}")
    return [Difference(**entry) for entry in entries]


def excuse(findings, known):
    """Sort disagreements into those to report and those to live with.

    Args:
        findings: List of `Finding`.
        known: List of `Difference`.

    Returns:
        Tuple `(disagreements, excused, unneeded)`: two lists of `Finding`, and
        strings that name what in an entry excuses nothing, although all its
        backends and cases were compared.
    """
    disagreements, excused = [], []
    for finding in findings:
        if not finding.agrees:
            (excused if explained(known, finding) else disagreements).append(finding)
    return disagreements, excused, unneeded_parts(findings, excused, known)


def explained(known, finding):
    """Whether each group that disagrees has an entry."""
    return all(any(entry.explains(finding, group) for entry in known) for group in finding.groups)


def backends_of(labels):
    """Set of the backends in labels such as "torch (NVIDIA H200)"."""
    return {label.partition(" ")[0] for label in labels}


def unneeded_parts(findings, excused, known):
    """List of strings: cases, quantities, precisions and backends of entries that excuse nothing."""
    compared = {finding.case for finding in findings}
    present = backends_of(label for finding in findings for label in finding.measured)
    unneeded = []
    for entry in known:
        seen = [any(fnmatchcase(case, pattern) for case in compared) for pattern in entry.cases]
        if any(seen) and not all(seen):
            gone = [pattern for pattern, found in zip(entry.cases, seen, strict=True) if not found]
            unneeded += [f"{entry.title}: no case is called {pattern!r}" for pattern in gone]
        elif any(seen) and set(entry.prints) <= present:
            unneeded += [f"{entry.title}: {part!r}" for part in unneeded_of(entry, excused, known)]
    return unneeded


def unneeded_of(entry, excused, known):
    """What in an entry excuses nothing, as a list of strings."""
    places = [(finding, group) for finding in excused for group in finding.groups if entry.explains(finding, group)]
    others = [other for other in known if other is not entry]

    def needs(backend):
        without = entry._replace(backends=[name for name in entry.backends if name != backend])
        return not all(any(one.explains(*place) for one in [without, *others]) for place in places)

    unneeded = [p for p in entry.cases if not any(fnmatchcase(finding.case, p) for finding, _ in places)]
    unneeded += [name for name in entry.quantities if name not in {finding.quantity for finding, _ in places}]
    unneeded += [name for name in entry.precisions if name not in {finding.precision for finding, _ in places}]
    return [*unneeded, *(name for name in entry.backends if not needs(name))]
