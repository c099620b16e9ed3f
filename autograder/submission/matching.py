"""Which submitted file is the notebook that was asked for, and which of its cells is which.

Also where files were renamed, and where the cells' metadata was lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.submission.instructor import InstructorCell, InstructorNotebook
from autograder.submission.reading import (
    NOTEBOOK,
    NotGradableError,
    Submission,
    parse_notebook,
    shown_name,
)

_RECOGNISED = (
    "The notebook had lost what marks its cells, as happens in Colab and some editors; they were "
    "recognised by their contents and order."
)
_STUB = ("# YOUR CODE HERE", "raise NotImplementedError")
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
        found = [(name, cells, answered) for name, cells, answered in found if answered]
    if len(found) > 1:
        several = ", ".join(name for name, _, _ in found)
        raise NotGradableError(
            f"There is no {wanted}, and {several} all hold its cells. Hand in only the one that "
            f"counts, as {wanted}."
        )
    for name, cells, _ in found:
        return cells, [f"{name} was graded as {wanted}, whose cells it holds."]
    for remark in submission.remarks:
        if remark.startswith(f"{wanted} "):
            raise NotGradableError(remark.removesuffix(" and was left out."))
    names = [shown_name(path) for path in submission.files if NOTEBOOK.search(path)]
    beside = f"found {', '.join(sorted(names)[:5])}" if names else "found no notebook at all"
    raise NotGradableError(
        f"There is no {wanted} ({beside}). Restore the file's name and submit again."
    )


def _candidates(
    submission: Submission, instructor: InstructorNotebook, taken: Collection[str]
) -> Iterator[tuple[str, list[dict[str, Any]], bool]]:
    """Name and cells of each other file that holds enough of the cells; and any answer?"""
    for path, data in sorted(submission.files.items()):
        if path in taken or not NOTEBOOK.search(path):
            continue
        try:
            cells = parse_notebook(data, path)
        except NotGradableError:
            continue
        found = match(cells, instructor)
        if len(found.answers) >= max(1, _ENOUGH * len(instructor.cells)):
            yield shown_name(path), cells, found.answered


@dataclass(frozen=True)
class Match:
    """What a submission's cells are.

    Attributes:
        claims: for each submitted cell, the grade_id that it stands for, or None.
        answers: grade_id to the index of the cell that counts.
        remarks: what had to be decided, in sentences.
        answered: whether any of the blanks was changed.
    """

    claims: list[str | None]
    answers: dict[str, int]
    remarks: list[str]
    answered: bool


def match(cells: Sequence[Mapping[str, Any]], instructor: InstructorNotebook) -> Match:
    """Recognise the instructor's cells among the submitted ones.

    By grade_id, or by cell id where that was lost, or by content and order where both were. Of
    several cells that claim one answer, an untouched copy of the blank is none; of changed ones
    the last counts.
    """
    grade_ids = {cell.grade_id for cell in instructor.cells}
    by_id = {cell.cell_id: cell.grade_id for cell in instructor.cells if cell.cell_id}
    claims = [
        cell["grade_id"] if cell.get("grade_id") in grade_ids else by_id.get(cell.get("id", ""))
        for cell in cells
    ]
    recognised = _recognised(cells, instructor, claims)
    for index, resembled in recognised.items():
        claims[index] = resembled
    claimants: dict[str | None, list[int]] = defaultdict(list)
    for index, claim in enumerate(claims):
        claimants[claim].append(index)
    answers, answered = {}, False
    remarks = [_RECOGNISED] if recognised else []
    for known in instructor.cells:
        indices = claimants[known.grade_id]
        changed = [index for index in indices if not is_untouched(cells[index], known)]
        answered |= bool(changed) and not known.is_fixed
        if indices:
            answers[known.grade_id] = (changed or indices)[-1]
        if len(indices) > 1:
            which = "the last one" if len(changed) != 1 else "the one that was changed"
            remarks.append(f"Cell {known.grade_id} appears more than once; {which} counts.")
    return Match(claims, answers, remarks, answered)


def is_untouched(cell: Mapping[str, Any], known: InstructorCell) -> bool:
    """Whether a submitted cell is as it was handed out."""
    return bool(cell["source"].strip() == known.released.source.strip())


def _recognised(
    cells: Sequence[Mapping[str, Any]], instructor: InstructorNotebook, claims: list[str | None]
) -> dict[int, str]:
    """Submitted cell to the instructor's cell that it resembles, in the same order.

    The alignment of the two lists with the largest sum of resemblances (Needleman and Wunsch
    1970), among the cells that nothing else identifies.
    """
    open_cells = [index for index, claim in enumerate(claims) if claim is None]
    claimed = set(claims)
    known = [cell for cell in instructor.cells if cell.grade_id not in claimed]
    # a blank without a line of its own can be told by its place only: not among known neighbours
    all_lost = not any(claims)
    alike = [[_resemblance(cells[i], cell, all_lost) for i in open_cells] for cell in known]
    rows, columns = len(known), len(open_cells)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            both = best[row + 1][column + 1] + alike[row][column]
            best[row][column] = max(best[row + 1][column], best[row][column + 1], both)
    found: dict[int, str] = {}
    row = column = 0
    while row < rows and column < columns:
        if best[row][column] == best[row + 1][column]:
            row += 1
        elif best[row][column] == best[row][column + 1]:
            column += 1
        else:
            found[open_cells[column]] = known[row].grade_id
            row, column = row + 1, column + 1
    return found


def _resemblance(cell: Mapping[str, Any], known: InstructorCell, all_lost: bool) -> float:
    """How much a submitted cell looks like one of the instructor's; 0 for not at all."""
    if cell["cell_type"] != known.released.cell_type or not cell["source"].strip():
        return 0.0
    released = known.visible_source.strip() if known.is_fixed else known.released.source.strip()
    if cell["source"].strip() == released:
        # a changed copy of a blank is more of an answer than an untouched one
        return 1.0 if known.is_fixed else 0.6
    lines = _lines(cell["source"])
    kept = _lines(released)
    if not kept:
        return 0.05 if all_lost and not known.is_fixed else 0.0
    share = len(kept & lines) / len(kept)
    if known.is_fixed:
        return 0.9 * share if share >= 0.5 else 0.0
    if share >= 0.3:
        return 0.7 + 0.2 * share
    return 0.05 if all_lost else 0.0


def _lines(source: str) -> set[str]:
    """The lines that say something, without those of an untouched blank."""
    stripped = (line.strip() for line in source.splitlines())
    return {line for line in stripped if line and not line.startswith(("#", *_STUB))}
