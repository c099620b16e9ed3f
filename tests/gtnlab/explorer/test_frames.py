"""Pictures made with numpy and Pillow show the pixels that they were given."""

from __future__ import annotations

import io
import itertools

import numpy as np
from PIL import Image

from gtnlab.explorer import frames


def test_a_grid_shows_every_image_at_its_place_with_its_label_above() -> None:
    images = np.random.default_rng(0).integers(0, 200, (12, 28, 28), dtype=np.uint8)
    labels = np.arange(12) % 10
    picture = frames.grid(images, labels)
    height, width = frames.LABEL_HEIGHT + 60, 60
    assert picture.shape == (2 * height, 10 * width)
    for place, image in enumerate(images):
        top, left = place // 10 * height, place % 10 * width
        shown = picture[top + frames.LABEL_HEIGHT :, left:][:56:2, :56:2]
        np.testing.assert_array_equal(shown, image)
    strips = [picture[: frames.LABEL_HEIGHT, 60 * place :][:, :56] for place in range(10)]
    assert len({strip.tobytes() for strip in strips}) == 10
    np.testing.assert_array_equal(picture[height:][: frames.LABEL_HEIGHT, :56], strips[0])
    assert (picture[height:, 2 * width :] == 255).all()  # no eleventh, twelfth … image


def test_a_sheet_has_a_row_for_each_step() -> None:
    images = np.random.default_rng(0).integers(0, 200, (3, 4, 28, 28), dtype=np.uint8)
    picture = frames.sheet(images, np.arange(4))
    for step in range(3):
        for place in range(4):
            top = frames.LABEL_HEIGHT + 30 * step
            shown = picture[top : top + 28, 30 * place : 30 * place + 28]
            np.testing.assert_array_equal(shown, images[step, place])


def test_a_curve_rises_where_its_values_do_and_stays_inside_its_ends() -> None:
    points = [(0.0, 0.0), (0.5, 0.5), (1.0, 99.0)]
    picture = frames.curve(points, title="", ends=(0, 1))
    plot = picture[26:141, 45:350]
    highest = [np.flatnonzero(column == 0)[0] for column in plot.T]
    assert all(later <= earlier for earlier, later in itertools.pairwise(highest))
    assert highest[0] > 100
    assert highest[-1] <= 3


def test_a_picture_is_a_png_file() -> None:
    pixels = np.arange(200, dtype=np.uint8).reshape(10, 20)
    opened = Image.open(io.BytesIO(frames.png(pixels)))
    assert opened.format == "PNG"
    np.testing.assert_array_equal(np.asarray(opened), pixels)


def test_soft_labels_are_ten_bars_below_their_image() -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    targets = np.zeros((2, 10), np.float32)
    targets[0, 3], targets[1, [0, 9]] = 1.0, 0.5
    plain = frames.grid(images, np.array([3, 0]))
    soft = frames.grid(images, np.array([3, 0]), targets)
    assert soft.shape == (plain.shape[0] + frames.BAR_HEIGHT, plain.shape[1])
    side = 28 * frames.SCALE
    top = frames.LABEL_HEIGHT + side
    for image, shares in enumerate(targets):
        left = image * (side + frames.GAP)
        bars = soft[top : top + frames.BAR_HEIGHT, left : left + side] < frames.WHITE
        heights = bars.sum(axis=0)
        middles = [heights[round((digit + 0.4) * side / 10)] for digit in range(10)]
        np.testing.assert_allclose(middles, np.maximum(1, 13 * shares), atol=0.6)
        assert (heights[-(-np.arange(1, 11) * side // 10) - 1] == 0).all(), "the bars touch"
