"""Whether anything that students must not see stands in a release or in the lab's wheel.

A line is secret when the release's own choice hides it: a solution line of a blank function, a
hidden test, the reference answer to a written question, or anything in a file that the course's
configuration keeps in the source folder. A line that students legitimately see elsewhere in the
same notebook is not secret, and neither is one too short to say anything.

A copy is recognised whatever its spaces and line breaks, and runs of code also under other names.
"""

from __future__ import annotations

import fnmatch
import json
import keyword
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authoring.course import Course, read_notebook
from authoring.exercises import (
    Exercise,
    Level,
    cell_label,
    read_exercises,
    read_lines,
    source_of,
)

# Below these a line is common property (`return L`), or a run could be anyone's.
_LINE_CHARACTERS = 12
_MESSAGE_WORDS = 4
_RUN_LINES = 3
_RUN_TOKENS = 30

_TOKEN = re.compile(r"[^\W\d]\w*|\d[\w.]*|\"[^\"]*\"|'[^']*'|\S")


@dataclass(frozen=True)
class Secret:
    """One line, or one run of code, that must not get out."""

    kind: str
    origin: str
    text: str
    pattern: str
    is_run: bool = False


@dataclass(frozen=True)
class Leak:
    """A secret found where students can read it."""

    file: str
    place: str
    secret: Secret

    def __str__(self) -> str:
        where = f"{self.file}, {self.place}" if self.place else self.file
        how = "repeats (under other names or as it is)" if self.secret.is_run else "contains"
        return f"{where}: {how} a {self.secret.kind} of {self.secret.origin}: {self.secret.text}"


@dataclass(frozen=True)
class Text:
    """A piece of text that students get, and where it stands."""

    file: str
    place: str
    text: str


def find_leaks(secrets: Sequence[Secret], texts: Iterable[Text]) -> list[Leak]:
    """Every secret that stands in one of the texts."""
    lines = [secret for secret in secrets if not secret.is_run]
    runs: dict[str, Secret] = {secret.pattern: secret for secret in secrets if secret.is_run}
    leaks: list[Leak] = []
    for text in texts:
        squeezed = _squeeze(text.text)
        leaks += [Leak(text.file, text.place, s) for s in lines if s.pattern in squeezed]
        shapes = {shape for shape, _ in _runs(_code_lines(text.text.split("\n")))}
        leaks += [Leak(text.file, text.place, runs[shape]) for shape in sorted(shapes & set(runs))]
    return leaks


def course_secrets(course: Course) -> list[Secret]:
    """What the course's current releases hide; without a release, everything that could be."""
    secrets: list[Secret] = []
    for assignment in course.assignments():
        said = None
        for path in sorted((course.release / assignment).glob("*.ipynb")):
            said = read_notebook(path).metadata.get("exercise", said)
        secrets += (
            choice_secrets(course, assignment)
            if said is None
            else choice_secrets(course, assignment, said["blanks"], said["level"])
        )
    return secrets


def choice_secrets(
    course: Course, assignment: str, blanks: Sequence[str] | None = None, level: Level = "open"
) -> list[Secret]:
    """What one assignment hides when these functions (by default all) are blank at this level."""
    visible: list[str] = []
    hidden: list[_Hidden] = []
    for path in course.notebooks(assignment):
        _split(path, blanks, level, visible, hidden)
    for path in sorted((course.source / assignment).rglob("*.toml")):
        if is_kept_in_source(course, path.name):
            hidden += _of_table(path)
    return _without_common(hidden, visible)


def is_kept_in_source(course: Course, name: str) -> bool:
    """Whether the configuration keeps files of this name in the source folder."""
    return any(fnmatch.fnmatch(Path(name).name, pattern) for pattern in course.ignored)


