"""Small assignments in the plain nbgrader way, one notebook for each kind of thing they ask for.

Each is a file of `tests/any_assignment/kinds`, in cells that begin with `# %%`: `locked`,
`solution`, `test POINTS`, and ordinary ones. `wrong` and `cheat` are what a student writes into
the first solution cell instead; the right answer is the instructor's own.
"""

from __future__ import annotations

import copy
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

KINDS = Path(__file__).parents[1] / "any_assignment" / "kinds"
CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "any"
"""


@dataclass(frozen=True)
class Kind:
    """One small assignment.

    Attributes:
        modes: how its tests are expected to be run; one, or one for each test.
        cells: (kind of cell, source), in order.
        answers: "right", "wrong" and "cheat" to the source of the first solution cell.
    """

    name: str
    modes: tuple[str, ...]
    cells: tuple[tuple[str, str], ...]
    answers: dict[str, str]
    files: dict[str, bytes]

    @property
    def tests(self) -> dict[str, tuple[float, str]]:
        """grade_id of each test to its points and how it is expected to be run."""
        points = [float(kind.split()[1]) for kind, _ in self.cells if kind.startswith("test")]
        modes = self.modes * len(points) if len(self.modes) == 1 else self.modes
        pairs = zip(points, modes, strict=True)
        return {f"{self.name}-test-{number}": pair for number, pair in enumerate(pairs)}

    def notebook(self) -> Any:
        """The instructor's source notebook."""
        cells: list[Any] = []
        counts: Counter[str] = Counter()
        for kind, source in self.cells:
            what, _, points = kind.partition(" ")
            cells.append(new_code_cell(source))
            if what:
                said = {
                    "grade": what == "test",
                    "solution": what == "solution",
                    "locked": what != "solution",
                    "task": False,
                    "schema_version": 3,
                    "grade_id": f"{self.name}-{what}-{counts[what]}",
                    "cell_type": "code",
                }
                if what == "test":
                    said["points"] = float(points)
                cells[-1].metadata["nbgrader"] = said
                counts[what] += 1
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        return new_notebook(metadata={"kernelspec": kernel}, cells=cells)

    def answered(self, release: Any, answer: str) -> Any:
        """A copy of the released notebook with an answer in it."""
        notebook = copy.deepcopy(release)
        right = [source for kind, source in self.cells if kind.startswith("solution")]
        blanks = [
            cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")
        ]
        for place, (cell, source) in enumerate(zip(blanks, right, strict=True)):
            first = answer != "right" and place == 0
            cell.source = self.answers[answer] if first else without_markers(source)
        return notebook


def without_markers(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if "### " not in line)


def read_kind(path: Path) -> Kind:
    """One file of `kinds`."""
    head, *parts = re.split(r"^# %%(.*)\n", path.read_text(), flags=re.MULTILINE)
    pairs = list(zip(map(str.strip, parts[::2]), map(str.strip, parts[1::2]), strict=True))
    files = {
        name: text.replace("\\n", "\n").encode()
        for name, text in re.findall(r"^# file (\S+): (.*)$", head, re.MULTILINE)
    }
    return Kind(
        name=path.stem,
        modes=tuple(head.splitlines()[0].lstrip("# ").split()),
        cells=tuple(pair for pair in pairs if pair[0] not in ("wrong", "cheat")),
        answers={kind: source for kind, source in pairs if kind in ("wrong", "cheat")},
        files=files,
    )


def all_kinds() -> list[Kind]:
    return [read_kind(path) for path in sorted(KINDS.glob("*.py"))]


def build_course(root: Path, kinds: list[Kind], assignment: str = "kinds") -> None:
    """A course folder with one assignment: a source notebook for each kind."""
    folder = root / "source" / assignment
    folder.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG)
    for kind in kinds:
        nbformat.write(kind.notebook(), folder / f"{kind.name}.ipynb")
        for name, data in kind.files.items():
            (folder / name).write_bytes(data)


def scores_on_record(root: Path) -> dict[tuple[str, str, str], float | None]:
    """(student, notebook, grade_id) to the automatic score, straight from the database."""
    query = """
        select submitted_assignment.student_id, notebook.name, base_cell.name, grade.auto_score
        from grade join submitted_notebook on submitted_notebook.id = grade.notebook_id
        join notebook on notebook.id = submitted_notebook.notebook_id
        join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
        join base_cell on base_cell.id = grade.cell_id
    """
    with sqlite3.connect(root / "gradebook.db") as database:
        return {(*row[:3],): row[3] for row in database.execute(query)}


def reasons(notebook: Any) -> str:
    """What the tests say."""
    return "\n".join(
        "\n".join(output["traceback"])
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if output["output_type"] == "error"
    )
