"""What Colab and VS Code make of a notebook when they save it, after notebooks that they saved.

Each function takes an executed notebook (nbformat 4.5) and returns the bytes of the file.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from nbformat import NotebookNode

STATE = "application/vnd.jupyter.widget-state+json"


def saved_by_colab(notebook: NotebookNode) -> bytes:
    """Format 4.0: cell ids become metadata, widgets lose their `state`, much of Colab's is added.

    The missing `state` is https://github.com/googlecolab/colabtools/issues/4559.
    """
    cells = []
    for place, cell in enumerate(notebook.cells):
        metadata = {**cell.metadata, "id": _name(cell.id)}
        saved = {"cell_type": cell.cell_type, "source": _lines(cell.source), "metadata": metadata}
        if cell.cell_type == "code":
            metadata["executionInfo"] = {
                "status": "ok",
                "timestamp": 1700000000000 + place,
                "user_tz": -60,
                "elapsed": 12,
                "user": {"displayName": "A Student", "userId": "01234567890123456789"},
            }
            if cell.outputs:
                metadata["outputId"] = str(uuid.uuid5(uuid.NAMESPACE_URL, cell.id))
                metadata["colab"] = {"base_uri": "https://localhost:8080/", "height": 35}
            saved |= {
                "execution_count": cell.execution_count,
                "outputs": [_output(output) for output in cell.outputs],
            }
        cells.append(saved)
    about: dict[str, Any] = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
    }
    if state := notebook.metadata.get("widgets", {}).get(STATE):
        about["widgets"] = {STATE: state["state"]}
    return _written({"nbformat": 4, "nbformat_minor": 0, "metadata": about, "cells": cells}, 2)


def saved_without_marks(notebook: NotebookNode) -> bytes:
    """Cells copied into a new notebook in Colab: sources and outputs, nothing else."""
    saved = json.loads(saved_by_colab(notebook))
    for cell in saved["cells"]:
        cell["metadata"] = {"id": cell["metadata"]["id"]}
    return _written(saved, 2)


def saved_by_older_vscode(notebook: NotebookNode) -> bytes:
    """Before cell ids (2021): format 4.2, and the interpreter's hash among the metadata."""
    return saved_by_vscode(notebook, with_ids=False)


def saved_by_vscode(notebook: NotebookNode, *, with_ids: bool = True) -> bytes:
    """The kernel is called after its environment; keys are sorted; no widget is saved."""
    cells = []
    for cell in notebook.cells:
        saved = {"cell_type": cell.cell_type, "source": _lines(cell.source)}
        saved["metadata"] = dict(cell.metadata)
        if cell.cell_type == "code":
            saved["metadata"]["vscode"] = {"languageId": "python"}
            saved["execution_count"] = cell.execution_count
            saved["outputs"] = [_output(output) for output in cell.outputs]
        if with_ids:
            saved["id"] = cell.id
        cells.append(saved)
    about = {
        "kernelspec": {"display_name": ".venv", "language": "python", "name": "python3"},
        "language_info": {
            "codemirror_mode": {"name": "ipython", "version": 3},
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "nbconvert_exporter": "python",
            "pygments_lexer": "ipython3",
            "version": "3.12.3",
        },
    }
    if not with_ids:
        about |= {"orig_nbformat": 4, "vscode": {"interpreter": {"hash": 64 * "a"}}}  # type: ignore[dict-item]
    minor = 5 if with_ids else 2
    whole = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": minor}
    return _written(json.loads(json.dumps(whole, sort_keys=True)), 1)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _output(output: NotebookNode) -> dict[str, Any]:
    saved = dict(output)
    if output.output_type == "stream":
        saved["text"] = _lines(output.text)
    elif "data" in output:
        saved["data"] = {
            kind: _lines(value) if kind.startswith("text/") else value
            for kind, value in output.data.items()
        }
    return saved


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _written(notebook: dict[str, Any], indent: int) -> bytes:
    return (json.dumps(notebook, indent=indent, ensure_ascii=False) + "\n").encode()
