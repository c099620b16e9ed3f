"""The command `autograder`: grade submissions, report on a class."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.errors import AutograderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autograder.options import GradingOptions
    from autograder.recording.results import SubmissionResult

app = typer.Typer(
    help="Grade a class's notebooks safely, and see what the class has understood.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
)

Assignment = Annotated[str, typer.Argument(help="Name of the assignment, such as rnn-bptt.")]


@app.command()
def grade(
    assignment: Assignment,
    student: Annotated[
        list[str] | None,
        typer.Option(help="Only this student's submission; give it again for more."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Grade also what has not changed since last time.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Most submissions at a time.", show_default="one per core"),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing unless something went wrong.")
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Grade on the Dask cluster at this address, such as tcp://10.0.0.1:8786.",
        ),
    ] = None,
    allow_unsandboxed: Annotated[
        bool,
        typer.Option(
            "--allow-unsandboxed",
            help="Grade even where there is no sandbox. Students' code then runs with your "
            "rights; the gradebook's comments will say so.",
        ),
    ] = False,
) -> None:
    """Grade the submissions of an assignment into nbgrader's gradebook.

    Run it at the root of the course, after **nbgrader generate_assignment** and after the
    submissions were collected into submitted/STUDENT/ASSIGNMENT/. Students' code runs in a
    sandbox, the tests do not. Grading that was interrupted goes on where it stopped; manual
    grades and comments stay.

    Afterwards: **autograder report ASSIGNMENT**, **nbgrader generate_feedback
    ASSIGNMENT**, **nbgrader export**, or formgrader.

    Exit status: 0 when every submission was graded, whatever it scored; 1 when one could not be
    (its reason is printed, and in the gradebook's comments) or grading is not possible; 2 for a
    mistake in the command.
    """
    from autograder.startup import import_less, lasting_imports

    import_less()
    from autograder.options import GradingOptions, read_config

    try:
        config = read_config(Path.cwd())
        if scheduler is None and any(Path("submitted").glob(f"*/{assignment}")):
            _start_a_worker(GradingOptions.of(config), allow_unsandboxed)
        with lasting_imports():
            from autograder.course import Course
            from autograder.scheduling.batch import Plan, chosen_students, grade_class
            from autograder.scheduling.progress import grading_bar

        plan = Plan(assignment, tuple(student or ()), force, jobs, scheduler, allow_unsandboxed)
        course = Course.of(Path.cwd(), config)
        students = chosen_students(course, plan)
        with grading_bar(len(students), quiet=quiet) as advance:
            results = grade_class(course, plan, students, advance)
    except AutograderError as error:
        _fail(str(error))
    _tell(results, len(students), quiet=quiet)


@app.command()
def report(assignment: Assignment) -> None:
    """Write reports/ASSIGNMENT/: a page about the class, and grades.json for programs.

    Run it at the root of the course, after **autograder grade ASSIGNMENT**. The page,
    index.html, is one file that needs no network; run **nbgrader generate_feedback
    ASSIGNMENT** before it, and it links to every student's feedback.

    Exit status: 0 when the report was written, 1 when it could not be, 2 for a mistake in the
    command.
    """
    from autograder.startup import import_less, lasting_imports

    import_less()
    with lasting_imports():
        from rich.console import Console

        from autograder.course import Course
        from autograder.reporting.report import score_table, write_report

    try:
        written = write_report(Course.at(Path.cwd()), assignment)
    except AutograderError as error:
        _fail(str(error))
    Console().print(score_table(written.entries))
    for path in (written.page, written.grades):
        print(path.relative_to(Path.cwd().resolve()))


def _start_a_worker(options: GradingOptions, allow_unsandboxed: bool) -> None:
    """Let a worker get ready while this process imports nbgrader."""
    from functools import partial

    from autograder.scheduling.pools import start_early
    from autograder.scheduling.worker import warm_up

    unsandboxed = allow_unsandboxed or options.allow_unsandboxed
    start_early(partial(warm_up, options.limits, unsandboxed=unsandboxed))


def _tell(results: Sequence[SubmissionResult], asked: int, *, quiet: bool) -> None:
    failed = [result for result in results if result.status == "not gradable"]
    for result in failed:
        print(f"{result.student}: not graded. {result.reason}", file=sys.stderr)
    if not quiet:
        for result in results:
            if result.status == "partly graded":
                print(f"{result.student}: partly graded. {result.reason}")
        graded = len({result.student for result in results} - {r.student for r in failed})
        unchanged = asked - len({result.student for result in results})
        print(f"{graded} graded, {unchanged} unchanged, {len(failed)} could not be graded.")
    if failed:
        raise typer.Exit(1)


def _fail(message: str) -> None:
    print(f"autograder: {message}", file=sys.stderr)
    raise typer.Exit(1)
