"""Executes `results.ipynb` on the recorded curricula and exports it to `docs/results.md`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gtnlab.errors import GtnError
from gtnlab.files import written_whole

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOK = Path(__file__).with_name("results.ipynb")


def make_results(
    target: Path, *, check: bool = False, on_cell: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Write the results page; its figures go to a folder of its name beside it.

    Returns:
        the files that were written or, with ``check``, which writes nothing, those that differ.

    Raises:
        GtnError: a cell failed, for instance because a sentence names a number that the
            recordings do not give; or a file could not be written.
    """
    page, figures = _exported(_executed(on_cell), target.stem)
    files = {target: page.encode()}
    files |= {target.with_suffix("") / name: data for name, data in figures.items()}
    changed = [
        path for path, data in files.items() if not path.is_file() or path.read_bytes() != data
    ]
    if not check:
        for path in changed:
            with written_whole(path) as scratch:
                scratch.write_bytes(files[path])
    return changed


def _executed(on_cell: Callable[[int, int], None] | None) -> NotebookNode:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from traitlets.config import Config

    notebook = nbformat.read(NOTEBOOK, as_version=4)

    def done(cell: NotebookNode, cell_index: int) -> None:
        if on_cell is not None:
            on_cell(cell_index + 1, len(notebook.cells))

    # Sockets on disk: over TCP the kernel would warn of eavesdroppers.
    config = Config({"KernelManager": {"transport": "ipc"}})
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", on_cell_complete=done, config=config
    )
    try:
        # Whatever is set for this process, the page shows the figures and no warnings.
        shown = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONWARNINGS": ""}
        client.execute(cwd=str(Path.cwd()), env={**os.environ, **shown})
    except CellExecutionError as error:
        # An assert that fails is a sentence out of date; other errors say what to do themselves.
        stale = error.ename == "AssertionError"
        advice = " Correct the sentence in the notebook, or record the run again." if stale else ""
        raise GtnError(f"{NOTEBOOK.name}: {error.evalue}{advice}") from error
    if on_cell is not None:
        on_cell(len(notebook.cells), len(notebook.cells))
    return notebook


def _exported(notebook: NotebookNode, folder: str) -> tuple[str, dict[str, bytes]]:
    """The page without code, and its figures by file name, each named after its cell."""
    from nbconvert import MarkdownExporter
    from traitlets.config import Config

    config = Config()
    config.TemplateExporter.exclude_input = True
    config.ExtractOutputPreprocessor.output_filename_template = "{cell_index}{extension}"
    body, resources = MarkdownExporter(config=config).from_notebook_node(notebook)
    figures = {}
    for name, data in resources["outputs"].items():
        cell = notebook.cells[int(Path(name).stem)]
        file = cell.id.replace("-figure", "") + ".png"
        figures[file] = data
        body = body.replace(f"![png]({name})", f"![{cell.metadata.alt}]({folder}/{file})")
    return re.sub(r"\n\s*\n", "\n\n", body).strip() + "\n", figures
