"""The instructor's page about a class: one HTML file with its charts inside, readable offline."""

from __future__ import annotations

import base64
import hashlib
import math
import os
import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder.reporting.by_hand import concerns
from autograder.reporting.class_list import Entry, decided
from autograder.reporting.in_class import colour, misconceptions, worth_a_word

_MOST_BINS = 12


def render_page(assignment: str, entries: Sequence[Entry], folder: Path) -> str:
    """The whole page.

    Args:
        entries: one per student, sorted; not empty.
        folder: where the page will lie, for links to the students' pages.
    """

    def address(page: Path) -> str:
        return quote(os.path.relpath(page, folder))

    loader = PackageLoader("autograder.reporting", "pages")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(colour=colour, address=address)
    script = loader.get_source(environment, "class_page.js")[0]
    rows = misconceptions(entries)
    by_hand = concerns(assignment, entries)
    scores = [entry.score for entry in entries]
    most = max(entry.max_score for entry in entries)
    return environment.get_template("class_page.html.j2").render(
        assignment=assignment,
        entries=entries,
        median=statistics.median(scores),
        mean=statistics.fmean(scores),
        most=most,
        bins=_bins(scores, most),
        tests=[*_tests(entries)],
        concerns=by_hand,
        needy=len({entry.student for each in by_hand for entry, _ in each.cases}),
        misconceptions=rows,
        talks=worth_a_word(rows),
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _bins(scores: Sequence[float], most: float) -> list[tuple[float, float, int]]:
    """Low and high end of each bin, and how many scores it has; the last, also those above."""
    width = max(1, math.ceil(most / _MOST_BINS))
    edges = width * np.arange(max(1, math.ceil(most / width)) + 1)
    counts, _ = np.histogram(np.minimum(scores, edges[-1]), edges)
    ends = pairwise(edges.tolist())
    return [(low, high, n) for (low, high), n in zip(ends, counts.tolist(), strict=True)]


def _tests(entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    """Each test over the class; students whose points are still open are left out."""
    for name, (_, most) in entries[0].tests.items():
        points = decided(name, entries)
        mean = statistics.fmean(points) if points else 0.0
        full = sum(got >= most for got in points)
        if most:
            yield {"name": name, "most": most, "mean": mean, "full": full, "graded": len(points)}
