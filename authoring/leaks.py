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
from authoring.exercises import Exercise, cell_label, read_exercises
from authoring.markers import Level, read_lines

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

    def __str__(self) -> str:
        how = "repeats (under other names or as it is)" if self.is_run else "contains"
        return f"{how} a {self.kind} of {self.origin}: {self.text}"


def find_leaks(secrets: Sequence[Secret], texts: Iterable[tuple[str, str]]) -> list[str]:
    """Every secret that stands in a text, one sentence each; of a text also where it stands."""
    lines = [secret for secret in secrets if not secret.is_run]
    runs = {secret.pattern: secret for secret in secrets if secret.is_run}
    leaks: list[str] = []
    for where, text in texts:
        squeezed = _squeeze(text)
        shapes = {shape for shape, _ in _runs(_marked(text.split("\n"), True))}
        found = [secret for secret in lines if secret.pattern in squeezed]
        found += [runs[shape] for shape in sorted(shapes & runs.keys())]
        leaks += [f"{where}: {secret}" for secret in found]
    return leaks


def course_secrets(course: Course) -> list[Secret]:
    """What the course's current releases hide; without a release, everything that could be."""
    return [
        secret
        for assignment in course.assignments()
        for secret in choice_secrets(course, assignment, **course.released_choice(assignment))
    ]


def choice_secrets(
    course: Course, assignment: str, blanks: Sequence[str] | None = None, level: Level = "open"
) -> list[Secret]:
    """What one assignment hides when these functions (by default all) are blank at this level."""
    pieces: list[_Piece] = []
    for path in course.notebooks(assignment):
        pieces += _cells_of(path, blanks, level)
    for path in sorted((course.source / assignment).rglob("*.toml")):
        if is_kept_in_source(course, path.name):
            pieces += _table_of(path)
    return _without_common(pieces)


def is_kept_in_source(course: Course, name: str) -> bool:
    """Whether the configuration keeps files of this name in the source folder."""
    return any(fnmatch.fnmatch(Path(name).name, pattern) for pattern in course.ignored)


def texts_of(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Where each text of a file stands, and the text: a notebook's by cell; a picture has none."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return
    try:
        notebook = json.loads(text) if name.endswith(".ipynb") else None
    except ValueError:
        notebook = None
    if notebook is None:
        yield name, text
        return
    cells = notebook.pop("cells", [])
    for index, cell in enumerate(cells):
        yield f"{name}, {cell_label(cell, index)}", "\n".join(_strings(cell, join_lists=True))
    yield f"{name}, metadata", "\n".join(_strings(notebook, join_lists=True))


@dataclass(frozen=True)
class _Piece:
    """Consecutive lines of code or text, each with whether students must not see it."""

    kind: str
    origin: str
    lines: list[tuple[str, bool]]


def _marked(lines: Iterable[str], secret: bool) -> list[tuple[str, bool]]:
    return [(line, secret) for line in lines]


def _cells_of(path: Path, blanks: Sequence[str] | None, level: Level) -> Iterator[_Piece]:
    notebook = read_notebook(path)
    exercises = {each.index: each for each in read_exercises(notebook, str(path))}
    for index, cell in enumerate(notebook.cells):
        origin = f"{path.name}, {cell_label(cell, index)}"
        is_answer = bool(cell.metadata.get("nbgrader", {}).get("solution"))
        if cell.cell_type != "code":
            lines = _marked(cell.source.split("\n"), is_answer)
            yield _Piece("reference answer", origin, lines)
            continue
        shown = _shown_level(exercises.get(index), blanks, level)
        lines = [
            (
                line.text,
                line.region == "hidden tests"
                or (shown is not None and not line.is_shown_at(shown)),
            )
            for line in read_lines(cell.source, origin)
        ]
        yield _Piece("solution line" if is_answer else "hidden test", origin, lines)


def _shown_level(
    exercise: Exercise | None, blanks: Sequence[str] | None, level: Level
) -> Level | None:
    """The level at which a solution cell is blank; None for a cell that is given whole."""
    if exercise is None:
        return None
    if exercise.always_blank:
        return "open"
    return level if blanks is None or exercise.name in blanks else None


def _table_of(path: Path) -> Iterator[_Piece]:
    """Every line of a table that stays in source/, and every text in it."""
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    yield _Piece("line", path.name, _marked(lines, True))
    for message in _strings(tomllib.loads(text)):
        yield _Piece("message", path.name, _marked(message.split("\n"), True))


def _without_common(pieces: Sequence[_Piece]) -> list[Secret]:
    visible = [line for piece in pieces for line, secret in piece.lines if not secret]
    common = "\n".join(map(_squeeze, visible))
    common_runs = {shape for shape, _ in _runs(_marked(visible, True))}
    found: dict[tuple[str, bool], Secret] = {}
    for piece in pieces:
        kind, origin = piece.kind, piece.origin
        for line, secret in piece.lines:
            pattern = _squeeze(line)
            if secret and _says_something(kind, line) and pattern not in common:
                found.setdefault((pattern, False), Secret(kind, origin, line.strip(), pattern))
        for shape, first in _runs(piece.lines):
            if shape not in common_runs:
                found.setdefault((shape, True), Secret(kind, origin, first, shape, is_run=True))
    return list(found.values())


def _says_something(kind: str, line: str) -> bool:
    if kind == "message":  # a label of a word or two is common property
        return len(re.findall(r"\w+", line)) >= _MESSAGE_WORDS
    return len(_squeeze(line)) >= _LINE_CHARACTERS and bool(re.search(r"\w{2}", line))


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _runs(lines: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, str]]:
    """Shapes of the runs of consecutive code lines, most of them secret, with their first lines.

    A shape is the tokens of the run, each name replaced by the order of its first appearance, so
    that a copy with other variables has the same one.
    """
    stripped = ((line.strip(), secret) for line, secret in lines)
    code = [(line, secret) for line, secret in stripped if line and not line.startswith("#")]
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


def _strings(value: Any, *, join_lists: bool = False) -> Iterator[str]:
    """Every string in a value of JSON or TOML; a notebook keeps one text as a list of its lines."""
    if isinstance(value, str):
        yield value
    elif join_lists and isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield "".join(value)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item, join_lists=join_lists)
