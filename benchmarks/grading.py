"""Grading a class: `autograder grade` against plain nbgrader on the same submissions.

    python benchmarks/grading.py                    40 submissions, each way once
    python benchmarks/grading.py --rounds 3         three times each way, alternating
    python benchmarks/grading.py --with-demonstrations 3
                                                    also plain nbgrader as it comes, on 3
    python benchmarks/grading.py --soak 2000        only ours, watching its memory
    python benchmarks/grading.py --ordinary         two small assignments in the plain nbgrader
                                                    way, with tests outside and inside

CPU is that of the whole process tree. Printed are the whole commands, start-up included; one more
submission, which is the difference between these submissions and a quarter of them; and our
start-up: the command once more where nothing has changed, which starts all that it needs to grade
and grades nobody. The submissions are the sample class's honest answers, right and wrong, over and
over; plain nbgrader gets them with its own preprocessors, in another course folder.

Left out on both sides: cells tagged `demonstration` (training runs, figures, sliders), which our
grader never runs. Plain nbgrader is told to skip them; as it comes it spends a minute on them.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import nbformat
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "shared"))

from kinds_of_assignment import KINDS, build_course, read_kind

Commands = Mapping[str, Sequence[str]]
"""The two ways of grading, `ours` and `nbgrader`; each grades the course folder of its name."""
Costs = Mapping[str, np.ndarray]
"""What either costs, in seconds: [CPU, wall]."""

REPOSITORY = Path(__file__).resolve().parent.parent
ASSIGNMENT = "rnn-bptt"
# Not among them: the endless loop and the killed process, on which plain nbgrader spends minutes,
# the broken file, which it cannot read, and finite differences, which take anybody long.
HONEST = ["ada", "blaise", "carl", "dora", "emil", "fay", "grace", "hugo", "ines", "noor", "pia"]
PLAIN = """
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors." + name
    for name in ("ClearOutput", "DeduplicateIds", "OverwriteKernelspec", "OverwriteCells",
                 "CheckCellMetadata")
]
c.Autograde.autograde_preprocessors = [
    "nbgrader.preprocessors." + name
    for name in ("Execute", "IgnorePattern", "LimitOutput", "SaveAutoGrades",
                 "AssignLatePenalties", "CheckCellMetadata")
]
"""
SKIP_DEMONSTRATIONS = 'c.Execute.skip_cells_with_tag = "demonstration"\n'
RUN_DEMONSTRATIONS = 'c.Execute.skip_cells_with_tag = ""\n'
OURS = ["autograder", "grade", ASSIGNMENT, "--quiet"]
STARTS = 5
NBGRADER = ["nbgrader", "autograde", ASSIGNMENT, "--log-level=ERROR"]


def run(command: Sequence[str], folder: Path) -> np.ndarray:
    """Seconds of CPU and of wall time of a command with everything that it started."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    before, started = _children_cpu(), time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    wall = time.monotonic() - started
    with suppress(ChildProcessError):  # orphans come to us: their CPU counts once they are reaped
        while True:
            os.waitpid(-1, 0)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return np.array([_children_cpu() - before, wall])


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans (PR_SET_CHILD_SUBREAPER)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def make_course(folder: Path, settings: str = "") -> None:
    """A course with the released homework; answers of the sample class wait in `answers`."""
    for name in ("source", "data/sample-class"):
        shutil.copytree(REPOSITORY / name, folder / name)
    config = (REPOSITORY / "nbgrader_config.py").read_text()
    (folder / "nbgrader_config.py").write_text(config + settings)
    run(["authoring", "release", ASSIGNMENT], folder)
    run(["authoring", "sample-class", ASSIGNMENT], folder)
    (folder / "answers").mkdir()
    for name in HONEST:
        (folder / "submitted" / name).rename(folder / "answers" / name)


def hand_in(folder: Path, submissions: int) -> None:
    """Let this many students hand in the answers that wait, and nobody else; none is graded yet."""
    shutil.rmtree(folder / "submitted", ignore_errors=True)
    shutil.rmtree(folder / "autograded", ignore_errors=True)
    answers = itertools.cycle(sorted((folder / "answers").iterdir()))
    for number, answer in zip(range(submissions), answers, strict=False):
        shutil.copytree(answer, folder / "submitted" / f"student-{number:04}")


