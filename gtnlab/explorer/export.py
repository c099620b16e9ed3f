"""The explorer for one experiment as a single HTML file, to open from disk or put on a server."""

from __future__ import annotations

from pathlib import Path

from gtnlab.curriculum import Curriculum
from gtnlab.errors import GtnError
from gtnlab.explorer.playback import Playback, variant_of
from gtnlab.explorer.recordings import find_curricula, names
from gtnlab.explorer.static_page import page
from gtnlab.files import written_whole
from gtnlab.training.run import open_curriculum

__all__ = ["export_page"]


def export_page(name: str, out: Path, folder: Path | None = None) -> list[str]:
    """Write the page; an earlier one stays whole if this fails.

    Args:
        name: an experiment (all its recorded variants), one recording, a file or a run directory.
        out: the page to write.
        folder: where the recordings lie; found by itself if not given.

    Returns:
        The names of the recordings on the page.

    Raises:
        GtnError: there is no such recording, or the page cannot be written.
    """
    played = _played(name, folder)
    content = page(f"A generated curriculum: {name.rstrip('/')}", played)
    with written_whole(out) as scratch:
        scratch.write_text(content, encoding="utf-8")
    return [each.name for each in played]


def _played(name: str, folder: Path | None) -> list[Playback]:
    path = Path(name)
    if path.suffix == ".npz" or path.is_dir():
        return [Playback(path.stem, open_curriculum(path))]
    place = folder or find_curricula()
    found = [each for each in names(place) if name in (each, variant_of(each)[0])]
    if not found:
        raise GtnError(
            f"There is no recording of {name!r} in {place}, only of {', '.join(names(place))}. "
            "Name one of them, a file (.npz) or a run directory."
        )
    return [Playback(each, Curriculum.load(place / f"{each}.npz")) for each in found]
