"""Where reference answers and their mutants run: the instructor's names, without the proxies."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from authoring.exercises import read_lines, source_of, without_markers
from autograder.bank import Bank, Mutant

__all__ = ["Function", "Workshop", "instructor_names"]

Function = Callable[..., Any]


class Workshop:
    """Reference and mutants of one exercise as functions.

    The namespace of the grader has the student's functions in place of the instructor's. Each class
    that an exercise exports to is derived here once more and gets the reference answers back.
    """

    def __init__(self, bank: Bank, exercise: str, namespace: Mapping[str, Any]) -> None:
        self._reference = bank.references[exercise]
        self._scope: dict[str, Any] = {**namespace, "print": _silent}
        owners = [
            export.rpartition(".")[0]
            for reference in bank.references.values()
            for export in reference.exercise.exports
        ]
        owners = list(filter(None, dict.fromkeys(owners)))
        self.class_name = owners[0]
        for owner in owners:
            self._scope[owner] = type(owner, (namespace[owner],), {})
        for reference in bank.references.values():
            exec(reference.cell, self._scope)
        self.reference: Function = self._scope[self._reference.function_name]

    def build(self, mutant: Mutant) -> Function:
        """The mutant as a function of the reference's signature."""
        scope = dict(self._scope)
        exec(mutant.code, scope)
        function: Function = scope[self._reference.function_name]
        return function

    def adopt(self, instance: Any) -> Any:
        """A deep copy of a model whose methods are the instructor's."""
        twin = object.__new__(self._scope[type(instance).__name__])
        twin.__dict__.update(copy.deepcopy(instance.__dict__))
        return twin


def _silent(*values: object, **options: object) -> None:
    """In place of `print`: reference answers report their progress, the grader does not."""


def instructor_names(notebook: Path) -> dict[str, Any]:
    """What the locked cells and reference answers of a source notebook define.

    For trying the diagnosis without a submission; grading builds its namespace from the release.

    Args:
        notebook: the instructor's own, `source/ASSIGNMENT/NAME.ipynb`.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(notebook.read_bytes())["cells"]:
        metadata = cell["metadata"]
        locked = metadata.get("nbgrader", {}).get("locked", False)
        graded = metadata.get("nbgrader", {}).get("grade", False)
        shown = "demonstration" in metadata.get("tags", [])
        if cell["cell_type"] == "code" and (locked or "exercise" in metadata):
            source = without_markers(read_lines(source_of(cell), str(notebook)))
            if not graded and not shown:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(source, names)
    return names