def scores(folder: Path) -> dict[str, float]:
    """Student to total score, from the gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "unrolled") as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(ASSIGNMENT)}


def measure(
    root: Path, commands: Commands, submissions: int, rounds: int = 1
) -> tuple[Costs, Costs]:
    """Mean cost of so many submissions and of one more, graded both ways in alternating rounds."""
    few = max(submissions // 4, 1)
    many_cost = dict.fromkeys(commands, np.zeros(2))
    few_cost = dict.fromkeys(commands, np.zeros(2))
    for number in range(rounds):
        for name in list(commands) if number % 2 == 0 else reversed(commands):
            for cost, count in ((few_cost, few), (many_cost, submissions)):
                hand_in(root / name, count)
                cost[name] = cost[name] + run(commands[name], root / name) / rounds
    more = {name: (many_cost[name] - few_cost[name]) / (submissions - few) for name in commands}
    return many_cost, more


def compare(root: Path, submissions: int, rounds: int) -> None:
    """Grade the same submissions both ways, and print the ratios."""
    make_course(root / "ours")
    make_course(root / "nbgrader", PLAIN + SKIP_DEMONSTRATIONS)
    commands = {"ours": OURS, "nbgrader": NBGRADER}
    whole, more = measure(root, commands, submissions, rounds)
    print("Cells tagged `demonstration` are run by neither.")
    show(f"{submissions} submissions", whole)
    show("one more", more)
    cpu, wall = np.median([run(OURS, root / "ours") for _ in range(STARTS)], axis=0)
    print(f"{'start-up':15} {'ours':9} CPU {cpu:8.3f} s, wall {wall:8.3f} s, median of {STARTS}")
    mine, plain = scores(root / "ours"), scores(root / "nbgrader")
    differing = sorted(student for student in plain if mine[student] != plain[student])
    print(f"scores: {len(plain) - len(differing)} of {len(plain)} agree")
    for student in differing:
        print(f"  {student}: ours {mine[student]}, nbgrader {plain[student]}")


def show(what: str, costs: Costs) -> None:
    """Print both costs of something, and their ratios."""
    for name, (cpu, wall) in costs.items():
        print(f"{what:15} {name:9} CPU {cpu:8.3f} s, wall {wall:8.3f} s")
    cpu, wall = costs["nbgrader"] / costs["ours"]
    print(f"{what:15} ratio     CPU 1/{cpu:.1f}, wall 1/{wall:.1f}")


def with_demonstrations(root: Path, submissions: int) -> None:
    """Print what plain nbgrader spends as it comes, running every cell."""
    folder = root / "nbgrader-whole"
    make_course(folder, PLAIN + RUN_DEMONSTRATIONS)
    hand_in(folder, submissions)
    cpu, wall = run(NBGRADER, folder) / submissions
    print(
        f"plain nbgrader with the demonstrations: CPU {cpu:.1f} s, wall {wall:.1f} s "
        f"a submission ({submissions} graded)"
    )


def ordinary(root: Path, submissions: int) -> None:
    """Small assignments without a word of ours in them, whose tests run outside and inside."""
    for mode, name in (("outside", "classes"), ("inside", "inspected_source")):
        kind = read_kind(KINDS / f"{name}.py")
        commands = {
            "ours": ["autograder", "grade", name],
            "nbgrader": ["nbgrader", "autograde", name],
        }
        for grader in commands:
            folder = root / mode / grader
            build_course(folder, [kind], name)
            if grader == "ours":
                run(["autograder", "init", "--yes"], folder)
            run(["nbgrader", "generate_assignment", name], folder)
            release = nbformat.read(folder / "release" / name / f"{name}.ipynb", as_version=4)
            for answer in ("right", "wrong"):
                place = folder / "answers" / answer / name
                place.mkdir(parents=True)
                nbformat.write(kind.answered(release, answer), place / f"{name}.ipynb")
        _, more = measure(root / mode, commands, submissions)
        show(f"{mode}, one more", more)


def soak(root: Path, submissions: int) -> None:
    """Grade many submissions in one run, and print what memory the grader holds meanwhile."""
    make_course(root / "ours")
    hand_in(root / "ours", submissions)
    os.chdir(root / "ours")
    from autograder.course import Course
    from autograder.scheduling.batch import Plan, chosen_students, grade_class

    course, plan = Course.at(Path.cwd()), Plan(ASSIGNMENT)
    grader, started, done = psutil.Process(), time.monotonic(), 0

    def watch(_student: str, _results: object) -> None:
        nonlocal done
        done += 1
        if done % max(submissions // 10, 1) == 0:
            tree = [grader, *grader.children(recursive=True)]
            held = grader.memory_info().rss / 2**20
            print(
                f"{done:6} graded, {time.monotonic() - started:6.0f} s: grader {held:6.0f} MiB, "
                f"{len(tree):3} processes {_held(tree):6.0f} MiB",
                flush=True,
            )

    grade_class(course, plan, chosen_students(course, plan), watch)


def _held(processes: Sequence[psutil.Process]) -> float:
    """Resident MiB of processes, those that end meanwhile left out."""
    held = 0
    for process in processes:
        with suppress(psutil.Error):
            held += process.memory_info().rss
    return held / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--with-demonstrations", type=int, metavar="SUBMISSIONS", default=0)
    parser.add_argument("--ordinary", action="store_true")
    parser.add_argument("--soak", type=int, metavar="SUBMISSIONS")
    options = parser.parse_args()
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="grading-") as root:
        if options.soak:
            soak(Path(root), options.soak)
        elif options.ordinary:
            ordinary(Path(root), options.submissions)
        else:
            compare(Path(root), options.submissions, options.rounds)
            if options.with_demonstrations:
                with_demonstrations(Path(root), options.with_demonstrations)


if __name__ == "__main__":
    main()
