"""Exporters for `nbgrader export --exporter=…`: the grades as Canvas and Moodle read them.

A template that the platform exported is filled in: so its ids fit, and what nbgrader does not know
stays. Where nobody handed in, or a person still has to grade, the grade in the template stays, too.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.plugins import ExportPlugin
from traitlets import Bool, Unicode

from autograder.errors import AutograderError
from autograder.exchange.roster import read_roster, read_table, simplified
from autograder.recording.gradebook import student_row

__all__ = ["CanvasExport", "MoodleExport"]

Row = dict[str, str]

# What Canvas's import wants before the assignments, to know the student.
_CANVAS_STUDENT = (
    *("Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID"),
    *("Integration ID", "Root Account", "Section"),
)


class _FilledTemplate(ExportPlugin):
    """What both platforms share: a template, its rows matched with nbgrader's students."""

    template = Unicode(help="The CSV that the platform exported, to be filled in.").tag(config=True)
    dry_run = Bool(help="Only show whose grade would change; write nothing.").tag(config=True)
    scale = Bool(help="Convert points where the platform's maximum is not the assignment's.").tag(
        config=True
    )

    platform = ""

    def export(self, gradebook: Any) -> None:
        """Fill in the template, as `nbgrader export` calls it; a problem ends the command."""
        try:
            if not self.template:
                name = type(self).__name__
                raise AutograderError(
                    f"Give the CSV that {self.platform} exported: --{name}.template=FILE."
                )
            columns, rows = read_table(Path(self.template))
            chosen = self._chosen(gradebook, columns)
            changed = sum(
                self._fill_in(gradebook, assignment, column, rows)
                for assignment, column in chosen.items()
            )
            to = Path(self.to or f"{self.platform.lower()}-grades.csv")
            if not self.dry_run:
                self._write(to, self._kept(columns, list(chosen.values())), rows)
        except AutograderError as error:
            self.log.critical("%s", error)
            sys.exit(1)
        done = "would change" if self.dry_run else f"changed; written to {to}"
        self.log.info("%d grades %s.", changed, done)

    def _chosen(self, gradebook: Any, columns: list[str]) -> dict[str, str]:
        """Assignment to the column of its grades."""
        raise NotImplementedError

    def _kept(self, columns: list[str], chosen: list[str]) -> list[str]:
        """Columns of the template that are written."""
        raise NotImplementedError

    def _most(self, row: Row, column: str, rows: list[Row]) -> str:
        """The platform's maximum for a row's grade."""
        raise NotImplementedError

    def _fill_in(self, gradebook: Any, assignment: str, column: str, rows: list[Row]) -> int:
        """Put an assignment's grades into its column; says whose change, and counts them."""
        found = gradebook.find_assignment(assignment)
        submissions = {each.student.id: each for each in found.submissions}
        roster = read_roster([], map(student_row, gradebook.students))
        wanted, changed = {str(student) for student in self.student}, 0
        for row, one in zip(rows, roster.of_rows(rows), strict=True):
            submission = submissions.pop(one.student, None) if one else None
            if one is None or submission is None or (wanted and one.student not in wanted):
                continue
            if submission.needs_manual_grade:
                self.log.warning(
                    "%s: %s still has to be graded by hand; left as it is.", one.student, assignment
                )
                continue
            most = self._most(row, column, rows)
            new = self._as_written(submission, float(found.max_score), most)
            if row.get("Grade can be changed", "Yes") == "No":
                self.log.warning("%s: Moodle does not let this grade be changed.", one.student)
            elif _number(new) != _number(row[column]):
                self.log.info(
                    "%s: %s: %s -> %s", one.student, assignment, row[column] or "none", new
                )
                row[column], changed = new, changed + 1
        for student in sorted(set(submissions) - (set(submissions) - wanted if wanted else set())):
            self.log.warning(
                "%s handed in %s, but no row of %s is this student's: enter the grade by hand.",
                *(student, assignment, self.template),
            )
        return changed

    def _as_written(self, submission: Any, max_score: float, most: str) -> str:
        points = max(0.0, submission.score - (submission.late_submission_penalty or 0.0))
        theirs = _number(most)
        if theirs is not None and theirs != max_score:
            if not self.scale:
                raise AutograderError(
                    f"{self.platform} gives {theirs:g} points for what has {max_score:g} in the "
                    f"gradebook. Change it in {self.platform} and export the template again, or "
                    f"convert with --{type(self).__name__}.scale=True."
                )
            points *= theirs / max_score if max_score else 0.0
        text = f"{points:.2f}"
        return text.replace(".", ",") if "," in most else text

    def _write(self, to: Path, columns: list[str], rows: list[Row]) -> None:
        try:
            with to.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, extrasaction="ignore")
                writer.writeheader()
                writer.writerows(rows)
        except OSError as error:
            raise AutograderError(f"{to} cannot be written: {error.strerror}.") from error


