"""The audit of one notebook's tests: the safest way in which each works.

The assignment's own solution runs through every test outside first, twice and with other seeds;
what it does not pass there is tried inside the sandbox with controls; what it passes neither way
is a fault of the assignment. The untouched stub runs through the same tests: it should pass none.
Without a sandbox, an `AutograderError` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from autograder.protocol.limits import Limits
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.instructor import InstructorNotebook
from autograder.submission.restore import restore
from autograder.submission.verdicts import Mode, TestVerdict, Verdicts
from autograder.testing.runner import Run, run_notebook

# Called with what the audit is doing, in words.
Step = Callable[[str], None]


@dataclass(frozen=True)
class _Outcome:
    """What one run gave: how each test failed that did not give all its points, and the rest."""

    failed: Mapping[str, str]
    points: Mapping[str, float]
    run: Run


def audited(
    instructors: Iterable[InstructorNotebook],
    sandbox: Sandbox,
    limits: Limits,
    step: Step = lambda _: None,
) -> tuple[InstructorNotebook, ...]:
    """An assignment's notebooks with the verdicts on their tests."""
    return tuple(
        replace(plain, verdicts=audit_notebook(plain, sandbox, limits, step))
        for plain in instructors
    )


def audit_notebook(
    instructor: InstructorNotebook,
    sandbox: Sandbox,
    limits: Limits,
    step: Step = lambda _: None,
) -> Verdicts:
    """How each test of a notebook is to be run, and what is wrong with it."""
    tests = [cell.grade_id for cell in instructor.cells if cell.is_test]
    if not tests:
        return Verdicts()
    auditor = _Auditor(instructor, sandbox, limits)
    step(f"{instructor.name}: the solution, outside")
    modes: dict[str, Mode] = dict.fromkeys(tests, "outside")
    final = outside = auditor.solution(modes)
    left = _failed(outside)
    step(f"{instructor.name}: the untouched stub")
    modes |= dict.fromkeys(left, "inside")
    stub = auditor.stub(modes)
    free: set[str] = set()
    if left:
        step(f"{instructor.name}: the solution, inside")
        final, free = auditor.inside(modes, stub)
        if _failed(final) & left and len(left) < len(tests):
            # what an earlier test defines may be all that lacks
            everything: dict[str, Mode] = dict.fromkeys(tests, "inside")
            other_stub = auditor.stub(everything)
            others, other_free = auditor.inside(everything, other_stub)
            if len(_failed(others)) < len(_failed(final)):
                modes, stub, final, free = everything, other_stub, others, other_free
        modes |= dict.fromkeys(_failed(final), "neither")
    broken = outside[-1].run.broken
    notes = [f"The locked cell {name} fails in the grader ({why})." for name, why in broken.items()]
    notes += [problem for problem in final[-1].run.problems if "fetching" in problem]
    verdicts = {
        name: _verdict(name, mode, outside, final, stub, name not in free)
        for name, mode in modes.items()
    }
    return Verdicts(verdicts, tuple(broken), tuple(notes))


@dataclass(frozen=True)
class _Auditor:
    instructor: InstructorNotebook
    sandbox: Sandbox
    limits: Limits

    def solution(self, modes: Mapping[str, Mode], free: Collection[str] = ()) -> list[_Outcome]:
        """The assignment's own solution, twice: a test's verdict should not change.

        Args:
            free: tests without the control that they fail on the untouched stub.
        """
        cells = [dict(cell) for cell in self.instructor.reference]
        return [self._run(cells, modes, free, f"audit {number}") for number in (1, 2)]

    def inside(self, modes: Mapping[str, Mode], stub: _Outcome) -> tuple[list[_Outcome], set[str]]:
        """The solution again, some tests inside; and those that go without the stub's control."""
        free = {name for name, got in stub.points.items() if got > 0}
        outcomes = self.solution(modes, free)
        # what the answer left in a library is still there when the answer is taken out
        stuck = {name for name in _failed(outcomes) if modes[name] == "inside"} - free
        if stuck:
            free |= stuck
            again = self.solution(modes, free)
            if len(_failed(again)) < len(_failed(outcomes)):
                return again, free
        return outcomes, free

    def stub(self, modes: Mapping[str, Mode]) -> _Outcome:
        """The release as it is handed out, without the control that it must fail."""
        released = {cell.grade_id: cell.released.source for cell in self.instructor.cells}
        cells = [
            {**cell, "source": released.get(cell.get("grade_id", ""), cell["source"])}
            for cell in self.instructor.reference
        ]
        return self._run(cells, modes, modes.keys(), "audit")

    def _run(
        self,
        cells: list[dict[str, Any]],
        modes: Mapping[str, Mode],
        free: Collection[str],
        student: str,
    ) -> _Outcome:
        tests = {
            name: TestVerdict(mode, stub_control=name not in free) for name, mode in modes.items()
        }
        # whatever fails here is found out, not complained about
        locked = tuple(cell.grade_id for cell in self.instructor.cells if cell.is_fixed)
        instructor = replace(self.instructor, verdicts=Verdicts(tests, locked))
        notebook, _ = restore(cells, instructor)
        run = run_notebook(
            instructor,
            notebook,
            student=student,
            sandbox=self.sandbox,
            files=instructor.files,
            limits=self.limits,
            diagnose=False,
        )
        most = {c.grade_id: c.released.points or 0.0 for c in instructor.cells if c.is_test}
        failed, points = {}, {}
        for cell in notebook["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if name in most:
                points[name], problem = _judged(cell["outputs"], most[name])
                if problem:
                    failed[name] = problem
        return _Outcome(failed, points, run)


def _failed(outcomes: list[_Outcome]) -> set[str]:
    """The tests that failed in any of the runs."""
    return {name for outcome in outcomes for name in outcome.failed}


def _judged(outputs: list[dict[str, Any]], most: float) -> tuple[float, str]:
    """The points that a test's outputs give, and why these are not all; see `determine_grade`."""
    for output in outputs:
        if output["output_type"] == "error":
            return 0.0, f"{output['ename']}: {output['evalue']}"[:300]
        if output["output_type"] == "execute_result":
            points = float(output["data"]["text/plain"])
            if points < most:
                return points, f"it gives {points:g} of {most:g} points"
    return most, ""


def _verdict(
    name: str,
    mode: Mode,
    outside: list[_Outcome],
    final: list[_Outcome],
    stub: _Outcome,
    stub_control: bool,
) -> TestVerdict:
    def first(outcomes: list[_Outcome]) -> str:
        return next((o.failed[name] for o in outcomes if name in o.failed), "")

    faults = []
    if mode == "neither":
        faults.append(f"the assignment's own solution does not pass it ({first(final)})")
    if 0 < sum(name in outcome.failed for outcome in final) < len(final):
        faults.append("its verdict changes from run to run")
    if stub.points[name] > 0:
        faults.append(f"the untouched stub gets {stub.points[name]:g} points for it")
    if any(name in outcome.run.wrote_stderr for outcome in final):
        faults.append("it writes to stderr, for which plain nbgrader gives 0 points")
    why = "" if mode == "outside" else first(outside) or "an earlier test that it needs runs inside"
    seconds = max(outcome.run.test_seconds.get(name, 0.0) for outcome in final)
    return TestVerdict(mode, why, tuple(faults), stub_control, round(seconds, 3))
