"""The instructor's page about a class: one HTML file with its charts inside, readable offline."""

from __future__ import annotations

import base64
import hashlib
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder.reporting.by_hand import concerns
from autograder.reporting.class_list import Entry
from autograder.reporting.in_class import colour, misconceptions, worth_a_word

_TEMPLATE, _SCRIPT = "class_page.html.j2", "class_page.js"
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


def render_page(assignment: str, entries: Sequence[Entry], folder: Path) -> str:
    """The whole page.

    Args:
        assignment: its name.
        entries: one per student, sorted; not empty.
        folder: where the page will lie, for links to the students' pages.
    """
    loader = PackageLoader("autograder.reporting", "pages")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["colour"] = colour
    script = loader.get_source(environment, _SCRIPT)[0]
    rows = misconceptions(entries)
    by_hand = concerns(assignment, entries)
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
        concerns=by_hand,
        needy=len({entry.student for each in by_hand for entry, _ in each.cases}),
        misconceptions=rows,
        talks=worth_a_word(rows),
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        slowest=sorted(entries, key=lambda entry: -entry.seconds)[:_SLOWEST],
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


def _links(entry: Entry, folder: Path) -> list[tuple[str, str]]:
    """Name and address, relative to the page, of each of the student's feedback pages."""
    return [
        (page.stem, quote(Path(os.path.relpath(page, folder)).as_posix())) for page in entry.pages
    ]
