"""Whether the generated folders are what the sources make today."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path

import nbformat

from authoring.course import Course, files_in
from authoring.exercises import cell_label
from authoring.leaks import course_secrets, find_leaks, is_kept_in_source, texts_of
from authoring.release import build_release
from authoring.solutions import build_solution
from authoring.wheel import wheel_files


def check_course(course: Course, step: Callable[[str], None] = lambda _: None) -> list[str]:
    """Rebuild everything elsewhere, compare, and look for leaks.

    Returns what is wrong, one sentence each. `step` is told what is being done, for a display.
    """
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for assignment in course.assignments():
            step(f"rebuilding the release of {assignment}")
            faults += release_differences(course, assignment, Path(scratch) / "release")
            step(f"rebuilding the solution of {assignment}")
            built = build_solution(
                course, assignment, output=Path(scratch) / "solutions", run=False
            )
            committed = course.solutions / assignment
            remedy = f"authoring solutions {assignment}"
            faults += _differences(course, committed, built, _without_outputs, remedy)
    step("looking for leaks in the releases")
    faults += release_leaks(course)
    step("looking for leaks in the lab's wheel")
    return faults + wheel_leaks(course)


def release_leaks(course: Course) -> list[str]:
    """Secrets that stand in the release folder, one sentence each."""
    name = course.release.relative_to(course.root).as_posix()
    return leaks_in(course, files_in(course.release, name))


def wheel_leaks(course: Course) -> list[str]:
    """Secrets that stand in the lab's wheel, one sentence each."""
    files = wheel_files(course.root)
    return leaks_in(course, {f"gtnlab wheel/{name}": content for name, content in files.items()})


def leaks_in(course: Course, files: Mapping[str, bytes]) -> list[str]:
    """Secrets that stand in these files, given by name, one sentence each."""
    secrets = course_secrets(course)
    faults = []
    for name, content in files.items():
        if is_kept_in_source(course, name):
            faults.append(f"{name}: this file must stay in source/.")
        faults += find_leaks(secrets, texts_of(name, content))
    return faults


def release_differences(course: Course, assignment: str, elsewhere: Path) -> list[str]:
    """How the committed release differs from one rebuilt in another folder with the same choice."""
    choice = course.released_choice(assignment)
    rebuilt = build_release(course, assignment, **choice, output=elsewhere)
    committed, remedy = course.release / assignment, f"authoring release {assignment}"
    return _differences(course, committed, rebuilt, bytes, remedy)


def _without_outputs(content: bytes) -> bytes:
    notebook = nbformat.reads(content.decode(), as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return str(nbformat.writes(notebook)).encode()


def _differences(
    course: Course, committed: Path, rebuilt: Path, view: Callable[[bytes], bytes], remedy: str
) -> list[str]:
    """Compare two folders; notebooks as `view` shows them, and to the cell."""
    shown = committed.relative_to(course.root).as_posix()
    ours, theirs = files_in(committed, shown), files_in(rebuilt, shown)
    found = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours:
            found.append(f"{name} is missing. Run '{remedy}'.")
        elif name not in theirs:
            found.append(f"{name} is not made from any source. Delete it, or run '{remedy}'.")
        else:
            is_notebook = name.endswith(".ipynb")
            one, two = map(view if is_notebook else bytes, (ours[name], theirs[name]))
            if one != two:
                cell = f", {_first_difference(one, two)}" if is_notebook else ""
                found.append(f"{name}{cell}: differs from what the source makes. Run '{remedy}'.")
    return found


def _first_difference(one: bytes, two: bytes) -> str:
    cells = zip_longest(json.loads(one)["cells"], json.loads(two)["cells"])
    for index, (left, right) in enumerate(cells):
        if left != right:
            return cell_label(left if left is not None else right, index)
    return "metadata"
