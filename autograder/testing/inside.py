"""A test cell that runs beside the student's code: what is sent there.

The controls themselves run in the sandbox: `sandbox/inside/controls.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from autograder.protocol.limits import Limits
from autograder.submission.bindings import bindings_of, names_in
from autograder.submission.instructor import InstructorCell, InstructorNotebook

_TEST_LIBRARIES = ("pytest", "pandas.testing")


def guard(instructor: InstructorNotebook) -> str:
    """A cell that notes what the libraries are before the student's cells run."""
    sources = [str(cell["source"]) for cell in instructor.reference]
    sources += [cell.released.source for cell in instructor.cells]
    imported = {name for source in sources for name in _imported(source)}
    tools = [name for name in _TEST_LIBRARIES if name.partition(".")[0] in imported]
    known = (*sorted(imported), *tools)
    module = "autograder.sandbox.inside.controls"
    return f"__import__({module!r}, fromlist=['remember']).remember({known!r})"


def _imported(source: str) -> Iterator[str]:
    for node in ast.parse(bindings_of(source).imports).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def inside_test(
    instructor: InstructorNotebook, cell: InstructorCell, limits: Limits
) -> dict[str, Any]:
    """The fields of `sandbox.inside.controls.InsideTest` for one test."""
    sources = list(_cells_until(instructor, cell))
    verdict = instructor.verdicts.tests.get(cell.grade_id)
    controlled = verdict is None or verdict.stub_control
    return {
        "name": cell.grade_id,
        "source": cell.released.source,
        "helpers": _helpers(instructor, cell),
        "unbind": list(dict.fromkeys(name for _, names in sources for name in names)),
        "stub": [source for source, _ in sources] if controlled else None,
        "seconds": limits.cell_seconds / 3,
    }


def _cells_until(
    instructor: InstructorNotebook, test: InstructorCell
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """From the first blank on: each cell as it was released, and what the solution's binds."""
    known = {cell.grade_id: cell for cell in instructor.cells}
    begun = False
    for each in instructor.reference:
        cell = known.get(each.get("grade_id", ""))
        source = str(each["source"])
        if cell is test:
            return
        if each["cell_type"] != "code" or source.strip() in instructor.demonstrations:
            continue
        if cell is not None and (cell.is_test or cell.demonstration):
            continue
        begun = begun or (cell is not None and not cell.is_fixed)
        if begun:
            released = source if cell is None else cell.released.source
            exports = () if cell is None else cell.exports
            yield released, (*exports, *bindings_of(source).all_names)


def _helpers(instructor: InstructorNotebook, test: InstructorCell) -> str:
    """The instructor's functions that a test calls, and those that they call.

    Earlier tests, which may have run elsewhere, give it their imports and functions.
    """
    functions: dict[str, str] = {}
    imports: list[str] = []
    for cell in instructor.cells:
        for bindings in cell.before:
            functions |= dict(bindings.functions)
        if cell is test:
            break
        if cell.is_fixed and cell.is_code:
            own = bindings_of(cell.released.source)
            imports.append(own.imports if cell.is_test else "")
            functions |= dict(own.functions)
        for name in (*cell.exports, *cell.binds.all_names):
            functions.pop(name, None)
    used: set[str] = set()
    wanted = names_in(test.released.source) & functions.keys()
    while wanted:
        used |= wanted
        mentioned = frozenset().union(*(names_in(functions[name]) for name in wanted))
        wanted = (mentioned & functions.keys()) - used
    return "\n".join([*imports, *(functions[name] for name in functions if name in used)]).strip()
