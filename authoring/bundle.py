"""The student bundle: one zip with everything that students get, and nothing else.

Files are taken from the releases, the lab's wheel, `data/curricula` and `deploy/bundle`. The zip
depends on their contents alone, so that building it twice gives the same bytes.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from authoring.check import leaks_in, release_differences
from authoring.course import Course
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

    Args:
        course: the course, with a release of every assignment and recorded curricula.
        destination: path of the zip; what is there is replaced only by a complete new one.
        step: told what is being done, for a progress display.

    Returns:
        The names of the files in the zip, sorted.

    Raises:
        AuthoringError: a release is missing or out of date, there are no curricula, or something
            secret is in a file that students would get.
    """
    _refuse_outdated(course, step)
    step("building the lab's wheel")
    files = _files(course)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=destination.parent) as scratch:
        path = Path(scratch) / destination.name
        path.write_bytes(_zipped({f"{TOP}/{name}": files[name] for name in files}))
        step("looking for leaks in the zip")
        if faults := bundle_leaks(course, path):
            raise AuthoringError("nothing was bundled:\n" + "\n".join(faults))
        path.replace(destination)
    return sorted(files)


def bundle_leaks(course: Course, path: Path) -> list[str]:
    """Secrets that stand in a bundle, also inside the wheel in it, one sentence each."""
    with zipfile.ZipFile(path) as bundle:
        return leaks_in(course, dict(_members(bundle, "")))


def _members(archive: zipfile.ZipFile, where: str) -> Iterator[tuple[str, bytes]]:
    for name in archive.namelist():
        content = archive.read(name)
        yield where + name, content
        if name.endswith(".whl"):
            with zipfile.ZipFile(io.BytesIO(content)) as wheel:
                yield from _members(wheel, f"{where}{name}/")


def _refuse_outdated(course: Course, step: Callable[[str], None]) -> None:
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for assignment in course.assignments():
            step(f"comparing the release of {assignment} with its source")
            faults += release_differences(course, assignment, Path(scratch))
    if faults:
        raise AuthoringError("nothing was bundled:\n" + "\n".join(faults))


def _files(course: Course) -> dict[str, bytes]:
    """Everything in the bundle, by its name below the top folder."""
    curricula = course.root / "data" / "curricula"
    if not list(curricula.glob("*.npz")):
        raise AuthoringError(
            f"{curricula} holds no recorded curriculum (*.npz), and the lab cannot do without. "
            "Take the folder from version control, or record one with 'gtnlab train'."
        )
    wheel = wheel_files(course.root)
    wheel_name = _name_of(wheel)
    files = {
        **_texts(course.root / "deploy" / "bundle"),
        "requirements.txt": _requirements(wheel_name).encode(),
        "constraints.txt": _constraints(course.root / "requirements.lock").encode(),
        wheel_name: _zipped(wheel),
    }
    folders = {course.release / name: name for name in course.assignments()}
    for folder, name in {**folders, curricula: "data/curricula"}.items():
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files[f"{name}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    return files


def _texts(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.is_file()}
    if "README.md" not in found:
        raise AuthoringError(f"{folder} has no README.md for students. Take it from git.")
    return found


def _name_of(wheel: Mapping[str, bytes]) -> str:
    folder = next(name.split("/")[0] for name in wheel if name.endswith(".dist-info/METADATA"))
    return f"{folder.removesuffix('.dist-info')}-py3-none-any.whl"


def _requirements(wheel_name: str) -> str:
    return (
        "# Versions are fixed in constraints.txt. pip looks for the wheel in the current folder.\n"
        f"-c constraints.txt\n./{wheel_name}\njupyterlab\nnotebook\n"
    )


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
