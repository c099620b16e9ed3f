"""From source notebook to executed solution: what staff read, and what nbval compares."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from authoring.course import Course, read_notebook, staged
from authoring.errors import AuthoringError
from authoring.exercises import cell_label, read_exercises, source_of
from authoring.markers import read_lines, without_markers

Progress = Callable[[int, int, str], None]
"""Called before each cell with its index, the number of cells and its name."""

MAX_BYTES = 5_000_000
CELL_SECONDS = 600

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_WIDGET_NAME = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_MARKDOWN_MARKER = re.compile(r"\b(BEGIN|END) (SOLUTION|MARK SCHEME)\b")


def clean_solution(notebook: NotebookNode, where: str) -> NotebookNode:
    """Take out of a source notebook what only nbgrader and the grader need.

    Markers, hidden tests, and nbgrader's and our metadata go; solutions, help comments, visible
    tests and the reference answers to written questions stay. Outputs and cells left empty vanish.
    The notebook is changed in place; messages call it `where`.
    """
    read_exercises(notebook, where)
    kept = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            here = f"{where}, {cell_label(cell, index)}"
            cell.source = without_markers(read_lines(source_of(cell), here))
            cell.outputs, cell.execution_count = [], None
        else:
            lines = source_of(cell).split("\n")
            cell.source = "\n".join(text for text in lines if not _MARKDOWN_MARKER.search(text))
        for key in ("nbgrader", "exercise", "deletable", "editable"):
            cell.metadata.pop(key, None)
        if cell.source.strip():
            kept.append(cell)
    notebook.cells = kept
    return notebook


def build_solution(
    course: Course,
    assignment: str,
    *,
    output: Path | None = None,
    run: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Build one assignment's solution notebooks, executed top to bottom in a fresh kernel.

    Args:
        output: folder to build under instead of the course's solutions folder.
        run: whether to execute; without outputs is enough to compare sources.

    Returns:
        The folder of the built assignment.

    Raises:
        AuthoringError: a cell failed or took too long, or the file grew too large; the solution
            that was there is untouched.
    """
    notebooks = course.notebooks(assignment)
    destination = (output or course.solutions) / assignment
    ignore = shutil.ignore_patterns(*course.ignored, "*.ipynb")
    curricula = course.root / "data" / "curricula"
    # Where a notebook finds the course's data when it runs elsewhere.
    environment = {"GTN_CURRICULA": str(curricula)} if curricula.is_dir() else {}
    with staged(destination) as folder:
        shutil.copytree(course.source / assignment, folder, ignore=ignore)
        for path in notebooks:
            notebook = clean_solution(read_notebook(path), str(path))
            if run:
                # Elsewhere than in `folder`: whatever the notebook writes is not part of it.
                with tempfile.TemporaryDirectory() as scratch:
                    shutil.copytree(folder, scratch, dirs_exist_ok=True)
                    _execute(notebook, Path(scratch), str(path), progress, environment)
            _write(notebook, folder / path.name)
    return destination


def _execute(
    notebook: NotebookNode,
    folder: Path,
    where: str,
    progress: Progress | None,
    environment: Mapping[str, str],
) -> None:
    """Run every cell in a fresh kernel in `folder` and keep the outputs, less what varies idly.

    Timestamps are not recorded, the kernel's exact Python version is not written down, and widgets
    are numbered instead of named at random. Of widgets that no output shows, or whose output
    holds HTML as well, no state is kept: nbconvert would prefer them to the HTML, and a page with
    widgets asks another host for their code.

    Raises:
        AuthoringError: a cell failed or took longer than `CELL_SECONDS`.
    """
    language = notebook.metadata.get("language_info")
    current = "the first cell"

    def on_cell_start(cell: NotebookNode, cell_index: int) -> None:
        nonlocal current
        current = cell_label(cell, cell_index)
        if progress:
            progress(cell_index, len(notebook.cells), current)

    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=on_cell_start,
    )
    try:
        # Whatever is set for this process, a solution shows its figures.
        shown = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        client.execute(env={**os.environ, **shown, **environment})
    except CellExecutionError as error:
        raise AuthoringError(
            f"{where}, {current}: {error.ename}: {error.evalue}. The solution must run top to "
            "bottom in a fresh kernel."
        ) from error
    except CellTimeoutError as error:
        raise AuthoringError(
            f"{where}, {current}: still running after {CELL_SECONDS} seconds."
        ) from error
    except DeadKernelError as error:
        raise AuthoringError(
            f"{where}, {current}: the kernel died, perhaps because it ran out of memory."
        ) from error
    _keep_only_widgets_without_a_page(notebook)
    if language is None:
        notebook.metadata.pop("language_info", None)
    else:
        notebook.metadata["language_info"] = language


def _write(notebook: NotebookNode, path: Path) -> None:
    text = _with_numbered_widgets(nbformat.writes(notebook)) + "\n"
    if len(text.encode()) > MAX_BYTES:
        raise AuthoringError(
            f"{path.name}: the executed notebook has {len(text.encode()) / 1e6:.1f} MB, more than "
            f"{MAX_BYTES / 1e6:.0f} MB. Draw its figures smaller or fewer."
        )
    path.write_text(text, encoding="utf-8")


def _keep_only_widgets_without_a_page(notebook: NotebookNode) -> None:
    shown = [
        output.data[_WIDGET_VIEW]["model_id"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if _WIDGET_VIEW in output.get("data", {}) and "text/html" not in output.data
    ]
    pages = notebook.metadata.get("widgets", {})
    for page in pages.values():
        models = {name: json.dumps(model) for name, model in page["state"].items()}
        refers = {name: set(_names_in(model)) - {name} for name, model in models.items()}
        kept = set(_reach(shown, refers))
        # Nothing refers to a link between widgets; it refers to them.
        kept |= {name for name, others in refers.items() if others and others <= kept}
        page["state"] = {name: model for name, model in page["state"].items() if name in kept}
    if not any(page["state"] for page in pages.values()):
        notebook.metadata.pop("widgets", None)


def _with_numbered_widgets(text: str) -> str:
    """Replace the random names of widget models by numbers in the order they are referred to."""
    notebook = json.loads(text)
    pages = notebook["metadata"].get("widgets", {}).values()
    models = {name: json.dumps(model) for page in pages for name, model in page["state"].items()}
    refers = {name: _names_in(model) for name, model in models.items()}
    # What nothing refers to keeps an order of its own: that of its content.
    rest = sorted(models, key=lambda name: _WIDGET_NAME.sub("", models[name]))
    order = _reach([*_names_in(json.dumps(notebook["cells"])), *rest], refers)
    numbers = {name: f"{number:032x}" for number, name in enumerate(order)}
    renamed = _WIDGET_NAME.sub(lambda match: numbers.get(match[0], match[0]), text)
    return str(nbformat.writes(nbformat.reads(renamed, as_version=4)))


def _names_in(text: str) -> list[str]:
    return _WIDGET_NAME.findall(text)


def _reach(names: Sequence[str], refers: Mapping[str, Collection[str]]) -> list[str]:
    """The models of these names, each followed by those that it refers to, all of them once."""
    found: dict[str, None] = {}
    ahead = list(reversed(names))
    while ahead:
        name = ahead.pop()
        if name in refers and name not in found:
            found[name] = None
            ahead += reversed(list(refers[name]))
    return list(found)
