"""How each test cell of an assignment is to be run, as the audit found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from autograder.errors import AutograderError

Mode = Literal["outside", "inside", "neither"]


@dataclass(frozen=True)
class TestVerdict:
    """How one test cell is run.

    Attributes:
        mode: "outside", in the grader on proxies; "inside", beside the student's code with
            controls; "neither": the assignment's own solution fails it either way.
        why: why not outside, in words; empty for outside.
        faults: what is wrong with the test itself, in words.
        stub_control: inside, that it fails on the untouched stub is one of its controls.
        seconds: how long it took on the assignment's own solution.
    """

    __test__ = False  # not a pytest class

    mode: Mode = "outside"
    why: str = ""
    faults: tuple[str, ...] = ()
    stub_control: bool = True
    seconds: float = 0.0


@dataclass(frozen=True)
class Verdicts:
    """The verdicts on one notebook.

    Attributes:
        tests: grade_id to verdict.
        broken: locked cells that fail in the grader, where nothing rests on them.
        notes: what else is wrong with the notebook, in sentences.
    """

    tests: Mapping[str, TestVerdict] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What of the verdicts a grade depends on."""
        modes = [(name, v.mode, v.stub_control) for name, v in sorted(self.tests.items())]
        return repr((modes, self.broken))

    def mode(self, grade_id: str) -> Mode:
        """How to run a test."""
        return self.tests[grade_id].mode if grade_id in self.tests else "outside"

    def with_mode(self, mode: Mode) -> list[str]:
        """The tests that are run in one way."""
        return [name for name, verdict in self.tests.items() if verdict.mode == mode]

    @classmethod
    def from_json(cls, told: Any) -> Verdicts:
        """Read back what `dataclasses.asdict` made plain.

        Raises:
            AutograderError: it is not such a record.
        """
        try:
            tests = {
                str(name): TestVerdict(**{**entry, "faults": tuple(entry["faults"])})
                for name, entry in told["tests"].items()
            }
            if any(verdict.mode not in get_args(Mode) for verdict in tests.values()):
                raise ValueError("there is an unknown mode")
            return cls(tests, tuple(map(str, told["broken"])), tuple(map(str, told["notes"])))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AutograderError(f"it is not a record of an audit ({error!r})") from error
