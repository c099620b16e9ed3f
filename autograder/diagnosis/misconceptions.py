"""Typical mistakes: read from `misconceptions.toml`, turned into mutants of the reference answers.

A mutant is the reference function with a few words exchanged. What it returns on an input is what
a student with that misconception returns. Only the instructor's own text is ever run here.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import itertools
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType
from typing import Any

from authoring.errors import AuthoringError
from authoring.exercises import Exercise, read_exercises, read_lines, source_of, without_markers
from autograder.errors import AutograderError

FAMILIES = (
    "chain rule",
    "tanh derivative",
    "one-hot",
    "transpose",
    "time index",
    "truncation",
    "accumulation",
    "sign/scale",
    "side effect",
    "precision",
    "shuffling",
    "not-backprop",
)

Edit = tuple[str, str]


@dataclass(frozen=True)
class Misconception:
    """One typical mistake in one exercise.

    Attributes:
        exercise: name of the exercise, such as `bptt`.
        family: one of `FAMILIES`.
        label: short name, unique within its exercise.
        says: what was probably done, as half a sentence.
        hint: which equation to look at; never the line to write.
        variants: ways of making the mistake, each a list of edits of the reference answer.
        often: made so often that pairs with other such mistakes are tried too.
    """

    exercise: str
    family: str
    label: str
    says: str
    hint: str
    variants: tuple[tuple[Edit, ...], ...]
    often: bool = False


@dataclass(frozen=True)
class Mutant:
    """The reference answer of one exercise with a variant of one misconception, or of two."""

    misconceptions: tuple[Misconception, ...]
    code: CodeType

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of its misconceptions."""
        return tuple(misconception.label for misconception in self.misconceptions)


@dataclass(frozen=True)
class Reference:
    """The instructor's answer to one exercise: its cell, and its function in canonical text.

    Attributes:
        track: the cells that define what else the exercise exports: functions that call the answer
            where it runs, and give data.
    """

    exercise: Exercise
    cell: str
    function_name: str
    function: str
    track: str = ""


@dataclass(frozen=True, eq=False)
class Misconceptions:
    """Misconceptions and the reference answers that they change."""

    entries: tuple[Misconception, ...]
    references: Mapping[str, Reference]

    @functools.cached_property
    def mutants(self) -> Mapping[str, tuple[Mutant, ...]]:
        """exercise → its mutants, compiled once per process.

        Raises:
            AutograderError: an edit does not apply to the reference answer.
        """
        found: dict[str, tuple[Mutant, ...]] = dict.fromkeys(self.references, ())
        for entry in self.entries:
            for number, edits in enumerate(entry.variants, 1):
                where = f"misconception '{entry.label}', variant {number}"
                found[entry.exercise] += (self._mutant((entry,), edits, where),)
        return found

    @functools.cached_property
    def pairs(self) -> Mapping[str, tuple[Mutant, ...]]:
        """exercise → its mutants with two frequent misconceptions at once.

        The edits are made in the order in which they apply; a pair that has none is left out.
        """
        found: dict[str, tuple[Mutant, ...]] = dict.fromkeys(self.references, ())
        often = [entry for entry in self.entries if entry.often]
        for one, two in itertools.combinations(often, 2):
            if one.exercise != two.exercise:
                continue
            for first, second in ((one, two), (two, one)):
                edits = [*first.variants[0], *second.variants[0]]
                with contextlib.suppress(AutograderError):
                    mutant = self._mutant((one, two), edits, f"{one.label} and {two.label}")
                    found[one.exercise] += (mutant,)
                    break
        return found

    def _mutant(
        self, misconceptions: tuple[Misconception, ...], edits: Sequence[Edit], where: str
    ) -> Mutant:
        reference = self.references[misconceptions[0].exercise]
        try:
            source = apply_edits(reference.function, edits, where)
            return Mutant(misconceptions, compile(source, f"<{where}>", "exec"))
        except SyntaxError as error:
            raise AutograderError(f"{where}: the edited answer is not Python ({error}).") from error


def load_misconceptions(path: Path) -> Misconceptions:
    """Read `misconceptions.toml`, and the reference answers from the notebook beside it.

    Args:
        path: the table; the one notebook of its folder is the instructor's.

    Raises:
        AutograderError: a file is missing or damaged, or a misconception is not as the head of
            the table says; the message names file, misconception and key.
    """
    notebooks = sorted(path.parent.glob("*.ipynb"))
    if len(notebooks) != 1:
        raise AutograderError(
            f"{path.parent} should hold one notebook beside {path.name}, but holds "
            f"{len(notebooks)}; the misconceptions are edits of that notebook's answers."
        )
    references = _read_references(notebooks[0])
    return Misconceptions(tuple(_read_table(path, references)), references)


