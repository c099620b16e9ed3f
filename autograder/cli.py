"""The command `autograder`: grade submissions, report on a class."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.errors import AutograderError, failing_with_a_sentence
from autograder.exchange.command import Assignment, collect, give_back
from autograder.startup import import_less, lasting_imports

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from autograder.comparing import ComparedCell
    from autograder.course import Course
    from autograder.recording.gradebook import Change
    from autograder.recording.results import SubmissionResult
    from autograder.scheduling.batch import Plan

app = typer.Typer(
    callback=import_less,
    help="Grade a class's notebooks safely, and see what the class has understood.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(collect)
app.command("return")(give_back)


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
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Write nothing: say who would gain or lose how much against the gradebook.",
        ),
    ] = False,
) -> None:
    """Grade the submissions of an assignment into nbgrader's gradebook.

    Run it at the root of the course, after **nbgrader generate_assignment** and
    **autograder collect**, which fills submitted/STUDENT/ASSIGNMENT/. Students' code runs in a
    sandbox, the tests do not. Grading that was interrupted goes on where it stopped; manual
    grades and comments stay. Whose points have changed is told. Feedback pages and the report
    that are no longer true are taken away; a report that was there is made again.

    Afterwards: **autograder feedback ASSIGNMENT**, **autograder report ASSIGNMENT**,
    **nbgrader export**, or formgrader.

    Exit status: 0 when every submission was graded, whatever it scored; 1 when one could not be
    (its reason is printed, and in the gradebook's comments) or grading is not possible; 2 for a
    mistake in the command.
    """
    from autograder.options import GradingOptions, read_config

    with failing_with_a_sentence():
        config = read_config(Path.cwd())
        if scheduler is None and any(Path("submitted").glob(f"*/{assignment}")):
            from autograder.scheduling.pools import start_early
            from autograder.scheduling.worker import warm_up

            # It gets ready while this process imports nbgrader.
            options = GradingOptions.of(config)
            unsandboxed = allow_unsandboxed or options.allow_unsandboxed
            start_early(partial(warm_up, options.limits, unsandboxed))
        with lasting_imports():
            from autograder.course import Course
            from autograder.scheduling.batch import Plan, chosen_students, grade_class
            from autograder.scheduling.progress import grading_bar

        plan = Plan(assignment, tuple(student or ()), force, jobs, scheduler, allow_unsandboxed)
        course = Course.at(Path.cwd(), config)
        if dry_run:
            _compare(course, plan, quiet=quiet)
            return
        students = chosen_students(course, plan)
        said: list[str] = []
        with (
            _renewing_the_report(course, assignment),
            grading_bar(len(students), quiet=quiet) as advance,
        ):
            results = grade_class(course, plan, students, advance, said.append)
    if not quiet:
        print("\n".join(said), end="\n" if said else "")
    _tell(results, len(students), quiet=quiet)


@app.command()
def feedback(assignment: Assignment) -> None:
    """Make the students' feedback pages; those that are there and still true stay.

    Run it at the root of the course, after **autograder grade ASSIGNMENT** and after grading by
    hand in formgrader. Pages whose notebook, points, comments or penalty have changed are made
    anew by nbgrader, as **nbgrader generate_feedback ASSIGNMENT** does; pages of whom no
    submission is graded any more are removed. A report that is there is made again.

    Exit status: 0 when every page is there and true, 1 when one could not be made, 2 for a
    mistake in the command.
    """
    with lasting_imports():
        from rich.console import Console

        from autograder.course import Course
        from autograder.reporting.renewal import renew_feedback

    with failing_with_a_sentence():
        course = Course.at(Path.cwd())
        with (
            _renewing_the_report(course, assignment),
            Console(stderr=True).status("Making feedback pages"),
        ):
            renewal = renew_feedback(course, assignment)
    print(
        f"Feedback: {len(renewal.renewed)} renewed, {len(renewal.unchanged)} unchanged, "
        f"{len(renewal.removed)} removed."
    )


@app.command()
def report(assignment: Assignment) -> None:
    """Write reports/ASSIGNMENT/: a page about the class, and grades.json for programs.

    Run it at the root of the course, after **autograder grade ASSIGNMENT**. The page,
    index.html, is one file that needs no network; run **autograder feedback
    ASSIGNMENT** before it, and it links to every student's feedback.

    Exit status: 0 when the report was written, 1 when it could not be, 2 for a mistake in the
    command.
    """
    with lasting_imports():
        from rich.console import Console

        from autograder.course import Course
        from autograder.reporting.report import score_table, write_report

    with failing_with_a_sentence():
        written = write_report(Course.at(Path.cwd()), assignment)
    Console().print(score_table(written.entries))
    for path in (written.page, written.grades):
        print(path.relative_to(Path.cwd().resolve()))


@app.command()
def init(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Add the lines without asking.")] = False,
) -> None:
    """Let an existing nbgrader course be graded by this grader.

    Run it in the folder that holds **nbgrader_config.py**. It shows the lines that the file needs
    and adds them when you agree, tries the sandbox, and audits what is released: which tests can
    run where students cannot reach them. Nothing that is there is overwritten, and grades that
    are in the gradebook stay.

    Exit status: 0 when the course is ready, 1 when it is not, 2 for a mistake in the command.
    """
    from authoring.config import CONFIG_FILE
    from autograder.adopting import add_lines, lines_to_add
    from autograder.options import GradingOptions, read_config
    from autograder.sandbox.sandbox import Sandbox

    root = Path.cwd()
    with failing_with_a_sentence():
        lines = lines_to_add(root)
        if lines:
            print(f"{CONFIG_FILE} needs these lines at its end:\n\n{lines}")
            if not yes and not typer.confirm(f"Add them to {root / CONFIG_FILE}?"):
                raise AutograderError("nothing was changed.")
            add_lines(root, lines)
        else:
            print(f"{CONFIG_FILE}: already set up.")
        options = GradingOptions.of(read_config(root))
        with Sandbox(options.limits, unsandboxed=options.allow_unsandboxed) as sandbox:
            print(f"Sandbox: works, {sandbox.describe()}.")
        _audit_released(root)


def _audit_released(root: Path) -> None:
    """Audit what the gradebook says is released, and say the next command."""
    from rich.console import Console

    from autograder.auditing.command import audit_assignment, faults_of, verdict_table
    from autograder.course import Course
    from autograder.recording.gradebook import Gradebook

    course = Course.at(root)
    try:
        with Gradebook.of(course) as gradebook:
            assignments = gradebook.assignments()
    except AutograderError:
        assignments = []  # no gradebook yet
    for assignment in assignments:
        with Console(stderr=True).status(assignment) as status:
            notebooks = audit_assignment(course, assignment, status.update)
        Console().print(verdict_table(notebooks), soft_wrap=True)
        for fault in faults_of(notebooks):
            print(f"warning: {fault}", file=sys.stderr)
    if not assignments:
        print("Nothing is released yet. Next: nbgrader generate_assignment ASSIGNMENT")
    for assignment in assignments:
        print(f"Next: autograder grade {assignment}")


@app.command()
def compare(assignment: Assignment) -> None:
    """Compare what this grader would give with the scores in the gradebook; writes nothing.

    Run it in a course that plain nbgrader has graded: it shows, cell by cell, who would gain or
    lose points, and why. The same as **autograder grade ASSIGNMENT --dry-run**.

    Exit status: 0 when every submission could be graded, whether scores differ or not; 1 when
    not, 2 for a mistake in the command.
    """
    grade(assignment, dry_run=True)


def _compare(course: Course, plan: Plan, *, quiet: bool) -> None:
    """Print what grading would change, cell by cell and student by student."""
    from rich.console import Console

    from autograder.comparing import compared_cells, difference_table
    from autograder.recording.gradebook import Gradebook
    from autograder.scheduling.batch import chosen_students, grade_each
    from autograder.scheduling.progress import grading_bar

    students = chosen_students(course, plan)
    with Gradebook.of(course) as gradebook:
        recorded = gradebook.recorded(plan.assignment)
    compared: list[ComparedCell] = []
    changes: list[Change] = []
    said: list[str] = []
    with grading_bar(len(students), quiet=quiet) as advance:
        for outcome in grade_each(course, plan, students, advance, said.append, keep=False):
            compared += compared_cells(outcome, recorded.get(outcome.student, {}))
            changes += [outcome.change] if outcome.change else []
    differing = sorted(each for each in compared if each.recorded != each.ours)
    if differing:
        Console().print(difference_table(differing), soft_wrap=True)
    for change in sorted(changes, key=attrgetter("student")):
        if change.gain:
            print(f"{change}.")
    gaining = sum(change.gain > 0 for change in changes)
    print(
        f"{len(compared)} test cells of {len(students)} submissions: "
        f"{len(compared) - len(differing)} equal, {len(differing)} differ. "
        f"{gaining} student{'s' if gaining != 1 else ''} would gain, "
        f"{sum(change.gain < 0 for change in changes)} would lose."
    )
    for sentence in said:
        print(sentence)
    if any(each.ours is None for each in compared):
        raise typer.Exit(1)


@contextmanager
def _renewing_the_report(course: Course, assignment: str) -> Iterator[None]:
    """Make the report on the class again, where there was one before."""
    from autograder.recording.derived import has_report

    had_report = has_report(course, assignment)
    yield
    if had_report:
        from autograder.reporting.report import write_report

        write_report(course, assignment)


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
        if inside := dict.fromkeys(name for result in results for name in result.inside):
            points = sum(results[0].tests[name][1] for name in inside if name in results[0].tests)
            print(
                f"{points:g} points rest on tests beside the students' code: {', '.join(inside)}."
            )
    if failed:
        raise typer.Exit(1)