class CanvasExport(_FilledTemplate):
    """Grades for Canvas: Gradebook › Import, from the file of Gradebook › Export."""

    column = Unicode(
        help="The column of the one assignment, as 'Sums (123)' or 123, if it is named otherwise."
    ).tag(config=True)

    platform = "Canvas"

    def _chosen(self, gradebook: Any, columns: list[str]) -> dict[str, str]:
        titles = {column: re.fullmatch(r"(.*) \((\d+)\)", column) for column in columns}
        asked = [str(name) for name in self.assignment]
        if self.column and len(asked) != 1:
            raise AutograderError("--CanvasExport.column is one assignment's: add --assignment.")
        chosen = {}
        for name in asked or [each.name for each in gradebook.assignments]:
            fitting = [
                column
                for column, title in titles.items()
                if title
                and (
                    self.column in {column, title[2]}
                    if self.column
                    else simplified(title[1]) == simplified(name)
                )
            ]
            if len(fitting) == 1:
                chosen[name] = fitting[0]
            elif asked:
                names = ", ".join(column for column, title in titles.items() if title) or "none"
                raise AutograderError(
                    f"{self.template} has {len(fitting)} columns for {name}. Name the column with "
                    f"--CanvasExport.column. Its assignments are: {names}."
                )
        if not chosen:
            raise AutograderError(
                f"{self.template} has no column that is called like an assignment. Give "
                "--assignment and --CanvasExport.column."
            )
        return _known(gradebook, chosen)

    def _kept(self, columns: list[str], chosen: list[str]) -> list[str]:
        """Canvas leaves an assignment alone that is not in the file."""
        return [column for column in columns if column in {*_CANVAS_STUDENT, *chosen}]

    def _most(self, row: Row, column: str, rows: list[Row]) -> str:
        points = [each[column] for each in rows if "Points Possible" in next(iter(each.values()))]
        return points[0] if points else ""


class MoodleExport(_FilledTemplate):
    """Grades for Moodle: the assignment's grading worksheet, filled in."""

    platform = "Moodle"

    def _chosen(self, gradebook: Any, columns: list[str]) -> dict[str, str]:
        names = [str(name) for name in self.assignment] or [a.name for a in gradebook.assignments]
        if len(names) != 1:
            raise AutograderError(
                f"A grading worksheet is of one assignment: add --assignment=NAME, one of "
                f"{', '.join(names)}."
            )
        if "Grade" not in columns or "Identifier" not in columns:
            raise AutograderError(
                f"{self.template} is not Moodle's grading worksheet in English: it has no column "
                "Identifier or Grade."
            )
        return _known(gradebook, {names[0]: "Grade"})

    def _kept(self, columns: list[str], chosen: list[str]) -> list[str]:
        return columns

    def _most(self, row: Row, column: str, rows: list[Row]) -> str:
        return row.get("Maximum Grade") or row.get("Maximum grade") or ""


def _known(gradebook: Any, chosen: dict[str, str]) -> dict[str, str]:
    for name in chosen:
        try:
            gradebook.find_assignment(name)
        except MissingEntry as error:
            raise AutograderError(f"The gradebook knows no assignment {name!r}.") from error
    return chosen


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
