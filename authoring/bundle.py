"""The student bundle: one zip with everything that students get, and nothing else.

Files are taken from the releases, the lab's wheel, `data/curricula` and `deploy/bundle`. The zip
depends on their contents alone, so that building it twice gives the same bytes.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from authoring.check import leaks_in, release_differences
from authoring.course import Course, files_in
from authoring.errors import AuthoringError
from authoring.wheel import wheel_files

TOP = "course-students"
"""The one folder that the zip holds."""

# The earliest time that a zip can say: a clock must not change the bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def build_bundle(
    course: Course, destination: Path, step: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Write the students' zip, after checking that it is up to date and holds nothing secret.

    What is there is replaced only by a complete new one. `step` is told what is being done, for a
    display.

    Returns:
        The names of the files in the zip, sorted.

    Raises:
        AuthoringError: a release is missing or out of date, there are no curricula, or something
            secret is in a file that students would get.
    """
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for assignment in course.assignments():
            step(f"comparing the release of {assignment} with its source")
            faults += release_differences(course, assignment, Path(scratch))
    _refuse_if(faults)
    step("building the lab's wheel")
    wheel = wheel_files(course.root)
    metadata = next(name for name in wheel if name.endswith(".dist-info/METADATA"))
    wheel_name = metadata.split(".dist-info/")[0] + "-py3-none-any.whl"
    files = _files(course, wheel_name, _zipped(wheel))
    step("looking for leaks in the zip")
    in_wheel = {f"{TOP}/{wheel_name}/{name}": wheel[name] for name in wheel}
    _refuse_if(leaks_in(course, files | in_wheel))
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=destination.parent) as scratch:
        path = Path(scratch) / destination.name
        path.write_bytes(_zipped(files))
        path.replace(destination)
    return sorted(name.removeprefix(f"{TOP}/") for name in files)


def _refuse_if(faults: list[str]) -> None:
    if faults:
        raise AuthoringError("nothing was bundled:\n" + "\n".join(faults))


def _files(course: Course, wheel_name: str, wheel: bytes) -> dict[str, bytes]:
    """Everything in the bundle, by its name there."""
    curricula = course.root / "data" / "curricula"
    if not list(curricula.glob("*.npz")):
        raise AuthoringError(
            f"{curricula} holds no recorded curriculum (*.npz), and the lab cannot do without. "
            "Take the folder from version control, or record one with 'gtnlab train'."
        )
    texts = course.root / "deploy" / "bundle"
    files = {f"{TOP}/{path.name}": path.read_bytes() for path in texts.glob("*") if path.is_file()}
    if f"{TOP}/README.md" not in files:
        raise AuthoringError(f"{texts} has no README.md for students. Take it from git.")
    for assignment in course.assignments():
        files |= files_in(course.release / assignment, f"{TOP}/{assignment}")
    requirements = (
        "# Versions are fixed in constraints.txt. pip looks for the wheel in the current folder.\n"
        f"-c constraints.txt\n./{wheel_name}\njupyterlab\nnotebook\n"
    )
    return {
        **files,
        **files_in(curricula, f"{TOP}/data/curricula"),
        f"{TOP}/requirements.txt": requirements.encode(),
        f"{TOP}/constraints.txt": _constraints(course.root / "requirements.lock").encode(),
        f"{TOP}/{wheel_name}": wheel,
    }


def _constraints(lock: Path) -> str:
    """The lock's pins without its remarks: fixes versions, asks for nothing."""
    try:
        lines = lock.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise AuthoringError(f"{lock} cannot be read: {error.strerror}.") from error
    pins = [line for line in lines if re.match(r"[\w.-]+(\[[\w,-]+\])?==", line)]
    return "# The versions that the course is tested with.\n" + "\n".join(pins) + "\n"


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return buffer.getvalue()
