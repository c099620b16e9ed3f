"""Puts the instructor's structure back into nbgrader's copy of a submission, before it is graded.

Students can delete, copy and retag cells and edit any metadata. nbgrader mends a little of that and
trips over the rest: a duplicated cell stops the whole batch (its de-duplicated copy keeps an empty
`nbgrader` entry, which passes for an outdated schema), and a test whose preceding cell is gone too
cannot be put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

DEMONSTRATION = "demonstration"


@dataclass(frozen=True)
class _Record:
    """A cell as the gradebook recorded it when the release was made."""

    source: str
    metadata: Mapping[str, Any]

    @property
    def is_asked(self) -> bool:
        """Whether a student writes it or a grade hangs on it."""
        return bool(self.metadata["grade"] or self.metadata["solution"])

    @property
    def is_given(self) -> bool:
        """Whether students get it as it is: a test, or code that others build on."""
        return not self.metadata["solution"]


class MendSubmission(NbGraderPreprocessor):
    """First of the sanitizing preprocessors: afterwards every recorded cell is there once.

    Of a cell that was copied, the last copy counts, as in nbgrader; other copies, and cells that
    claim a grade the gradebook does not know, become ordinary cells. Deleted tests and given cells
    return to their place. A tag that would skip a graded or answered cell is taken off.
    """

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Mend one notebook (nbgrader calls this)."""
        records = _read_records(**{key: resources["nbgrader"][key] for key in _KEYS})
        places = _claim(nb, records)
        place = -1
        for grade_id, record in records.items():
            if grade_id in places:
                # After insertions, and whatever order the student left the cells in.
                place = nb.cells.index(places[grade_id])
            elif record.is_given:
                place += 1
                nb.cells.insert(place, _new_cell(record))
        return nb, resources


_KEYS = ("db_url", "assignment", "notebook")


def _read_records(db_url: str, assignment: str, notebook: str) -> dict[str, _Record]:
    with Gradebook(db_url) as gradebook:
        found = gradebook.find_notebook(notebook, assignment)
        points = {cell.name: cell.max_score for cell in found.grade_cells}
        points.update({cell.name: cell.max_score for cell in found.task_cells})
        solutions = {cell.name for cell in found.solution_cells}
        tasks = {cell.name for cell in found.task_cells}
        records = {}
        for cell in found.source_cells:
            metadata = {
                "schema_version": 3,
                "grade_id": cell.name,
                "grade": cell.name in points and cell.name not in tasks,
                "solution": cell.name in solutions,
                "locked": cell.locked,
                "task": cell.name in tasks,
                "cell_type": cell.cell_type,
                "checksum": cell.checksum,
            }
            if cell.name in points:
                metadata["points"] = points[cell.name]
            records[cell.name] = _Record(cell.source, metadata)
        return records


def _claim(nb: NotebookNode, records: Mapping[str, _Record]) -> dict[str, NotebookNode]:
    """Give every recorded cell its recorded metadata, and no other cell any."""
    places: dict[str, NotebookNode] = {}
    for cell in reversed(nb.cells):
        said = cell.metadata.pop("nbgrader", None)
        grade_id = said.get("grade_id") if isinstance(said, Mapping) else None
        if not isinstance(grade_id, str) or grade_id not in records or grade_id in places:
            continue
        record = records[grade_id]
        cell.metadata["nbgrader"] = from_dict(dict(record.metadata))
        if record.is_asked and isinstance(cell.metadata.get("tags"), list):
            cell.metadata["tags"] = [tag for tag in cell.metadata["tags"] if tag != DEMONSTRATION]
        places[grade_id] = cell
    return places


def _new_cell(record: _Record) -> NotebookNode:
    make = new_code_cell if record.metadata["cell_type"] == "code" else new_markdown_cell
    return make(record.source, metadata={"nbgrader": dict(record.metadata)})
