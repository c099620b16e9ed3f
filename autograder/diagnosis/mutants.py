"""Where reference answers and their mutants run: the instructor's names, without the proxies."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from authoring.exercises import source_of, without_any_markers
from autograder.diagnosis.lab_probes import LAB_QUANTITIES, make_lab_probes, observe_in_lab
from autograder.diagnosis.misconceptions import Misconceptions, Mutant
from autograder.diagnosis.probes import Observation, Probe, make_probes, observe

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class MutantRunner:
    """Reference and mutants of one exercise as functions, and what they return on probes.

    The namespace of the grader has the student's functions in place of the instructor's. Each class
    that an exercise exports to is derived here once more and gets the reference answers back.

    What a mutant returns is computed once: of a class that shares a runner, only the first wrong
    answers have to wait for it.
    """

    known: Misconceptions
    exercise: str
    namespace: Mapping[str, Any]
    seed: int = 0
    equal_sizes: bool = False
    _seen: dict[tuple[int, int], Observation] = field(default_factory=dict, init=False)

    @property
    def in_lab(self) -> bool:
        """Whether it is an exercise of the lab, not of the homework."""
        return self.exercise in LAB_QUANTITIES

    @functools.cached_property
    def probes(self) -> list[Probe]:
        """The exercise's probes, with models of the namespace's class."""
        if self.in_lab:
            return make_lab_probes(self.exercise, self.namespace, self.seed)
        model_class = self.namespace[self._owners[0]]
        return make_probes(self.exercise, model_class, self.seed, self.equal_sizes)

    @functools.cached_property
    def reference(self) -> Function:
        """The instructor's function."""
        return self.subject(self._scope)

    @property
    def _owners(self) -> list[str]:
        """Names of the classes that exercises export to."""
        references = self.known.references.values()
        exports = [name.rpartition(".") for each in references for name in each.exercise.exports]
        return [owner for owner, _, _ in exports if owner]

    @functools.cached_property
    def _scope(self) -> dict[str, Any]:
        # reference answers report their progress, the grader does not
        scope = {**self.namespace, "print": lambda *values, **options: None}
        scope |= {owner: type(owner, (self.namespace[owner],), {}) for owner in self._owners}
        for reference in self.known.references.values():
            exec(reference.track, scope)
            exec(reference.cell, scope)
        return scope

    def subject(self, scope: Mapping[str, Any]) -> Function:
        """What probes call: the function of that scope; in the lab, any of the exports by name."""
        if self.in_lab:
            return lambda export, *inputs: scope[export](*inputs)
        function: Function = scope[self.known.references[self.exercise].function_name]
        return function

    def watch(self, function: Function, number: int, model: Any = None) -> Observation:
        """What a function, as from `subject`, does on the probe with this number."""
        probe = self.probes[number]
        if self.in_lab:
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
            model = None if self.in_lab else self.adopt(self.probes[number].model)
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


def instructor_names(notebook: Path) -> dict[str, Any]:
    """What the locked cells and reference answers of `source/ASSIGNMENT/NAME.ipynb` define.

    For trying the diagnosis without a submission; grading builds its namespace from the release.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(notebook.read_bytes())["cells"]:
        metadata = cell["metadata"]
        nbgrader = metadata.get("nbgrader", {})
        fixed = nbgrader.get("locked") or "exercise" in metadata
        shows = nbgrader.get("grade") or "demonstration" in metadata.get("tags", [])
        if cell["cell_type"] == "code" and fixed and not shows:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(without_any_markers(source_of(cell)), names)
    return names
