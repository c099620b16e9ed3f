"""Pictures in milliseconds: batches of images and curves as PNG, by numpy and Pillow.

`picture` draws pages with matplotlib, which takes a hundred times as long.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Pixels = npt.NDArray[np.uint8]

SIDE = 28
SCALE = 2
GAP = 4
LABEL_HEIGHT = 15
BAR_HEIGHT = 14
BAR_GREY = 70
WHITE = 255


def grid(
    images: Pixels,
    labels: npt.NDArray[np.int64],
    targets: npt.NDArray[np.float32] | None = None,
) -> Pixels:
    """A batch as rows of images, each with its label above and its soft labels as bars below.

    Args:
        images: uint8 [batch, 28, 28].
        labels: digits [batch].
        targets: soft labels [batch, 10], if there are any.

    Returns:
        Grey levels, uint8 [height, width].
    """
    batch = len(images)
    # Ten, so that a curriculum's labels 0…9 stand in columns; more for large batches.
    columns = 10 if batch <= 50 else 16
    rows = -(-batch // columns)
    side = SIDE * SCALE
    below = LABEL_HEIGHT + side
    tall = below + GAP + (0 if targets is None else BAR_HEIGHT)
    cells = np.full((rows * columns, tall, side + GAP), WHITE, np.uint8)
    cells[:batch, :LABEL_HEIGHT, :side] = _digit_tiles(side)[labels]
    enlarged = images.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    cells[:batch, LABEL_HEIGHT:below, :side] = enlarged
    if targets is not None:
        cells[:batch, below : below + BAR_HEIGHT, :side] = _bars(targets, side)
    return tiled(cells.reshape(rows, columns, *cells.shape[1:]))


def tiled(cells: Pixels) -> Pixels:
    """Pictures [rows, columns, height, width] as one: [rows · height, columns · width]."""
    return np.concatenate(np.concatenate(cells, axis=1), axis=1)


def _bars(targets: npt.NDArray[np.float32], side: int) -> Pixels:
    """Ten bars for each image, 0 to 9 from the left: uint8 [batch, BAR_HEIGHT, side]."""
    digit = np.arange(side) * 10 // side
    gap = np.append(np.diff(digit) > 0, True)
    heights = np.where(gap, 0.0, (BAR_HEIGHT - 1) * targets[:, digit])  # [batch, side]
    row = np.arange(BAR_HEIGHT - 1, -1, -1)[:, None]
    filled = row < np.maximum(heights, ~gap)[:, None, :]  # none of them is lower than a line
    return np.where(filled, BAR_GREY, WHITE).astype(np.uint8)


def sheet(images: Pixels, labels: npt.NDArray[np.int64]) -> Pixels:
    """All steps on one sheet: a row of small images for each, the labels above the columns.

    From images uint8 [steps, columns, 28, 28] and digits [columns] to grey levels [height, width].
    """
    framed = np.pad(images, ((0, 0), (0, 0), (0, 2), (0, 2)), constant_values=WHITE)
    header = np.concatenate(_digit_tiles(SIDE + 2)[labels], axis=1)
    return np.concatenate([header, tiled(framed)])


def curve(
    points: Sequence[tuple[float, float]],
    *,
    title: str,
    ends: tuple[float, float],
) -> Pixels:
    """A line that grows from left to right, with its last value in words.

    Args:
        points: for each, where it stands (0 at the left to 1 at the right) and its value.
        title: what the values are; the last one is written behind it.
        ends: the values at the bottom and at the top; what is beyond is drawn at the edge.
    """
    canvas = Image.new("L", (360, 150), WHITE)
    pen = ImageDraw.Draw(canvas)
    left, right, top, bottom = 40, 352, 26, 140
    low, high = ends
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * (bottom - top)
        pen.line([(left, y), (right, y)], fill=215)
        label = f"{low + share * (high - low):.3g}"
        pen.text((left - 6, y), label, fill=60, font=_font(12), anchor="rm")
    last = f": {points[-1][1]:.3g}" if points else ""
    pen.text((left, 4), title + last, fill=0, font=_font(13))
    line = [
        (
            left + place * (right - left),
            bottom - min(1.0, max(0.0, (value - low) / (high - low))) * (bottom - top),
        )
        for place, value in points
    ]
    if len(line) > 1:
        pen.line(line, fill=0, width=2)
    for x, y in line[-1:]:
        pen.ellipse([x - 3, y - 3, x + 3, y + 3], fill=0)
    return np.asarray(canvas)


def below(upper: Pixels, lower: Pixels) -> Pixels:
    """One picture below another, on white."""
    width = max(upper.shape[1], lower.shape[1])
    upper = np.pad(upper, ((0, 12), (0, width - upper.shape[1])), constant_values=WHITE)
    lower = np.pad(lower, ((0, 0), (0, width - lower.shape[1])), constant_values=WHITE)
    return np.concatenate([upper, lower])


def png(pixels: Pixels) -> bytes:
    """Grey levels [height, width] as a PNG file, compressed fast rather than small."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


@cache
def _digit_tiles(side: int) -> Pixels:
    """The labels as pictures, uint8 [10, LABEL_HEIGHT, side]."""
    tiles = []
    for digit in range(10):
        tile = Image.new("L", (side, LABEL_HEIGHT), WHITE)
        middle = (side / 2, LABEL_HEIGHT / 2)
        ImageDraw.Draw(tile).text(middle, str(digit), fill=0, font=_font(13), anchor="mm")
        tiles.append(np.asarray(tile))
    return np.stack(tiles)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
