"""How a student's page opens: the diagnosis, and where the points are, by the tests' names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from autograder.recording.results import ExerciseFeedback, SubmissionResult

__all__ = ["Card", "GradedCell", "Opening", "cards_of", "opening_of"]

# nbgrader's own buttons call a cell `cell-` and a random number.
_NAMELESS = re.compile(r"cell-?[0-9a-f]{6,}|")
_WRITTEN, _GRADED_BY_HAND = "Written answers", "graded by a person"


@dataclass(frozen=True)
class Card:
    """One block above the list of tests.

    Attributes:
        title, words: plain text; the words may quote the student.
        kind: right, wrong, open (nothing to say of right and wrong) or lost (points, for another
            reason than a wrong answer).
        picture, alt: PNG as base64, or None, and its description.
    """

    title: str
    words: str
    kind: str
    picture: str | None = None
    alt: str = ""


@dataclass(frozen=True)
class GradedCell:
    """A cell with points.

    Attributes:
        grade_id: nbgrader's.
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
    """All that stands above the notebook.

    Attributes:
        cards: the diagnosis, and what happened to the submission.
        items: the cells with points, in the order of the notebook.
        comments: name and grade_id of the answers that have a comment.
    """

    cards: tuple[Card, ...]
    items: tuple[GradedCell, ...]
    comments: tuple[tuple[str, str], ...]

    @property
    def groups(self) -> list[tuple[str, list[GradedCell]]]:
        """The items by what they test."""
        names = dict.fromkeys(item.group for item in self.items)
        return [(name, [item for item in self.items if item.group == name]) for name in names]

    def of(self, cell: NotebookNode) -> GradedCell | None:
        """The item of a cell, if it has points."""
        grade_id = cell.metadata.nbgrader.grade_id
        return next((item for item in self.items if item.grade_id == grade_id), None)


def opening_of(nb: NotebookNode, cards: Iterable[Card], waiting: Collection[str]) -> Opening:
    """The opening of a page.

    Args:
        nb: the graded notebook with nbgrader's points, maxima and comments. Hidden tests may be in
            it: nothing of them is used.
        cards: the diagnosis.
        waiting: grade_ids that a person still has to grade.
    """
    items, comments = [], []
    group, answers, tests = "", 0, 0
    for cell in nb.cells:
        about: Any = cell.metadata.get("nbgrader") or {}
        is_code, is_answer = cell.cell_type == "code", about.get("solution") or about.get("task")
        if is_answer:
            answers += 1
            group = _readable(about.grade_id) if is_code else group
            name = _readable(about.grade_id) or f"answer {answers}"
            if about.get("comment"):
                comments.append((name, about.grade_id))
        elif about.get("grade"):
            tests += 1
            name = _shortened(_readable(about.grade_id), group) or f"test {tests}"
        if about.get("grade") or about.get("task"):
            items.append(
                GradedCell(
                    about.grade_id,
                    group if is_code else _WRITTEN,
                    name,
                    _GRADED_BY_HAND if is_answer else _first_comment(cell.source),
                    float(about.score),
                    float(about.points),
                    about.grade_id in waiting,
                )
            )
    return Opening(tuple(cards), tuple(items), tuple(comments))


def cards_of(result: SubmissionResult) -> Iterator[Card]:
    """What happened to the submission, then a card for each exercise that was diagnosed."""
    if result.status != "graded":
        done = "could not be graded" if result.status == "not gradable" else "was graded in part"
        words = f"Your notebook {done}. {result.reason}"
        yield Card("What happened to your submission", words, "lost")
    elif result.reason:
        yield Card("About your submission", result.reason, "open")
    for exercise in result.exercises:
        kind = "wrong" if exercise.diagnosis else "right" if exercise.right else "open"
        yield Card(
            f"About your {exercise.exercise}",
            exercise.paragraph,
            kind,
            exercise.heatmap_png,
            _alt(exercise),
        )


def _alt(exercise: ExerciseFeedback) -> str:
    return (
        f"Heatmap of the absolute difference between what your {exercise.exercise} returned "
        "and the right values, entry by entry; the brighter, the further off."
    )


def _readable(grade_id: str) -> str:
    """`bptt-side-effects` as words; "" for the names that nbgrader makes up."""
    return "" if _NAMELESS.fullmatch(grade_id) else re.sub(r"[-_]+", " ", grade_id).strip()


def _shortened(name: str, answer: str) -> str:
    """A test's name without that of the answer that it tests, which stands above it."""
    return name.removeprefix(f"{answer} ") if answer else name


def _first_comment(source: str) -> str:
    """The comment that a test begins with, as one line of text."""
    lines: list[str] = []
    for line in source.strip().split("\n"):
        if not line.startswith("#") or line.startswith(("###", "#!")):
            break
        lines.append(line.lstrip("#").strip())
    return " ".join(lines).strip()