def texts_of(name: str, content: bytes) -> Iterator[Text]:
    """The texts in a file: a notebook's cell by cell, any other as a whole, a picture none."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return
    try:
        notebook = json.loads(text) if name.endswith(".ipynb") else None
    except ValueError:
        notebook = None
    if notebook is None:
        yield Text(name, "", text)
        return
    for index, cell in enumerate(notebook.get("cells", [])):
        yield Text(name, cell_label(cell, index), "\n".join(_strings(cell)))
    rest = {key: value for key, value in notebook.items() if key != "cells"}
    yield Text(name, "metadata", "\n".join(_strings(rest)))


@dataclass(frozen=True)
class _Hidden:
    """Consecutive code lines or text lines, and which of them students must not see."""

    kind: str
    origin: str
    lines: tuple[str, ...]
    secret: tuple[bool, ...]


def _split(
    path: Path,
    blanks: Sequence[str] | None,
    level: Level,
    visible: list[str],
    hidden: list[_Hidden],
) -> None:
    notebook = read_notebook(path)
    exercises = read_exercises(notebook, str(path))
    if blanks is None:
        blanks = [exercise.name for exercise in exercises]
    by_index = {exercise.index: exercise for exercise in exercises}
    for index, cell in enumerate(notebook["cells"]):
        origin = f"{path.name}, {cell_label(cell, index)}"
        nbgrader = cell.get("metadata", {}).get("nbgrader", {})
        source = source_of(cell)
        if cell["cell_type"] != "code":
            if nbgrader.get("solution"):
                texts = tuple(source.split("\n"))
                hidden.append(_Hidden("reference answer", origin, texts, (True,) * len(texts)))
            else:
                visible += source.split("\n")
            continue
        kind = "solution line" if nbgrader.get("solution") else "hidden test"
        lines = read_lines(source, origin)
        shown = _shown_level(by_index.get(index), blanks, level)
        secret = tuple(
            line.region == "hidden tests" or (shown is not None and not line.is_shown_at(shown))
            for line in lines
        )
        hidden.append(_Hidden(kind, origin, tuple(line.text for line in lines), secret))
        visible += [line.text for line, hide in zip(lines, secret, strict=True) if not hide]


def _shown_level(exercise: Exercise | None, blanks: Sequence[str], level: Level) -> Level | None:
    """The level at which a solution cell is blank; None for a cell that is given whole."""
    if exercise is None:
        return None
    if exercise.always_blank:
        return "open"
    return level if exercise.name in blanks else None


def _of_table(path: Path) -> list[_Hidden]:
    """Every line of a table that stays in source/, and every text in it."""
    text = path.read_text(encoding="utf-8")
    lines = tuple(line for line in text.split("\n") if not line.startswith("#"))
    found = [_Hidden("line", path.name, lines, (True,) * len(lines))]
    for message in _each_string(tomllib.loads(text)):
        said = tuple(message.split("\n"))
        found.append(_Hidden("message", path.name, said, (True,) * len(said)))
    return found


def _each_string(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    items = value.values() if isinstance(value, dict) else value
    for item in items if isinstance(value, dict | list) else ():
        yield from _each_string(item)


def _without_common(hidden: Sequence[_Hidden], visible: Sequence[str]) -> list[Secret]:
    common = "\n".join(_squeeze(line) for line in visible)
    common_runs = {shape for shape, _ in _runs(_code_lines(visible))}
    found: dict[tuple[str, bool], Secret] = {}
    for piece in hidden:
        for line, secret in zip(piece.lines, piece.secret, strict=True):
            pattern = _squeeze(line)
            if not secret or not _says_something(piece.kind, line):
                continue
            if pattern not in common:
                found.setdefault(
                    (pattern, False), Secret(piece.kind, piece.origin, line.strip(), pattern)
                )
        for shape, first in _runs(_code_lines(piece.lines, piece.secret)):
            if shape not in common_runs:
                found.setdefault(
                    (shape, True), Secret(piece.kind, piece.origin, first, shape, is_run=True)
                )
    return list(found.values())


def _says_something(kind: str, line: str) -> bool:
    if kind == "message":  # a label of a word or two is common property
        return len(re.findall(r"\w+", line)) >= _MESSAGE_WORDS
    return len(_squeeze(line)) >= _LINE_CHARACTERS and bool(re.search(r"\w{2}", line))


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _code_lines(
    lines: Sequence[str], secret: Sequence[bool] | None = None
) -> list[tuple[str, bool]]:
    flags = secret if secret is not None else [True] * len(lines)
    return [
        (line.strip(), flag)
        for line, flag in zip(lines, flags, strict=True)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _runs(code: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, str]]:
    """Shapes of the runs of consecutive code lines, most of them secret, with their first lines.

    A shape is the tokens of the run, each name replaced by the order of its first appearance, so
    that a copy with other variables has the same one.
    """
    for start in range(len(code) - _RUN_LINES + 1):
        run = code[start : start + _RUN_LINES]
        if sum(flag for _, flag in run) < _RUN_LINES - 1:
            continue
        names: dict[str, str] = {}
        tokens = [
            _anonymous(token, names) for line, _ in run for token in [*_TOKEN.findall(line), "\n"]
        ]
        if len(tokens) >= _RUN_TOKENS:
            yield " ".join(tokens), run[0][0]


def _anonymous(token: str, names: dict[str, str]) -> str:
    if not token.isidentifier() or keyword.iskeyword(token):
        return token
    return names.setdefault(token, f"<{len(names)}>")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        else:
            for item in value:
                yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