def apply_edits(source: str, edits: Sequence[Edit], where: str = "edit") -> str:
    """The canonical source with every old text replaced by its new text.

    Raises:
        AutograderError: an old text occurs never, or more than once.
    """
    for old, new in edits:
        lines = source.split("\n")
        places = [
            (number, found)
            for number, line in enumerate(lines)
            if (found := _indented(old, line)) and _block(lines, number, found).count(found) == 1
        ]
        if len(places) != 1:
            raise AutograderError(
                f"{where}: the text {old!r} occurs {len(places)} times in the reference answer, "
                "which must be once. Adjust the edit to the notebook's solution cell."
            )
        number, found = places[0]
        replaced = "\n".join(lines[number:]).replace(found, _indented(new, lines[number]), 1)
        source = "\n".join([*lines[:number], replaced])
    return source


def _indented(text: str, line: str) -> str:
    """The text as it would stand in the source if it began on this line."""
    return text.replace("\n", "\n" + line[: len(line) - len(line.lstrip())])


def _block(lines: Sequence[str], number: int, found: str) -> str:
    """As many lines as the text has, from the one with this number."""
    return "\n".join(lines[number : number + found.count("\n") + 1])


def _read_references(path: Path) -> dict[str, Reference]:
    references = {}
    try:
        notebook = json.loads(path.read_bytes())
        for exercise in read_exercises(notebook, str(path)):
            where = f"{path}, exercise '{exercise.name}'"
            cell = notebook["cells"][exercise.index]
            source = without_markers(read_lines(source_of(cell), where))
            reference = _read_reference(source, exercise, where)
            track = _track_of(exercise, notebook["cells"])
            references[exercise.name] = replace(reference, track=track)
    except (OSError, ValueError, KeyError, AuthoringError) as error:
        raise AutograderError(f"The reference answers in {path} cannot be read: {error}") from error
    return references


def _read_reference(source: str, exercise: Exercise, where: str) -> Reference:
    name = exercise.exports[0].rpartition(".")[2]
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            return Reference(exercise, source, name, ast.unparse(node))
    raise AutograderError(f"{where}: its solution cell defines no function '{name}'.")


def _track_of(exercise: Exercise, cells: Sequence[Mapping[str, Any]]) -> str:
    others = exercise.exports[1:]
    return "\n\n".join(
        source_of(cell)
        for cell in cells
        if cell["cell_type"] == "code" and any(f"def {name}(" in source_of(cell) for name in others)
    )


def _read_table(path: Path, references: Mapping[str, Reference]) -> Iterator[Misconception]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # a TOML error names line and column
        raise AutograderError(f"{path} cannot be read: {error}.") from error
    for exercise, families in table.items():
        where = f"{path}: {exercise}"
        _must(exercise in references, where, "is no exercise of the notebook", references)
        _must(isinstance(families, dict), where, 'holds tables ["FAMILY".LABEL]')
        labels: set[str] = set()
        for family, entries in families.items():
            where = f'{path}: {exercise}."{family}"'
            _must(family in FAMILIES, where, "is not a known family", FAMILIES)
            _must(isinstance(entries, dict), where, "holds a table per label")
            for label, entry in entries.items():
                where = f'{path}: {exercise}."{family}".{label}'
                _must(label not in labels, where, "is a label used twice in its exercise")
                labels.add(label)
                _check_entry(where, entry)
                variants = tuple(
                    tuple(zip(edits[::2], edits[1::2], strict=True)) for edits in entry["variants"]
                )
                yield Misconception(exercise, family, label, **{**entry, "variants": variants})


def _check_entry(where: str, entry: Any) -> None:
    """The schema of one misconception, as the head of the table describes it."""
    _must(isinstance(entry, dict), where, "must be a table with says, hint and variants")
    known = ("says", "hint", "variants", "often")
    for key in entry:
        _must(key in known, f"{where}: {key}", "is not a known key", known)
    for key in ("says", "hint"):
        told = isinstance(entry.get(key), str) and bool(entry[key].strip())
        _must(told, f"{where}: {key}", "must be a text that is not empty")
    _must(isinstance(entry.get("often", False), bool), f"{where}: often", "must be true or false")
    variants = entry.get("variants")
    some = isinstance(variants, list) and bool(variants)
    _must(some, f"{where}: variants", "must be a list with a list of edits in it")
    for number, edits in enumerate(variants or (), 1):
        texts = isinstance(edits, list) and all(isinstance(text, str) for text in edits)
        proper = texts and len(edits) >= 2 and len(edits) % 2 == 0 and all(edits[::2])
        place = f"{where}: variants, number {number},"
        _must(proper, place, "must be texts in turn: old, new, old, new, …")


def _must(holds: bool, where: str, wanted: str, choices: Iterable[str] = ()) -> None:
    if not holds:
        listed = f" (there are: {', '.join(choices)})" if choices else ""
        raise AutograderError(f"{where} {wanted}{listed}.")
