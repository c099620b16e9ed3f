"""Putting a submission back into the instructor's structure, whatever was done to it."""

from __future__ import annotations

import ast
import html
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from autograder.submission.bindings import without_magics
from autograder.submission.instructor import InstructorCell, InstructorNotebook
from autograder.submission.matching import is_untouched, match
from autograder.submission.presentation import harmless_markdown, stopped_output

_PARSE_ONLY = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def restore(
    cells: list[dict[str, Any]], instructor: InstructorNotebook
) -> tuple[dict[str, Any], list[str]]:
    """The submission in the instructor's structure.

    Every cell that nbgrader knows appears once, in the instructor's order, with the instructor's
    metadata and points; a solution has the student's source, everything locked the instructor's.
    The student's own cells follow the known cell that they followed in the submission. Of a cell
    that appears twice `matching` says which one counts; others that were changed stay as ordinary
    cells.

    Returns:
        the notebook (nbformat 4.5) and remarks on what had to be put right.
    """
    matched = match(cells, instructor)
    answers, remarks = matched.answers, list(matched.remarks)
    by_id = {known.grade_id: known for known in instructor.cells}
    own: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    above: str | None = None
    for index, (cell, claim) in enumerate(zip(cells, matched.claims, strict=True)):
        if claim is not None:
            if answers[claim] == index:
                above = claim
                continue
            if by_id[claim].is_fixed or is_untouched(cell, by_id[claim]):
                continue  # a copy is no work of the student's; below the answer it would undo it
        source = cell["source"]
        shown = harmless_markdown(source) if cell["cell_type"] == "markdown" else source
        own[above].append(_notebook_cell(cell["cell_type"], shown, cell))
    notebook_cells = own[None]
    for name, known in by_id.items():
        submitted = cells[answers[name]] if name in answers else None
        if submitted is None:
            remarks.append(f"Cell {name} was missing and was put back.")
        elif known.is_code and not known.is_fixed:
            remarks += _unreadable(name, submitted["source"])
        notebook_cells += [_known_cell(known, submitted), *own[name]]
    return _notebook(instructor, notebook_cells), remarks


def _unreadable(name: str, source: str) -> list[str]:
    """What Python stumbles over in an answer, and the odd character that looks like another."""
    try:
        compile(without_magics(source), name, "exec", _PARSE_ONLY)
    except SyntaxError as error:
        line = (error.text or "").rstrip("\n")
        odd = [
            f"a {unicodedata.name(mark, 'character').lower()} (U+{ord(mark):04X})"
            for mark in dict.fromkeys(line)
            if not mark.isascii() and not mark.isalnum()
        ]
        plain = f" The line holds {', '.join(odd)}; type the plain one instead." if odd else ""
        return [f"Python cannot read cell {name}, line {error.lineno}: {error.msg}.{plain}"]
    except ValueError as error:  # a null character
        return [f"Python cannot read cell {name}: {error}."]
    return []


def _known_cell(known: InstructorCell, submitted: Mapping[str, Any] | None) -> dict[str, Any]:
    if known.is_fixed:
        source = known.visible_source
    elif submitted is not None and known.is_code:
        source = submitted["source"]
    elif submitted is not None and submitted["source"] != known.released.source:
        source = harmless_markdown(submitted["source"])
    elif known.is_code:
        # Not the stub: it would overwrite a function that the student defined in another cell.
        source = f"# The cell {known.grade_id} was missing from the submission."
    else:
        source = known.released.source
    cell = _notebook_cell(known.released.cell_type, source, submitted or {})
    cell["metadata"] = {"nbgrader": known.nbgrader_metadata}
    cell["id"] = known.cell_id or known.grade_id
    if known.is_test:
        # nbgrader gives full points to a test without outputs, so none may ever be left like that.
        cell["outputs"] = [stopped_output("it was never run")]
    return cell


def _notebook_cell(kind: str, source: str, submitted: Mapping[str, Any]) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source}
    if "id" in submitted:
        cell["id"] = submitted["id"]
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    if kind == "markdown" and submitted.get("attachments"):
        cell["attachments"] = submitted["attachments"]
    return cell


def not_graded_notebook(instructor: InstructorNotebook, reason: str) -> dict[str, Any]:
    """The assignment with the reason why nothing of the submission was graded, nbformat 4.5."""
    told = f"**This submission could not be graded.** {html.escape(reason, quote=False)}"
    cells = [_known_cell(cell, None) for cell in instructor.cells]
    return _notebook(instructor, [_notebook_cell("markdown", told, {}), *cells])


def _notebook(instructor: InstructorNotebook, cells: list[dict[str, Any]]) -> dict[str, Any]:
    """The notebook, every id present, valid and unique; the instructor's cells keep theirs."""
    taken = {cell["id"] for cell in cells if "nbgrader" in cell["metadata"]}
    for number, cell in enumerate(cells):
        if "nbgrader" not in cell["metadata"]:
            if "id" not in cell or cell["id"] in taken:
                cell["id"] = f"submitted-{number}"
                while cell["id"] in taken:
                    cell["id"] += "-"
            taken.add(cell["id"])
    metadata = {**instructor.metadata}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
