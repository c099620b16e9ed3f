"""Which functions of a notebook are blank, and how much help each blank gives."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from nbformat import NotebookNode

from authoring.errors import AuthoringError
from authoring.exercises import Exercise, cell_label, hints_in, read_exercises, source_of
from authoring.markers import Level, Line, read_lines, without_markers

# How many of an exercise's hints a level hands out.
HINTS: dict[Level, int] = {"guided": 3, "standard": 2, "open": 1}

_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"
_REGION = re.compile(f"{_BEGIN}.*?{_END}", re.DOTALL)


def blank(lines: Sequence[Line], level: Level) -> str:
    """Rewrite a solution cell so that nbgrader's ClearSolutions leaves a stub in place of each gap.

    Each maximal run of lines hidden at `level` becomes one solution region, at the indentation of
    the run's first line of code. Empty lines do not interrupt a run, and a run of nothing but
    comments (help for another level) leaves no gap.
    """
    # One letter a line, h: hidden, e: empty, s: shown. A run begins and ends with a hidden line.
    kinds = "".join(
        "h" if not line.is_shown_at(level) else "s" if line.text.strip() else "e" for line in lines
    )
    texts = [line.text for line in lines]
    out: list[str] = []
    copied = 0
    for match in re.finditer("h(?:[he]*h)?", kinds):
        run = texts[match.start() : match.end()]
        out += texts[copied : match.start()]
        copied = match.end()
        code = [text for text in run if text.strip() and not text.lstrip().startswith("#")]
        if code:
            indent = code[0][: len(code[0]) - len(code[0].lstrip())]
            out += [indent + _BEGIN, *run, indent + _END]
    return "\n".join(out + texts[copied:])


def select(
    notebook: NotebookNode, blanks: Sequence[str] | None, level: Level, where: str
) -> NotebookNode:
    """Make the chosen functions blank, and everything else given.

    A notebook without exercises is returned as it is. Written questions are left to nbgrader.

    Args:
        notebook: the instructor's; changed in place. Its metadata `exercise` records the choice.
        blanks: names of the functions that students write; None: all of them.
        level: how much help their blanks give, and how many hints; the code of a challenge is
            always at level open.
        where: the notebook's path, for messages.

    Raises:
        AuthoringError: an unknown name, nothing chosen, or a notebook that contradicts itself.
    """
    exercises = read_exercises(notebook, where)
    if not exercises:
        return notebook
    chosen = _choose(exercises, blanks, where)
    vanished: set[int] = set()
    for exercise in exercises:
        if exercise.always_blank:
            _make_blank(notebook.cells[exercise.index], "open", where)
        elif exercise.name in chosen:
            _make_blank(notebook.cells[exercise.index], level, where)
        else:
            vanished |= _give(notebook, exercise, where)
            continue
        if exercise.hints is not None:
            cell = notebook.cells[exercise.hints]
            cell.source = "\n\n".join(hints_in(source_of(cell))[: HINTS[level]])
            del cell.metadata["exercise"]
    notebook.cells = [cell for i, cell in enumerate(notebook.cells) if i not in vanished]
    notebook.metadata["exercise"] = {"blanks": chosen, "level": level}
    return notebook


def _choose(exercises: Sequence[Exercise], blanks: Sequence[str] | None, where: str) -> list[str]:
    choosable = [exercise.name for exercise in exercises if not exercise.always_blank]
    if blanks is None:
        return choosable
    unknown = [name for name in blanks if name not in choosable]
    if unknown:
        always = [exercise.name for exercise in exercises if exercise.always_blank]
        note = f" ({', '.join(always)}: blank in every release, without naming.)" if always else ""
        raise AuthoringError(
            f"{where}: no function to blank is called {', '.join(map(repr, unknown))}. "
            f"Choose from: {', '.join(choosable)}.{note}"
        )
    if choosable and not blanks:
        raise AuthoringError(
            f"{where}: no function is blank. Choose at least one of: {', '.join(choosable)}."
        )
    return [name for name in choosable if name in blanks]


def _make_blank(cell: NotebookNode, level: Level, where: str) -> None:
    here = f"{where}, {cell_label(cell, 0)}"
    lines = read_lines(source_of(cell), here)
    rewritten = blank(lines, level)
    if _BEGIN not in rewritten:
        raise AuthoringError(f"{here}: at level {level} the blank hides no code.")
    try:
        ast.parse(without_markers(lines))
    except SyntaxError as error:
        raise AuthoringError(f"{here}: the solution is not valid Python: {error}.") from error
    try:
        ast.parse(_REGION.sub("raise NotImplementedError()", rewritten))
    except SyntaxError as error:
        raise AuthoringError(
            f"{here}: at level {level} the blank is not valid Python ({error}). Move its help "
            "markers so that what stays visible keeps its indentation."
        ) from error
    cell.source = rewritten


def _give(notebook: NotebookNode, exercise: Exercise, where: str) -> set[int]:
    """Hand out a function complete and untested; returns the places of cells left with nothing."""
    cell = notebook.cells[exercise.index]
    cell.source = without_markers(read_lines(source_of(cell), where))
    cell.metadata.nbgrader.update({"solution": False, "grade": False, "locked": True})
    del cell.metadata["exercise"]
    vanished: set[int] = set() if exercise.hints is None else {exercise.hints}
    for test in exercise.tests:
        cell = notebook.cells[test.index]
        cell.source = without_markers(read_lines(source_of(cell), where))
        del cell.metadata["exercise"], cell.metadata["nbgrader"]
        if not cell.source.strip():
            vanished.add(test.index)
    return vanished
