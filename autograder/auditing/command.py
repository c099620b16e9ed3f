"""`authoring audit`: how each test of an assignment will be run, and what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.errors import failing_with_a_sentence

if TYPE_CHECKING:
    from rich.table import Table

    from autograder.course import Course
    from autograder.submission.instructor import InstructorNotebook


def audit(
    assignment: Annotated[str, typer.Argument(help="Name of the assignment, such as rnn-bptt.")],
) -> None:
    """Find out how each test of a released assignment is to be run, and what is wrong with it.

    Runs the assignment's own solution and the untouched blanks through every test. A test runs
    **outside**, where students cannot reach it, if the solution passes it there; else **inside**
    the sandbox beside the student's code, with controls; a test that the solution passes
    **neither** way is not scored. The verdicts are kept in audit/ASSIGNMENT.json, and grading
    follows them. Releasing an assignment audits it too.

    Example:

      authoring audit rnn-bptt

    Exit status: 0 when nothing is wrong with any test, 1 when something is or the audit is not
    possible, 2 for a mistake in the command.
    """
    from rich.console import Console

    from autograder.auditing.record import record_file
    from autograder.course import Course

    loading = Console(stderr=True).status("loading nbgrader")
    with failing_with_a_sentence("authoring"), loading as status:
        course = Course.at(Path.cwd())
        notebooks = audit_assignment(course, assignment, status.update)
    Console().print(verdict_table(notebooks))
    faults = faults_of(notebooks)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(record_file(course, assignment).relative_to(course.root))
    if faults:
        raise typer.Exit(1)


def audit_assignment(
    course: Course, assignment: str, step: Callable[[str], None]
) -> tuple[InstructorNotebook, ...]:
    """Audit a released assignment and keep the verdicts; its notebooks with them.

    Raises:
        AutograderError: it was never released, or there is no sandbox.
    """
    from autograder.auditing.audit import audited
    from autograder.auditing.record import write_verdicts
    from autograder.options import GradingOptions
    from autograder.recording.gradebook import Gradebook
    from autograder.sandbox.sandbox import Sandbox
    from autograder.submission.instructor import read_instructors

    options = GradingOptions.of(course.config)
    with Gradebook.of(course) as gradebook:
        released = gradebook.released(assignment)
    plain = read_instructors(course, assignment, released)
    with Sandbox(options.limits, unsandboxed=options.allow_unsandboxed) as sandbox:
        notebooks = audited(plain, sandbox, options.limits, step)
    write_verdicts(course, assignment, notebooks)
    return notebooks


def verdict_table(notebooks: Sequence[InstructorNotebook]) -> Table:
    """One row for each test: how it will be run, and why."""
    from rich import box
    from rich.table import Table

    table = Table("notebook", "test", "points", "runs", "why", "seconds", box=box.SIMPLE)
    table.columns[1].overflow = "fold"
    table.columns[2].justify = table.columns[5].justify = "right"
    for notebook in notebooks:
        for name, verdict in notebook.verdicts.tests.items():
            points, seconds = f"{notebook.points[name]:g}", f"{verdict.seconds:.2f}"
            why = " ".join(verdict.why.split())[:100]
            table.add_row(notebook.name, name, points, verdict.mode, why, seconds)
    return table


def faults_of(notebooks: Sequence[InstructorNotebook]) -> list[str]:
    """What is wrong with the tests, a sentence each; then what else is with the notebooks."""
    faults = [
        f"{notebook.name}.ipynb, test {name}: {fault}."
        for notebook in notebooks
        for name, verdict in notebook.verdicts.tests.items()
        for fault in verdict.faults
    ]
    return faults + [
        f"{notebook.name}.ipynb: {note}"
        for notebook in notebooks
        for note in notebook.verdicts.notes
    ]
