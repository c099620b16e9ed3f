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
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from authoring.errors import AuthoringError
from authoring.exercises import Exercise, read_exercises, source_of, without_any_markers
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
        family: one of `FAMILIES`.
        label, says, hint: as the head of the table describes them.
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
        return tuple(each.label for each in self.misconceptions)


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
    track: str


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
    """Read `misconceptions.toml`, and the reference answers from the one notebook beside it.

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
        edited = []
        for number, line in enumerate(lines):
            # the texts as they stand in the source if they begin on this line
            indent = "\n" + line[: len(line) - len(line.lstrip())]
            found, put = old.replace("\n", indent), new.replace("\n", indent)
            size = found.count("\n") + 1
            block = "\n".join(lines[number : number + size])
            if block.count(found) == 1:
                replaced = block.replace(found, put)
                edited.append("\n".join([*lines[:number], replaced, *lines[number + size :]]))
        if len(edited) != 1:
            raise AutograderError(
                f"{where}: the text {old!r} occurs {len(edited)} times in the reference answer, "
                "which must be once. Adjust the edit to the notebook's solution cell."
            )
        source = edited[0]
    return source


def _read_references(path: Path) -> dict[str, Reference]:
    try:
        notebook = json.loads(path.read_bytes())
        exercises = read_exercises(notebook, str(path))
        return {each.name: _read_reference(each, notebook["cells"], path) for each in exercises}
    except (OSError, ValueError, KeyError, AuthoringError) as error:
        raise AutograderError(f"The reference answers in {path} cannot be read: {error}") from error


def _read_reference(
    exercise: Exercise, cells: Sequence[Mapping[str, Any]], path: Path
) -> Reference:
    source = without_any_markers(source_of(cells[exercise.index]))
    name = exercise.exports[0].rpartition(".")[2]
    sources = [source_of(cell) for cell in cells if cell["cell_type"] == "code"]
    others = [f"def {export}(" for export in exercise.exports[1:]]
    track = "\n\n".join(each for each in sources if any(other in each for other in others))
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            return Reference(exercise, source, name, ast.unparse(node), track)
    where = f"{path}, exercise '{exercise.name}'"
    raise AutograderError(f"{where}: its solution cell defines no function '{name}'.")


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
    for number, edits in enumerate(variants, 1):
        texts = isinstance(edits, list) and all(isinstance(text, str) for text in edits)
        proper = texts and len(edits) >= 2 and len(edits) % 2 == 0 and all(edits[::2])
        place = f"{where}: variants, number {number},"
        _must(proper, place, "must be texts in turn: old, new, old, new, …")


def _must(holds: bool, where: str, wanted: str, choices: Iterable[str] = ()) -> None:
    if not holds:
        listed = f" (there are: {', '.join(choices)})" if choices else ""
        raise AutograderError(f"{where} {wanted}{listed}.")
