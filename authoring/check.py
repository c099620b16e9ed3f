"""Whether the generated folders are what the sources make today."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path

import nbformat

from authoring.course import Course, read_notebook
from authoring.exercises import cell_label
from authoring.leaks import course_secrets, find_leaks, is_kept_in_source, texts_of
from authoring.release import build_release
from authoring.solutions import build_solution
from authoring.wheel import wheel_files


def check_course(course: Course, step: Callable[[str], None] = lambda _: None) -> list[str]:
    """Rebuild everything elsewhere, compare, and look for leaks.

    Args:
        course: the course.
        step: told what is being checked, for a progress display.

    Returns:
        What is wrong, one sentence each; empty when all is well.
    """
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for assignment in course.assignments():
            step(f"rebuilding the release of {assignment}")
            faults += release_differences(course, assignment, Path(scratch) / "release")
            step(f"rebuilding the solution of {assignment}")
            faults += _check_solution(course, assignment, Path(scratch) / "solutions")
    step("looking for leaks in the releases")
    faults += release_leaks(course)
    step("looking for leaks in the lab's wheel")
    return faults + wheel_leaks(course)


def release_leaks(course: Course) -> list[str]:
    """Secrets that stand in the release folder, one sentence each."""
    files = {
        str(path.relative_to(course.root)): path.read_bytes()
        for path in sorted(course.release.rglob("*"))
        if path.is_file()
    }
    return leaks_in(course, files)


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
        faults += [str(leak) for leak in find_leaks(secrets, texts_of(name, content))]
    return faults


def release_differences(course: Course, assignment: str, elsewhere: Path) -> list[str]:
    """How the committed release differs from one rebuilt in another folder with the same choice."""
    committed = course.release / assignment
    blanks = level = None
    for path in sorted(committed.glob("*.ipynb")):
        said = read_notebook(path).metadata.get("exercise", {})
        blanks, level = said.get("blanks", blanks), said.get("level", level)
    rebuilt = build_release(course, assignment, blanks=blanks, level=level, output=elsewhere)
    return _differences(course, committed, rebuilt, str, f"authoring release {assignment}")


def _check_solution(course: Course, assignment: str, elsewhere: Path) -> list[str]:
    rebuilt = build_solution(course, assignment, output=elsewhere, run=False)
    return _differences(
        course,
        course.solutions / assignment,
        rebuilt,
        _without_outputs,
        f"authoring solutions {assignment}",
    )


def _without_outputs(text: str) -> str:
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return str(nbformat.writes(notebook))


def _differences(
    course: Course, committed: Path, rebuilt: Path, view: Callable[[str], str], remedy: str
) -> list[str]:
    """Compare two folders; notebooks as `view` shows them, and to the cell."""
    ours = {path.relative_to(committed) for path in committed.rglob("*") if path.is_file()}
    theirs = {path.relative_to(rebuilt) for path in rebuilt.rglob("*") if path.is_file()}
    found = []
    for name in sorted(ours | theirs):
        shown = (committed / name).relative_to(course.root)
        if name not in ours:
            found.append(f"{shown} is missing. Run '{remedy}'.")
        elif name not in theirs:
            found.append(f"{shown} is not made from any source. Delete it, or run '{remedy}'.")
        elif name.suffix == ".ipynb":
            one = view((committed / name).read_text(encoding="utf-8"))
            two = view((rebuilt / name).read_text(encoding="utf-8"))
            if one != two:
                cell = _first_difference(json.loads(one), json.loads(two))
                found.append(
                    f"{shown}, {cell}: differs from what the source makes. Run '{remedy}'."
                )
        elif (committed / name).read_bytes() != (rebuilt / name).read_bytes():
            found.append(f"{shown}: differs from what the source makes. Run '{remedy}'.")
    return found


def _first_difference(
    one: dict[str, list[dict[str, object]]], two: dict[str, list[dict[str, object]]]
) -> str:
    for index, (left, right) in enumerate(zip_longest(one["cells"], two["cells"])):
        if left != right:
            return cell_label(left if left is not None else right, index)
    return "metadata"
