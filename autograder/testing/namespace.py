"""The instructor's cells, run in the grader's own process, one fresh namespace per submission."""

from __future__ import annotations

import ast
import io
import math
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from numbers import Real
from traceback import walk_tb
from types import CodeType
from typing import Any

import numpy as np

from autograder.sandbox.process import Failure, TestRun
from autograder.submission.bindings import without_magics
from autograder.submission.instructor import InstructorCell
from autograder.testing.proxies import StudentCodeError

_COMPARED_VALUES = re.compile(r"Mismatch at ind| *(ACTUAL|DESIRED|x|y): ")
_MAX_TEXT = 20_000


@dataclass(frozen=True)
class Verdict:
    """What running one of the instructor's cells gave.

    Attributes:
        outputs: nbformat outputs, from which nbgrader determines the points.
        error: the exception that ended the cell, or None.
        wrote_stderr: whether it wrote to stderr.
    """

    outputs: list[dict[str, Any]]
    error: Exception | None
    wrote_stderr: bool = False


def run_definitions(source: str, names: dict[str, Any]) -> bool:
    """Run imports or definitions of the instructor's, one by one; whether all of them worked."""
    done = True
    for node in ast.parse(source).body:
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                exec(compile(ast.Module([node], []), "<definitions>", "exec"), names)
        except Exception:
            done = False
    return done


def run_cell(cell: InstructorCell, names: dict[str, Any]) -> Verdict:
    """Run one of the instructor's cells in a namespace; nothing of it is printed here.

    What goes to stderr is shown as ordinary output: nbgrader would take a harmless warning
    for a failure, while a test fails by raising.
    """
    printed: list[tuple[str, str]] = []
    failure = value = None
    try:
        body, last = _compiled(cell.released.source, cell.grade_id)
        with (
            redirect_stdout(_Stream("stdout", printed)),
            redirect_stderr(_Stream("stderr", printed)),
        ):
            exec(body, names)
            if last is not None:
                value = eval(last, names)
    except KeyboardInterrupt:
        raise
    except BaseException as raised:  # pytest's failures are not Exceptions
        error = raised if isinstance(raised, Exception) else _as_error(raised)
        trace = walk_tb(raised.__traceback__)
        own = (line for frame, line in trace if frame.f_code.co_filename == f"<{cell.grade_id}>")
        student_lines = error.student_traceback if isinstance(error, StudentCodeError) else ""
        name, line = type(error).__name__, next(own, None)
        failure = Failure(name, str(error), student_lines, line, error)
    return verdict_on(cell, TestRun(value, failure, printed))


def verdict_on(cell: InstructorCell, run: TestRun) -> Verdict:
    """The verdict on a cell; its outputs are made here, so that no process can make up points."""
    outputs: list[dict[str, Any]] = []
    failure = run.failure
    printed = "".join(text for _, text in run.printed)[:_MAX_TEXT]
    if text := printed.encode("utf-8", "replace").decode():
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    if failure is None and run.value is not None and cell.is_test:
        try:
            outputs += points_given(run.value, cell.released.points or 0.0)
        except (ValueError, OverflowError) as unclear:
            failure = Failure(type(unclear).__name__, str(unclear), error=unclear)
    error = None
    if failure is not None:
        outputs.append(_error_output(failure, cell))
        error = ValueError(failure.message) if failure.error is None else failure.error
    return Verdict(outputs, error, any(stream == "stderr" for stream, _ in run.printed))


class _Stream(io.TextIOBase):
    def __init__(self, name: str, printed: list[tuple[str, str]]) -> None:
        self.stream_name = name
        self.printed = printed

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self.printed.append((self.stream_name, text))
        return len(text)


@lru_cache(maxsize=512)
def _compiled(source: str, name: str) -> tuple[CodeType, CodeType | None]:
    """The cell's code, and its last expression apart, whose value a notebook shows."""
    filename = f"<{name}>"
    # The magics of instructors' cells are about displaying figures, which has no meaning here.
    tree = ast.parse(without_magics(source), filename)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        expression = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
        last = compile(expression, filename, "eval")
    return compile(tree, filename, "exec"), last


def points_given(value: Any, most: float) -> list[dict[str, Any]]:
    """What the last line of a test gives: a number of points, or whether the test was passed.

    nbgrader gives all points for anything that it cannot read as a number, for `False`, for NaN
    and for negative numbers. A value may depend on what a student's function returned, so here
    all of those are an error of the test.

    Raises:
        ValueError, OverflowError: the value says that the test failed, or nothing clear.
    """
    if isinstance(value, bool | np.bool_):
        if not value:
            raise ValueError("the last line of the test is False")
        return []
    points = float(value) if isinstance(value, Real) else math.nan
    if not 0 <= points <= most:
        raise ValueError(
            f"the last line of the test gives {value!r:.200}, not a number from 0 to {most:g}"
        )
    return [
        {
            "output_type": "execute_result",
            "execution_count": None,
            "data": {"text/plain": repr(points)},
            "metadata": {},
        }
    ]


def _as_error(raised: BaseException) -> Exception:
    if isinstance(raised, SystemExit):
        return RuntimeError("the cell exits")
    made: Exception = type(type(raised).__name__, (Exception,), {})(str(raised))
    return made.with_traceback(raised.__traceback__)


def _error_output(failure: Failure, cell: InstructorCell) -> dict[str, Any]:
    """An exception as a notebook output that shows neither hidden tests nor expected values."""
    source = cell.released.source.splitlines()
    number = failure.line or 0
    message = failure.message[:_MAX_TEXT]
    if not 0 < number <= len(source) or cell.is_hidden_line(number):
        # numpy.testing's report, up to where it prints the arrays: they are the answer
        shown = takewhile(lambda line: not _COMPARED_VALUES.match(line), message.splitlines())
        message = "\n".join(shown)
        lines = ["In a hidden test:"]
    else:
        lines = [f"In the test, at:\n    {source[number - 1].strip()}"]
    if failure.student_traceback:
        student_lines = failure.student_traceback[:_MAX_TEXT].splitlines()
        lines += ["Your function raised:", *student_lines]
    lines.append(f"{failure.name}: {message}")
    return {"output_type": "error", "ename": failure.name, "evalue": message, "traceback": lines}
