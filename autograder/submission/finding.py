"""Which of a submission's files is the notebook that was asked for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from autograder.submission.instructor import InstructorNotebook
from autograder.submission.matching import holds_answers, share_found
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
        if holds_answers(cells, instructor):
            return cells, []
        return cells, [
            f"{wanted} holds no answers, but {shown_name(path)} beside it does; {wanted} was "
            "graded, as it was handed in under the right name."
            for path, beside in _candidates(submission, instructor, taken | {wanted})
            if holds_answers(beside, instructor)
        ]
    found = _candidates(submission, instructor, taken)
    if len(found) > 1:  # untouched copies say nothing
        found = [(path, cells) for path, cells in found if holds_answers(cells, instructor)]
    if len(found) != 1:
        if found:
            names = ", ".join(shown_name(path) for path, _ in found)
            raise NotGradableError(
                f"There is no {wanted}, and {names} all hold its cells. Hand in only the one that "
                f"counts, as {wanted}."
            )
        raise no_notebook(submission, instructor.name)
    path, cells = found[0]
    return cells, [f"{shown_name(path)} was graded as {wanted}, whose cells it holds."]


def _candidates(
    submission: Submission, instructor: InstructorNotebook, taken: Collection[str]
) -> list[tuple[str, list[dict[str, Any]]]]:
    found = []
    for path, data in sorted(notebooks_in(submission).items()):
        if path in taken:
            continue
        try:
            cells = parse_notebook(data, path)
        except NotGradableError:
            continue
        if share_found(cells, instructor) >= _ENOUGH:
            found.append((path, cells))
    return found
