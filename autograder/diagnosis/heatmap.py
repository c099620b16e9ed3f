"""|student − reference| as a picture, one panel per quantity; and the matrix furthest off.

Drawn with Pillow: loading matplotlib would cost more than the whole rest of a diagnosis.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from autograder.diagnosis.evidence import RIGHT, Evidence
from autograder.diagnosis.probes import Array
from autograder.recording.results import Comparison

# cividis, which people with a colour vision deficiency read like everybody else; five anchors.
_ANCHORS = np.array(
    [[0, 32, 77], [65, 77, 107], [124, 123, 120], [188, 174, 108], [255, 234, 70]], dtype=float
)
_MISSING = (200, 60, 60)
_INK = (34, 34, 34)
_CELL = 24
_TOP, _LEFT, _RIGHT, _BOTTOM = 44, 46, 92, 42
# Labels of rows and columns; a gradient has those of its parameter.
_AXES = {
    "U": ("hidden unit", "input digit"),
    "V": ("output digit", "hidden unit"),
    "W": ("hidden unit, new", "hidden unit, old"),
    "o": ("time step", "digit"),
    "s": ("time step", "hidden unit"),
    "losses": ("measurement", "examples, loss"),
}


def picture_errors(evidence: Evidence) -> tuple[str | None, Comparison | None]:
    """The first probe on which a matrix came back wrong: its picture, and the matrix furthest off.

    Returns:
        a PNG as base64 text, or None where no wrong matrix came back at all; and the matrix whose
        error is the largest relative to its entries, or None where none has the right shape.
    """
    for _, mine, theirs in evidence.trials:
        got = mine.values
        right = {name: value for name, value in theirs.values.items() if value.ndim == 2}
        if got and not all(_same(got[name], want) for name, want in right.items()):
            return base64.b64encode(_draw(got, right)).decode(), _furthest_off(got, right)
    return None, None


def _furthest_off(got: Mapping[str, Array], right: Mapping[str, Array]) -> Comparison | None:
    off = {
        name: float(np.abs(got[name] - want).max()) / (float(np.abs(want).max()) or 1.0)
        for name, want in right.items()
        if got[name].shape == want.shape
        and got[name].dtype.kind in "fiu"
        and np.isfinite(got[name]).all()
        and not _same(got[name], want)
    }
    if not off:
        return None
    name = max(off, key=off.__getitem__)
    rows, columns = _AXES[name.removeprefix("dLd")]
    return Comparison(name, rows, columns, _rounded(right[name]), _rounded(got[name]))


def _rounded(matrix: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(f"{value:.4g}") for value in row) for row in matrix)


def _same(got: Array, want: Array) -> bool:
    return got.shape == want.shape and np.allclose(got, want, rtol=RIGHT, atol=1e-12)


def _draw(got: Mapping[str, Array], right: Mapping[str, Array]) -> bytes:
    rows, columns = zip(*(want.shape for want in right.values()), strict=True)
    width = len(columns) * (_LEFT + _RIGHT) + sum(columns) * _CELL
    page = Image.new("RGB", (width, _TOP + max(rows) * _CELL + _BOTTOM), "white")
    left = _LEFT
    for name, want in right.items():
        _draw_panel(page, left, name, got[name], want)
        left += want.shape[1] * _CELL + _RIGHT + _LEFT
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def _draw_panel(page: Image.Image, left: int, name: str, got: Array, want: Array) -> None:
    rows, columns = want.shape
    right, bottom = left + columns * _CELL, _TOP + rows * _CELL
    centre = ((left + right) / 2, (_TOP + bottom) / 2)
    draw = ImageDraw.Draw(page)
    font, small = ImageFont.load_default(14), ImageFont.load_default(11)
    row_label, column_label = _AXES[name.removeprefix("dLd")]
    sideways = Image.new("RGB", (120, 16), "white")
    ImageDraw.Draw(sideways).text((60, 8), row_label, _INK, small, anchor="mm")
    page.paste(sideways.rotate(90, expand=True), (left - 44, (_TOP + bottom) // 2 - 60))
    draw.text((left, 4), f"|error| in {name}", _INK, font)
    draw.text((centre[0], bottom + 30), column_label, _INK, small, anchor="mm")
    for row in range(rows):
        draw.text((left - 8, _TOP + (row + 0.5) * _CELL), str(row), _INK, small, anchor="rm")
    for column in range(columns):
        middle = left + (column + 0.5) * _CELL
        draw.text((middle, bottom + 10), str(column), _INK, small, anchor="mm")
    if got.shape != want.shape:
        draw.rectangle((left, _TOP, right, bottom), outline=_MISSING, width=2)
        draw.text(centre, f"shape\n{got.shape}", _MISSING, small, anchor="mm", align="center")
        return
    error = np.abs(np.asarray(got, dtype=complex) - want)
    finite = np.isfinite(error)
    most = float(error[finite].max(initial=0))
    if finite.all() and _same(got, want):
        draw.text((left, 23), "right everywhere", _INK, small)
        most = 0.0
    pixels = _colours(np.where(finite, error, 0) / most if most else np.zeros(want.shape))
    pixels[~finite] = _MISSING
    cells = np.kron(pixels, np.ones((_CELL, _CELL, 1), np.uint8))
    cells[::_CELL] = cells[:, ::_CELL] = 255
    page.paste(Image.fromarray(cells), (left, _TOP))
    if most:
        bar = _colours(np.linspace(1, 0, bottom - _TOP)[:, None])
        page.paste(Image.fromarray(bar).resize((12, bottom - _TOP)), (right + 14, _TOP))
        draw.text((right + 30, _TOP), f"{most:.2g}", _INK, small, anchor="lt")
        draw.text((right + 30, bottom), "0", _INK, small, anchor="lb")


def _colours(level: Array) -> npt.NDArray[np.uint8]:
    """Levels 0 … 1 of shape [rows, columns] as [rows, columns, 3]."""
    places = np.linspace(0, 1, len(_ANCHORS))
    channels = [np.interp(level, places, channel) for channel in _ANCHORS.T]
    return np.stack(channels, axis=-1).astype(np.uint8)
