"""|student − reference| as a picture, one panel per quantity.

Drawn with Pillow: loading matplotlib would cost more than the whole rest of a diagnosis.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from autograder.diagnosis.evidence import RIGHT, Evidence
from autograder.diagnosis.probes import Array

__all__ = ["draw_heatmap"]

# cividis, which people with a colour vision deficiency read like everybody else; five anchors.
_ANCHORS = np.array(
    [[0, 32, 77], [65, 77, 107], [124, 123, 120], [188, 174, 108], [255, 234, 70]], dtype=float
)
_MISSING = (200, 60, 60)
_INK = (34, 34, 34)
_CELL = 24
_TOP, _LEFT, _RIGHT, _BOTTOM = 44, 46, 92, 42
_AXES = {
    "dLdU": ("hidden unit", "input digit"),
    "dLdV": ("output digit", "hidden unit"),
    "dLdW": ("hidden unit, new", "hidden unit, old"),
    "U": ("hidden unit", "input digit"),
    "V": ("output digit", "hidden unit"),
    "W": ("hidden unit, new", "hidden unit, old"),
    "o": ("time step", "digit"),
    "s": ("time step", "hidden unit"),
    "losses": ("measurement", "examples, loss"),
}


def draw_heatmap(evidence: Evidence) -> bytes | None:
    """The picture as PNG, of the first probe on which a value came back wrong.

    Returns None where no wrong matrix came back at all.
    """
    for mine, theirs in zip(evidence.student, evidence.reference, strict=True):
        wrong = [
            name
            for name, want in theirs.values.items()
            if want.ndim == 2 and name in mine.values and not _same(mine.values[name], want)
        ]
        if wrong:
            names = [name for name in evidence.quantities if theirs.values[name].ndim == 2]
            panels = [_panel(name, mine.values[name], theirs.values[name]) for name in names]
            return _png(panels)
    return None


def _same(got: Array, want: Array) -> bool:
    return got.shape == want.shape and np.allclose(got, want, rtol=RIGHT, atol=1e-12)


def _png(panels: list[Image.Image]) -> bytes:
    width = sum(panel.width for panel in panels)
    page = Image.new("RGB", (width, max(panel.height for panel in panels)), "white")
    left = 0
    for panel in panels:
        page.paste(panel, (left, 0))
        left += panel.width
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def _panel(name: str, got: Array, want: Array) -> Image.Image:
    rows, columns = want.shape
    width, height = columns * _CELL, rows * _CELL
    panel = Image.new("RGB", (_LEFT + width + _RIGHT, _TOP + height + _BOTTOM), "white")
    draw = ImageDraw.Draw(panel)
    font, small = ImageFont.load_default(14), ImageFont.load_default(11)
    row_label, column_label = _AXES[name]
    draw.text((_LEFT, 4), f"|error| in {name}", _INK, font)
    draw.text((_LEFT + width / 2, _TOP + height + 30), column_label, _INK, small, anchor="mm")
    panel.paste(_sideways(row_label, small), (2, _TOP + height // 2 - 60))
    for row in range(rows):
        draw.text((_LEFT - 8, _TOP + (row + 0.5) * _CELL), str(row), _INK, small, anchor="rm")
    for column in range(columns):
        middle = _LEFT + (column + 0.5) * _CELL
        draw.text((middle, _TOP + height + 10), str(column), _INK, small, anchor="mm")
    if got.shape != want.shape:
        draw.rectangle((_LEFT, _TOP, _LEFT + width, _TOP + height), outline=_MISSING, width=2)
        text = f"shape\n{got.shape}"
        centre = (_LEFT + width / 2, _TOP + height / 2)
        draw.text(centre, text, _MISSING, small, anchor="mm", align="center")
        return panel
    error = np.abs(np.asarray(got, dtype=complex) - want)
    most = float(error[np.isfinite(error)].max(initial=0))
    if np.isfinite(error).all() and _same(got, want):
        draw.text((_LEFT, 23), "right everywhere", _INK, small)
        most = 0.0
    panel.paste(_cells(error if most else np.zeros(want.shape), most), (_LEFT, _TOP))
    if most:
        _colour_bar(panel, draw, small, _LEFT + width + 14, height, most)
    return panel


def _cells(error: Array, most: float) -> Image.Image:
    finite = np.isfinite(error)
    level = np.where(finite, error, 0) / (most or 1.0)
    pixels = _colours(level)
    pixels[~finite] = _MISSING
    cells = Image.fromarray(np.kron(pixels, np.ones((_CELL, _CELL, 1), np.uint8)))
    draw = ImageDraw.Draw(cells)
    for x in range(0, cells.width, _CELL):
        draw.line((x, 0, x, cells.height), "white")
    for y in range(0, cells.height, _CELL):
        draw.line((0, y, cells.width, y), "white")
    return cells


def _colour_bar(
    panel: Image.Image,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    left: int,
    height: int,
    most: float,
) -> None:
    levels = np.linspace(1, 0, height)[:, None]
    panel.paste(Image.fromarray(_colours(levels)).resize((12, height)), (left, _TOP))
    draw.text((left + 16, _TOP), f"{most:.2g}", _INK, font, anchor="lt")
    draw.text((left + 16, _TOP + height), "0", _INK, font, anchor="lb")


def _colours(level: Array) -> npt.NDArray[np.uint8]:
    """Levels 0 … 1 of shape [rows, columns] as [rows, columns, 3]."""
    places = np.linspace(0, 1, len(_ANCHORS))
    channels = [np.interp(level, places, _ANCHORS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _sideways(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> Image.Image:
    label = Image.new("RGB", (120, 16), "white")
    ImageDraw.Draw(label).text((60, 8), text, _INK, font, anchor="mm")
    return label.rotate(90, expand=True)
