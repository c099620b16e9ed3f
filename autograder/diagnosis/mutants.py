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
from autograder.diagnosis.lab_probes import LAB_QUANTITIES, make_lab_probes, observe_in_lab
from autograder.diagnosis.misconceptions import Misconceptions, Mutant
from autograder.diagnosis.probes import Observation, Probe, make_probes, observe

__all__ = ["MutantRunner", "instructor_names"]

Function = Callable[..., Any]


class MutantRunner:
    """Reference and mutants of one exercise as functions, and what they return on probes.

    The namespace of the grader has the student's functions in place of the instructor's. Each class
    that an exercise exports to is derived here once more and gets the reference answers back.

    What a mutant returns is computed once: of a class that shares a runner, only the first wrong
    answers have to wait for it.

    Attributes:
        known, exercise, namespace, seed, equal_sizes: what it was made from.
        probes: of the exercise, with models of the namespace's class.
        reference: the instructor's function.
    """

    def __init__(
        self,
        known: Misconceptions,
        exercise: str,
        namespace: Mapping[str, Any],
        seed: int = 0,
        equal_sizes: bool = False,
    ) -> None:
        self.known = known
        self.exercise = exercise
        self.namespace = namespace
        self.seed = seed
        self.equal_sizes = equal_sizes
        self._seen: dict[tuple[int, int], Observation] = {}
        self._name = known.references[exercise].function_name
        self._scope: dict[str, Any] = {**namespace, "print": _silent}
        exports = [name for each in known.references.values() for name in each.exercise.exports]
        owners = [owner for owner, dot, _ in (name.rpartition(".") for name in exports) if dot]
        self._in_lab = exercise in LAB_QUANTITIES
        self.probes = (
            make_lab_probes(exercise, namespace, seed)
            if self._in_lab
            else make_probes(exercise, namespace[owners[0]], seed, equal_sizes)
        )
        for owner in owners:
            self._scope[owner] = type(owner, (namespace[owner],), {})
        for reference in known.references.values():
            exec(reference.track, self._scope)
            exec(reference.cell, self._scope)
        self.reference: Function = self.subject(self._scope)

    def subject(self, scope: Mapping[str, Any]) -> Function:
        """What probes call: the function of that scope; in the lab, any of the exports by name."""
        if self._in_lab:
            return lambda export, *inputs: scope[export](*inputs)
        function: Function = scope[self._name]
        return function

    def watch(self, function: Function, number: int, model: Any = None) -> Observation:
        """What a function, as from `subject`, does on the probe with this number."""
        probe = self.probes[number]
        if self._in_lab:
            return observe_in_lab(function, probe)
        return observe(function, probe, copy.deepcopy(probe.model) if model is None else model)

    def build(self, mutant: Mutant) -> Function:
        """The mutant as a function of the reference's signature."""
        scope = dict(self._scope)
        exec(self.known.references[self.exercise].track, scope)
        exec(mutant.code, scope)
        return self.subject(scope)

    def observe(self, mutant: Mutant | None, number: int) -> Observation:
        """What a mutant, or the reference for None, does on the probe with this number."""
        key = id(mutant), number
        if key not in self._seen:
            function = self.reference if mutant is None else self.build(mutant)
            model = None if self._in_lab else self.adopt(self.probes[number].model)
            self._seen[key] = self.watch(function, number, model)
        return self._seen[key]

    def truncated(self, probe: Probe, steps: int) -> Observation:
        """What the reference does on a probe under another truncation."""
        model = self.adopt(probe.model)
        model.bptt_truncate = steps
        return observe(self.reference, probe, model)

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
        nbgrader = metadata.get("nbgrader", {})
        fixed = nbgrader.get("locked") or "exercise" in metadata
        shows = nbgrader.get("grade") or "demonstration" in metadata.get("tags", [])
        if cell["cell_type"] == "code" and fixed and not shows:
            source = without_markers(read_lines(source_of(cell), str(notebook)))
            with contextlib.redirect_stdout(io.StringIO()):
                exec(source, names)
    return names
