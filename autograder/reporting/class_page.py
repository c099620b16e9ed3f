"""The instructor's page about a class: one HTML file with its charts inside, readable offline."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder.recording.results import DiagnosisRecord
from autograder.reporting.class_list import Entry

_TEMPLATE = "class_page.html.j2"
_MOST_BINS = 12
_SLOWEST = 5


@dataclass(frozen=True)
class _Bin:
    """Submissions whose score lies in [low, high), in the last bin [low, high]."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class _Test:
    """One test cell over the class; students whose points are still open are left out."""

    name: str
    mean: float
    most: float
    full: int
    graded: int

    @property
    def share(self) -> float:
        """Mean points as a share of the maximum, 0 … 1."""
        return self.mean / self.most if self.most else 0.0


@dataclass(frozen=True)
class _Misconception:
    """One label and the students whose answers look like it."""

    label: str
    family: str
    message: str
    entries: tuple[Entry, ...]


def render_page(assignment: str, entries: Sequence[Entry], folder: Path) -> str:
    """The whole page.

    Args:
        assignment: its name.
        entries: one per student, sorted; not empty.
        folder: where the page will lie, for links to the students' pages.
    """
    environment = Environment(
        loader=PackageLoader("autograder.reporting", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scores = [entry.score for entry in entries]
    most = max(entry.max_score for entry in entries)
    return environment.get_template(_TEMPLATE).render(
        assignment=assignment,
        entries=entries,
        median=statistics.median(scores),
        mean=statistics.fmean(scores),
        most=most,
        bins=_bins(scores, most),
        tests=_tests(entries),
        inside=list(dict.fromkeys(name for entry in entries for name in entry.inside)),
        misconceptions=_misconceptions(entries),
        failed=[entry for entry in entries if entry.status != "graded"],
        slowest=sorted(entries, key=lambda entry: -entry.seconds)[:_SLOWEST],
        median_seconds=statistics.median(entry.seconds for entry in entries),
        links={entry.student: _links(entry, folder) for entry in entries},
    )


def _bins(scores: Sequence[float], most: float) -> list[_Bin]:
    width = 1.0
    while most / width > _MOST_BINS:
        width += 1.0
    count = max(1, -int(-most // width))
    counts = [0] * count
    for score in scores:
        counts[min(int(score // width), count - 1)] += 1
    return [_Bin(i * width, (i + 1) * width, counts[i]) for i in range(count)]


def _tests(entries: Sequence[Entry]) -> list[_Test]:
    names = dict.fromkeys(name for entry in entries for name in entry.tests)
    tests = []
    for name in names:
        found = [entry.tests[name] for entry in entries if name in entry.tests]
        points = [got for got, _ in found if got is not None]
        most = found[0][1]
        if most:
            full = sum(got >= most for got in points)
            mean = statistics.fmean(points) if points else 0.0
            tests.append(_Test(name, mean, most, full, len(points)))
    return tests


def _misconceptions(entries: Sequence[Entry]) -> list[_Misconception]:
    """Labels by how many students they were found at, most first."""
    found: dict[str, dict[str, Entry]] = {}
    first: dict[str, DiagnosisRecord] = {}
    for entry in entries:
        for each in entry.diagnosis:
            first.setdefault(each.label, each)
            found.setdefault(each.label, {})[entry.student] = entry
    rows = [
        _Misconception(label, first[label].family, first[label].message, tuple(students.values()))
        for label, students in found.items()
    ]
    return sorted(rows, key=lambda row: (-len(row.entries), row.label))


def _links(entry: Entry, folder: Path) -> list[tuple[str, str]]:
    """Name and address, relative to the page, of each of the student's feedback pages."""
    return [
        (page.stem, quote(Path(os.path.relpath(page, folder)).as_posix())) for page in entry.pages
    ]
