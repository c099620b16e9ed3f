"""Scores of plain nbgrader and of this grader, on assignments of every kind.

    python benchmarks/agreement.py                the small assignments of tests/any_assignment
    python benchmarks/agreement.py --only classes generators

Each kind's right, wrong and cheating answer is graded by plain nbgrader in one course folder and,
after `autograder init`, by `autograder grade` in another. Honest answers must get the same score
in every test cell; the table also shows what a cheat gets either way. Plain nbgrader runs the
submissions with your rights: these are the repository's own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "shared"))

from kinds_of_assignment import Kind, all_kinds, build_course, scores_on_record

ANSWERS = ("right", "wrong", "cheat")
Scores = dict[tuple[str, str], float | None]


def run(command: Sequence[str], folder: Path) -> None:
    """Run a command of this environment; plain nbgrader may fail on single submissions."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode and command[0] == "autograder":
        print(done.stderr, file=sys.stderr)


def hand_in(root: Path, kinds: Sequence[Kind]) -> None:
    """One submission for each answer: all kinds' notebooks with that answer in them."""
    for answer in ANSWERS:
        folder = root / "submitted" / answer / "kinds"
        shutil.copytree(root / "release" / "kinds", folder)
        for kind in kinds:
            path = folder / f"{kind.name}.ipynb"
            release = nbformat.read(path, as_version=4)
            path.chmod(0o644)
            nbformat.write(kind.answered(release, answer), path)


def scores(root: Path) -> dict[str, Scores]:
    """Answer to (notebook, grade_id) to score."""
    found: dict[str, Scores] = {answer: {} for answer in ANSWERS}
    for (answer, notebook, cell), score in scores_on_record(root).items():
        found[answer][notebook, cell] = score
    return found


def compare(root: Path, kinds: Sequence[Kind]) -> bool:
    """Print the table; whether honest answers agree everywhere and no cheat gains."""
    for name in ("nbgrader", "ours"):
        build_course(root / name, list(kinds))
        run(["nbgrader", "generate_assignment", "kinds"], root / name)
        hand_in(root / name, kinds)
    run(["nbgrader", "autograde", "kinds"], root / "nbgrader")
    run(["autograder", "init", "--yes"], root / "ours")
    run(["autograder", "grade", "kinds"], root / "ours")
    plain, ours = scores(root / "nbgrader"), scores(root / "ours")
    table = Table(
        *("kind", "runs", "points", "right: nbgrader", "ours", "wrong: nbgrader", "ours"),
        *("cheat: nbgrader", "ours"),
        box=box.SIMPLE,
    )
    for column in table.columns[2:]:
        column.justify = "right"
    honest: list[bool] = []
    gained = np.zeros(2)
    for kind in kinds:
        keys = [(kind.name, test) for test in kind.tests]
        row = [kind.name, " ".join(kind.modes), f"{sum(p for p, _ in kind.tests.values()):g}"]
        for answer in ANSWERS:
            pairs = np.array(
                [[way[answer].get(key) or 0.0 for way in (plain, ours)] for key in keys]
            )
            row += [f"{points:g}" for points in pairs.sum(axis=0)]
            if answer == "cheat":
                gained += pairs.sum(axis=0)
            else:
                honest += [a == b for a, b in pairs]
        table.add_row(*row)
    Console(width=150).print(table)
    print(f"honest answers: {sum(honest)} of {len(honest)} test cells have the same score")
    print(f"points for cheats: {gained[0]:g} by plain nbgrader, {gained[1]:g} by ours")
    return all(honest) and gained[1] == 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="KIND", help="only these kinds")
    only = parser.parse_args().only
    kinds = [kind for kind in all_kinds() if not only or kind.name in only]
    with tempfile.TemporaryDirectory(prefix="agreement-") as root:
        if not compare(Path(root), kinds):
            sys.exit(1)


if __name__ == "__main__":
    main()
