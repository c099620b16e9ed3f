"""How a student's page opens: where the points are, by the tests' names."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from nbformat import NotebookNode

# nbgrader's own buttons call a cell `cell-` and a random number.
_NAMELESS = re.compile(r"cell-?[0-9a-f]{6,}|")


@dataclass(frozen=True)
class GradedCell:
    """A cell with points.

    Attributes:
        group: name of the answer that it tests, or "".
        name: what it is called on the page.
        about: what it tests, in the instructor's words, or "".
        score, most: points, and how many there are.
        is_open: whether a person still has to grade it.
    """

    grade_id: str
    group: str
    name: str
    about: str
    score: float
    most: float
    is_open: bool

    @property
    def told(self) -> str:
        """Its points in words."""
        if self.is_open:
            return f"not graded yet, {self.most:g} point{'s' * (self.most != 1)}"
        return f"{round(self.score, 2):g} of {self.most:g}"

    @property
    def share(self) -> str:
        """`all` points, `some`, `none`, or `open`."""
        if self.is_open:
            return "open"
        return "all" if self.score >= self.most else "some" if self.score > 0 else "none"


@dataclass(frozen=True)
class Opening:
    """What stands above the notebook, beside the diagnosis.

    Attributes:
        graded: the cells with points by grade_id, in the order of the notebook.
        comments: grade_id to the name of each answer that has a comment.
    """

    graded: dict[str, GradedCell]
    comments: dict[str, str]

    @property
    def groups(self) -> dict[str, list[GradedCell]]:
        """The cells by what they test."""
        groups: dict[str, list[GradedCell]] = {}
        for cell in self.graded.values():
            groups.setdefault(cell.group, []).append(cell)
        return groups


def opening_of(nb: NotebookNode, waiting: Collection[str]) -> Opening:
    """The opening of a page.

    Args:
        nb: the graded notebook with nbgrader's points, maxima and comments. Hidden tests may be in
            it: nothing of them is used.
        waiting: grade_ids that a person still has to grade.
    """
    opening = Opening({}, {})
    group, answers, tests = "", 0, 0
    for cell in nb.cells:
        facts: Any = cell.metadata.get("nbgrader") or {}
        is_code, is_answer = cell.cell_type == "code", facts.get("solution") or facts.get("task")
        if is_answer:
            answers += 1
            about = "graded by a person"
            name = _readable(facts.grade_id)
            group = name if is_code else group
            name = name or f"answer {answers}"
            if facts.get("comment"):
                opening.comments[facts.grade_id] = name
        elif facts.get("grade"):
            tests += 1
            about = _first_comment(cell.source)
            # the answer's name stands above its tests
            name = _readable(facts.grade_id).removeprefix(f"{group} ") or f"test {tests}"
        if facts.get("grade") or facts.get("task"):
            opening.graded[facts.grade_id] = GradedCell(
                facts.grade_id,
                group if is_code else "Written answers",
                name,
                about,
                float(facts.score),
                float(facts.points),
                facts.grade_id in waiting,
            )
    return opening


def _readable(grade_id: str) -> str:
    """`bptt-side-effects` as words; "" for the names that nbgrader makes up."""
    return "" if _NAMELESS.fullmatch(grade_id) else re.sub(r"[-_]+", " ", grade_id).strip()


def _first_comment(source: str) -> str:
    """The comment that a test begins with, as one line of text."""
    lines = takewhile(re.compile(r"#(?!##|!)").match, source.strip().split("\n"))
    return " ".join(line.lstrip("#").strip() for line in lines).strip()
