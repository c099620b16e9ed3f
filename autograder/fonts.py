"""Matplotlib's list of fonts for the sandbox: reading every font anew would slow each start."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FontLists:
    """The lists that Matplotlib keeps for this user; none before its first use.

    Fonts outside the system are left out: a submission should not learn the names of folders.

    Attributes:
        descriptors: file name to a descriptor from which the list can be read, within `with`.
    """

    def __init__(self) -> None:
        self.descriptors: dict[str, int] = {}

    def __enter__(self) -> Self:
        import matplotlib

        for path in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
            try:
                listed = json.loads(path.read_bytes())
                for kind in ("ttflist", "afmlist"):
                    listed[kind] = [font for font in listed[kind] if _is_public(font["fname"])]
            except (OSError, ValueError, LookupError, TypeError):
                continue  # Matplotlib inside makes its own
            descriptor = self.descriptors[path.name] = os.memfd_create(path.name)
            os.write(descriptor, json.dumps(listed).encode())
            os.lseek(descriptor, 0, os.SEEK_SET)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for descriptor in self.descriptors.values():
            os.close(descriptor)


def _is_public(font: str) -> bool:
    # Matplotlib's own fonts are listed relative to its folder.
    return not Path(font).is_absolute() or Path(font).is_relative_to("/usr")
