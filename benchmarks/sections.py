"""How long the machine computes in each section of the notebooks, beside the minutes for people.

    python benchmarks/sections.py

Builds both solutions in a temporary folder, from top to bottom, as `authoring solutions` does, and
reads the kernel's CPU time: other work on the machine does not count.
"""

from __future__ import annotations

import re
import tempfile
from itertools import pairwise
from pathlib import Path

import psutil
from rich import box
from rich.console import Console
from rich.table import Table

from authoring.course import Course, read_notebook
from authoring.solutions import build_solution

_HEADING = re.compile(r"^## (.+) · (\d+ minutes.*)$", re.MULTILINE)


def _cpu_seconds(*_: object) -> float:
    """Of all processes that this one has started."""
    times = [each.cpu_times() for each in psutil.Process().children(recursive=True)]
    return sum(each.user + each.system for each in times)


def section_table(course: Course, assignment: str) -> Table:
    """Run an assignment's solution; a row for each of its sections."""
    began: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = build_solution(
            course,
            assignment,
            output=Path(scratch),
            progress=lambda *_: began.append(_cpu_seconds()),
        )
        (path,) = folder.glob("*.ipynb")
        cells = read_notebook(path).cells
    table = Table("section", "for people", "computing", title=assignment, box=box.SIMPLE)
    table.columns[2].justify = "right"
    seconds = {("Setup", ""): 0.0}
    for cell, (start, end) in zip(cells, pairwise([*began, began[-1]]), strict=True):
        if cell.cell_type == "markdown" and (heading := _HEADING.search(cell.source)):
            seconds[heading[1], heading[2]] = 0.0
        seconds[next(reversed(seconds))] += end - start
    for (section, planned), took in seconds.items():
        table.add_row(section, planned, f"{took:.1f} s")
    return table


def main() -> None:
    course = Course.at(Path(__file__).resolve().parents[1])
    for assignment in course.assignments():
        Console().print(section_table(course, assignment))


if __name__ == "__main__":
    main()
