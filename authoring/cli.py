"""The `authoring` command: from source notebooks to what students and staff get."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from authoring.errors import AuthoringError
from authoring.markers import Level

if TYPE_CHECKING:
    from rich.status import Status

    from authoring.course import Course

# The commands import what they need when they run: nbgrader takes seconds to import, and --help
# should not.

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="""Build what students and staff get from the source notebooks.

Run it at the course root, the folder that holds [bold]nbgrader_config.py[/bold]. A usual round:

  authoring release rnn-bptt          the students' notebook, in release/
  authoring audit rnn-bptt            can its tests be trusted?
  authoring solutions rnn-bptt        the executed solution, in solutions/
  authoring check                     both up to date, nothing leaks?
  authoring bundle                    all that students get, in one zip
  authoring sample-class rnn-bptt     submissions to try grading on

Exit status: 0 if everything asked for was done, 1 if not, 2 for a usage error.
""",
)

Assignments = Annotated[
    list[str] | None,
    typer.Argument(metavar="ASSIGNMENT", help="Folders of source/. All of them by default."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        help="Build under this folder instead, to look at: the gradebook is told nothing.",
        file_okay=False,
    ),
]


@contextlib.contextmanager
def _course_here() -> Iterator[Course]:
    """The course in this folder; what goes wrong with it is said in a sentence."""
    from authoring.course import Course

    try:
        yield Course.at(Path.cwd())
    except AuthoringError as error:
        typer.secho(f"authoring: {error}", fg="red", err=True)
        raise typer.Exit(1) from error


def _status() -> Status:
    from rich.console import Console

    return Console(stderr=True).status("loading nbgrader")


@app.command()
def release(
    assignments: Assignments = None,
    blanks: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME…",
            help="Functions that students write, separated by commas. "
            "By default what nbgrader_config.py says.",
        ),
    ] = None,
    level: Annotated[
        Level | None,
        typer.Option(
            help="How much help a blank gives: commented steps, signature and accumulators, or "
            "signature and docstring. By default what nbgrader_config.py says.",
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Build the students' notebooks, with nbgrader's own generate_assignment.

    A release that is there is replaced only when the new one is complete.

    Examples:

      authoring release

      authoring release rnn-bptt --blanks bptt,sgd_step --level standard

      authoring release rnn-bptt --level open --output /tmp/look
    """
    with _course_here() as course, _status() as status:
        from authoring.release import build_release, names_in

        names = None if blanks is None else names_in(blanks)
        for assignment in assignments or course.assignments():
            status.update(f"building the release of {assignment}")
            folder = build_release(course, assignment, blanks=names, level=level, output=output)
            typer.echo(f"{assignment}: {_shown(folder, course)}")


@app.command()
def solutions(assignments: Assignments = None, output: Output = None) -> None:
    """Build the solutions: executed top to bottom, without markers and hidden tests.

    Examples:

      authoring solutions

      authoring solutions rnn-bptt --output /tmp/look
    """
    with _course_here() as course:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        from authoring.solutions import build_solution

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        for assignment in assignments or course.assignments():
            with Progress(*columns, transient=True) as bar:
                task = bar.add_task(assignment, total=None)

                def show(index: int, total: int, name: str) -> None:
                    bar.update(task, completed=index, total=total, description=name)  # noqa: B023

                folder = build_solution(course, assignment, output=output, progress=show)
            typer.echo(f"{assignment}: {_shown(folder, course)}")


@app.command()
def check() -> None:
    """Check that release/ and solutions/ are what the sources make, and that nothing leaks.

    Rebuilds both in another folder and compares them byte by byte (outputs aside), then looks for
    solution lines, hidden tests and misconceptions in release/ and in the lab's wheel. Names every
    file and cell that is at fault.

    Example:

      authoring check
    """
    with _course_here() as course:
        with _status() as status:
            from authoring.check import check_course

            faults = check_course(course, step=status.update)
        for fault in faults:
            typer.secho(fault, fg="red", err=True)
        if faults:
            raise typer.Exit(1)
        typer.echo(f"{', '.join(course.assignments())}: up to date, nothing secret gets out.")


@app.command()
def bundle(
    out: Annotated[Path, typer.Option(help="The zip to write.", dir_okay=False)] = Path(
        "bundle/course-students.zip"
    ),
) -> None:
    """Pack what students get into one zip: notebooks, the lab's wheel, curricula, a README.

    Refuses when a release is missing or is not what its source makes, and when anything secret
    stands in the zip. The same files give the same zip, byte for byte.

    Examples:

      authoring bundle

      authoring bundle --out ~/hand-out/week-3.zip
    """
    with _course_here() as course:
        with _status() as status:
            from authoring.bundle import build_bundle

            names = build_bundle(course, out, step=status.update)
        typer.echo(f"{out}: {len(names)} files, {out.stat().st_size / 1e6:.1f} MB")


@app.command()
def sample_class(
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="Folder of release/.")],
) -> None:
    """Hand in the sample class of data/sample-class/, as if students had.

    Needs a release. Writes submitted/STUDENT/ASSIGNMENT/ for each student and enters them in the
    gradebook; other submissions are left alone.

    Example:

      authoring sample-class rnn-bptt && nbgrader autograde rnn-bptt
    """
    with _course_here() as course:
        from authoring.sample_class import submit_class

        submissions = submit_class(course, assignment)
        width = max(len(each.student) for each in submissions)
        for each in submissions:
            typer.echo(f"{each.student:{width}}  {each.what}")


def _shown(folder: Path, course: Course) -> str:
    folder = folder.resolve()
    return str(folder.relative_to(course.root) if folder.is_relative_to(course.root) else folder)


# The audit of an assignment's tests belongs to the grader, which adds it here.
for _command in entry_points(group="authoring.commands"):
    app.command(_command.name)(_command.load())
