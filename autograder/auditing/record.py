"""The verdicts of an audit on disk: `audit/ASSIGNMENT.json` in the course folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.submission.instructor import InstructorNotebook
from autograder.submission.verdicts import Verdicts

# Raised when the same assignment may get other verdicts from a newer audit.
_VERSION = 1


def record_file(course: Course, assignment: str) -> Path:
    """Where an assignment's verdicts are kept."""
    return course.root / "audit" / f"{assignment}.json"


def write_verdicts(
    course: Course, assignment: str, notebooks: Sequence[InstructorNotebook]
) -> None:
    """Keep the verdicts of an assignment's notebooks; all of them, or the old ones stay."""
    path = record_file(course, assignment)
    told = {
        "version": _VERSION,
        "notebooks": {
            notebook.name: {"digest": notebook.digest, **asdict(notebook.verdicts)}
            for notebook in notebooks
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_text(json.dumps(told, indent=1) + "\n")
    scratch.replace(path)


def with_verdicts(
    course: Course, assignment: str, notebooks: Sequence[InstructorNotebook]
) -> tuple[InstructorNotebook, ...] | None:
    """The notebooks with their verdicts; None where one was never audited as it is now.

    Raises:
        AutograderError: the record is damaged.
    """
    kept = _read(record_file(course, assignment))
    digests = {name: digest for name, (digest, _) in kept.items()}
    if any(digests.get(notebook.name) != notebook.digest for notebook in notebooks):
        return None
    return tuple(replace(each, verdicts=kept[each.name][1]) for each in notebooks)


def _read(path: Path) -> Mapping[str, tuple[str, Verdicts]]:
    try:
        told = json.loads(path.read_text())
        if told["version"] != _VERSION:
            return {}
        return {
            str(name): (str(entry["digest"]), Verdicts.from_json(entry))
            for name, entry in told["notebooks"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AutograderError) as error:
        raise AutograderError(
            f"{path} cannot be read ({error}). Remove it: the tests are then audited again."
        ) from error
