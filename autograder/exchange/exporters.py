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
    scale = Bool(help="Convert points where the platform has another maximum.").tag(config=True)

    platform = ""

    def columns(self, names: list[str], columns: list[str]) -> tuple[dict[str, str], list[str]]:
        """Assignment to the column of its grades, and all columns to write."""
        raise NotImplementedError

    def export(self, gradebook: Any) -> None:
        """Fill in the template, as `nbgrader export` calls it; a problem ends the command."""
        to = Path(self.to or f"{self.platform.lower()}-grades.csv")
        try:
            if not self.template:
                option = f"--{type(self).__name__}.template=FILE"
                raise AutograderError(f"Give the CSV that {self.platform} exported: {option}.")
            columns, rows = read_table(Path(self.template))
            known = [assignment.name for assignment in gradebook.assignments]
            chosen, kept = self.columns([str(one) for one in self.assignment] or known, columns)
            changed = sum(self._fill_in(gradebook, *each, rows) for each in chosen.items())
            if not self.dry_run:
                with to.open("w", encoding="utf-8", newline="") as file:
                    writer = csv.DictWriter(file, kept, extrasaction="ignore")
                    writer.writeheader()
                    writer.writerows(rows)
        except AutograderError as error:
            self.log.critical("%s", error)
            sys.exit(1)
        except OSError as error:
            self.log.critical("%s cannot be written: %s.", to, error.strerror)
            sys.exit(1)
        done = "would change" if self.dry_run else f"changed, written to {to}"
        self.log.info("Grades that %s: %d.", done, changed)

    def _fill_in(self, gradebook: Any, assignment: str, column: str, rows: list[Row]) -> int:
        """Put an assignment's grades into its column; says whose change, and counts them."""
        try:
            found = gradebook.find_assignment(assignment)
        except MissingEntry as error:
            raise AutograderError(f"The gradebook knows no assignment {assignment!r}.") from error
        wanted = {str(student) for student in self.student}
        submissions = {
            each.student.id: each
            for each in found.submissions
            if not wanted or each.student.id in wanted
        }
        roster = read_roster([], map(student_row, gradebook.students))
        about_points = (row for row in rows if "Points Possible" in next(iter(row.values())))
        possible = next(about_points, {}).get(column, "")
        changed = 0
        for row, one in zip(rows, roster.of_rows(rows), strict=True):
            submission = submissions.pop(one.student, None) if one else None
            if submission is None:
                continue
            student = submission.student.id
            most = row.get("Maximum Grade") or row.get("Maximum grade") or possible
            new = self._as_written(submission, float(found.max_score), most)
            if submission.needs_manual_grade:
                self.log.warning("%s: to be graded by hand first; left as it is.", student)
            elif row.get("Grade can be changed") == "No":
                self.log.warning("%s: Moodle does not let this grade be changed.", student)
            elif _number(new) != _number(row[column]):
                self.log.info("%s: %s: %s -> %s", student, assignment, row[column] or "none", new)
                row[column], changed = new, changed + 1
        for student in sorted(submissions):
            self.log.warning(
                "%s: no row of %s is this student's: enter the grade of %s by hand.",
                *(student, self.template, assignment),
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
        return f"{points:.2f}".replace(".", "," if "," in most else ".")


class CanvasExport(_FilledTemplate):
    """Grades for Canvas: Gradebook › Import, from the file of Gradebook › Export."""

    column = Unicode(
        help="The column of the one assignment, as 'Sums (123)' or 123, if it is named otherwise."
    ).tag(config=True)

    platform = "Canvas"

    def columns(self, names: list[str], columns: list[str]) -> tuple[dict[str, str], list[str]]:
        """Only the assignments' columns are written: Canvas leaves others alone."""
        if self.column and len(names) != 1:
            raise AutograderError("--CanvasExport.column is one assignment's: add --assignment.")
        titles = [*filter(None, map(re.compile(r"(.*) \((\d+)\)").fullmatch, columns))]
        chosen = {}
        for name in names:
            if self.column:
                fitting = [title[0] for title in titles if self.column in title.group(0, 2)]
            else:
                fitting = [t[0] for t in titles if simplified(t[1]) == simplified(name)]
            if len(fitting) == 1:
                chosen[name] = fitting[0]
            elif self.assignment or self.column:
                raise AutograderError(
                    f"{self.template} has {len(fitting)} columns for {name}. Name the right one "
                    f"with --CanvasExport.column: {', '.join(title[0] for title in titles)}."
                )
        if not chosen:
            raise AutograderError(
                f"{self.template} has no column that is called like an assignment. Give "
                "--assignment and --CanvasExport.column."
            )
        kept = {*_CANVAS_STUDENT, *chosen.values()}
        return chosen, [column for column in columns if column in kept]


class MoodleExport(_FilledTemplate):
    """Grades for Moodle: the assignment's grading worksheet, filled in."""

    platform = "Moodle"

    def columns(self, names: list[str], columns: list[str]) -> tuple[dict[str, str], list[str]]:
        """The worksheet stays whole."""
        if len(names) != 1:
            raise AutograderError(
                f"A worksheet is of one assignment: add --assignment, one of {', '.join(names)}."
            )
        if not {"Grade", "Identifier"} <= set(columns):
            raise AutograderError(
                f"{self.template} is not Moodle's grading worksheet in English: it has no column "
                "Identifier or Grade."
            )
        return {names[0]: "Grade"}, columns


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
