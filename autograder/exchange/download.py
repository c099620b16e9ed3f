"""The files of a download, a zip or a folder, neither of which is trusted.

Of nbgrader's `zip_collect`, `collecting.py` uses the plugin that reads names. The plugin that
unpacks does not fit: it writes to disk whatever there is, of any size, archives in archives too.
"""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path

from autograder.errors import AutograderError

# A notebook with its pictures fits by far; a class of five hundred has room for 8 MB each.
_MOST_OF_A_FILE = 64 << 20
_MOST_IN_ALL = 4 << 30
_MOST_FILES = 50_000
_BITS_OF_UTF8 = 0x800
_JUNK = ("__MACOSX", "desktop.ini", "Thumbs.db", "__pycache__")


@dataclass(frozen=True)
class Entry:
    """One file of a download.

    Attributes:
        path: its path in the download, with slashes.
        modified: the date that the file carries.
        read: gives its contents.
        fault: why it cannot be used; empty where it can.
    """

    path: str
    modified: datetime
    read: Callable[[], bytes] = field(compare=False)
    fault: str = ""


@contextmanager
def open_download(path: Path, zone: tzinfo) -> Iterator[list[Entry]]:
    """The files of a zip or a folder, without what file managers leave behind.

    Args:
        zone: the time zone of dates that name none, as those in a zip.

    Raises:
        AutograderError: there is no such download, it is damaged, or it would unpack to too much.
    """
    if path.is_dir():
        yield list(_in_folder(path, zone))
        return
    if not path.exists():
        raise AutograderError(f"There is no {path}. Give the zip or the folder to collect from.")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise AutograderError(
            f"{path} cannot be opened as a zip ({error}). Download it again, or give a folder."
        ) from error
    with archive:
        yield list(_in_zip(archive, zone))


def _in_zip(archive: zipfile.ZipFile, zone: tzinfo) -> Iterator[Entry]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    # zipfile reads no more of a file than is declared here.
    in_all = sum(info.file_size for info in infos)
    if len(infos) > _MOST_FILES or in_all > _MOST_IN_ALL:
        raise AutograderError(
            f"{archive.filename} would unpack to {in_all / 1e9:.1f} GB in {len(infos)} files; "
            f"{_MOST_IN_ALL / 1e9:.1f} GB and {_MOST_FILES} files are allowed. "
            "Unpack it by hand, look at what is so large, and give the folder."
        )
    for info in infos:
        name = _real_name(info).replace("\\", "/")
        if _is_junk(name):
            continue
        fault = fault_of(name, info.file_size)
        if stat.S_ISLNK(info.external_attr >> 16):
            fault = "is a link"
        elif info.flag_bits & 1:
            fault = "is encrypted"
        try:
            modified = datetime(*info.date_time, tzinfo=zone)
        except ValueError:  # month 0, as some writers leave it
            modified = datetime(1980, 1, 1, tzinfo=zone)
        yield Entry(name, modified, partial(_unpacked, archive, info), fault)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, RuntimeError) as error:
        raise AutograderError(
            f"{archive.filename}: {info.filename} is damaged ({error}). Download the zip again."
        ) from error


def _real_name(info: zipfile.ZipInfo) -> str:
    """Many writers store UTF-8 without saying so; zipfile then reads it as code page 437."""
    if not info.flag_bits & _BITS_OF_UTF8:
        with suppress(UnicodeError):
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _in_folder(root: Path, zone: tzinfo) -> Iterator[Entry]:
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        found = path.lstat()
        if _is_junk(name) or stat.S_ISDIR(found.st_mode):
            continue
        fault = fault_of(name, found.st_size)
        if not stat.S_ISREG(found.st_mode):
            fault = "is a link or no ordinary file"
        yield Entry(name, datetime.fromtimestamp(found.st_mtime, zone), path.read_bytes, fault)


def _is_junk(name: str) -> bool:
    return any(re.match(r"\.+[^.]", part) or part in _JUNK for part in name.split("/"))


def fault_of(name: str, size: int = 0) -> str:
    """Why a path from outside must not be used as one below a folder of ours; empty if it may."""
    if size > _MOST_OF_A_FILE:
        return f"is too large ({size / 1e6:.0f} MB)"
    parts = name.split("/")
    unusable = not name.isprintable() or any(len(part.encode()) > 255 for part in parts)
    return "has an unusable name" if unusable or {"", ".", ".."} & set(parts) else ""
