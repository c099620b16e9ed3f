"""Which of a submission's files is the notebook that was asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from autograder.submission.instructor import InstructorNotebook
from autograder.submission.matching import match
from autograder.submission.reading import (
    NotGradableError,
    Submission,
    no_notebook,
    notebooks_in,
    parse_notebook,
    shown_name,
)

# A notebook that holds at least this part of the assignment's cells is that assignment's.
_ENOUGH = 0.5


def find_notebook(
    submission: Submission, instructor: InstructorNotebook, others: Collection[str] = ()
) -> tuple[list[dict[str, Any]], list[str]]:
    """The cells of the submitted notebook, whatever its file is called, and remarks.

    Browsers, file systems and learning platforms rename files: `sums (1).ipynb`,
    `sums-Copy1.ipynb`, `ada_1234_Sums.ipynb.json`. A file of the right name is graded as it was
    handed in; else the one notebook that holds the assignment's cells is.

    Args:
        others: names of the assignment's other notebooks: their files are not looked at.

    Raises:
        NotGradableError: there is no such notebook, or several, or it cannot be read.
    """
    wanted = f"{instructor.name}.ipynb"
    taken = {f"{name}.ipynb" for name in others}
    if wanted in submission.files:
        cells = parse_notebook(submission.files[wanted], instructor.name)
        if match(cells, instructor).answered:
            return cells, []
        return cells, [
            f"{wanted} holds no answers, but {name} beside it does; {wanted} was graded, as it was "
            "handed in under the right name."
            for name, _, answered in _candidates(submission, instructor, taken | {wanted})
            if answered
        ]
    found = list(_candidates(submission, instructor, taken))
    if len(found) > 1:  # untouched copies say nothing
        found = [each for each in found if each[2]]
    if len(found) > 1:
        names = ", ".join(name for name, _, _ in found)
        raise NotGradableError(
            f"There is no {wanted}, and {names} all hold its cells. Hand in only the one that "
            f"counts, as {wanted}."
        )
    for name, cells, _ in found:
        return cells, [f"{name} was graded as {wanted}, whose cells it holds."]
    raise no_notebook(submission, instructor.name)


def _candidates(
    submission: Submission, instructor: InstructorNotebook, taken: Collection[str]
) -> Iterator[tuple[str, list[dict[str, Any]], bool]]:
    """Name and cells of each other file that holds enough of the cells; and any answer?"""
    for path, data in sorted(notebooks_in(submission).items()):
        if path in taken:
            continue
        try:
            cells = parse_notebook(data, path)
        except NotGradableError:
            continue
        found = match(cells, instructor)
        if len(found.answers) >= max(1, _ENOUGH * len(instructor.cells)):
            yield shown_name(path), cells, found.answered
