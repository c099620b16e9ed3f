"""The pictures show the numbers that were recorded."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from gtnlab.curriculum import MEASURES, Curriculum
from gtnlab.errors import GtnError
from gtnlab.evaluation.judging import Scores
from gtnlab.evaluation.report import Report, Row
from gtnlab.explorer.picture import box_plots, draw, save_picture


def test_a_page_shows_the_images_by_step_and_accuracy_and_rates_by_step(
    curriculum: Curriculum,
) -> None:
    images, accuracy, rate, momentum = draw(curriculum).axes
    sheet = np.asarray(images.images[0].get_array())
    for step in range(4):
        for place in (0, 13, 19):
            tile = sheet[step * 30 + 1 : step * 30 + 29, place * 30 + 1 : place * 30 + 29]
            np.testing.assert_array_equal(tile, curriculum.images[-1, step, place])
    assert [text.get_text() for text in images.get_xticklabels()] == [
        str(i % 10) for i in range(20)
    ]
    drawn = {str(line.get_label()): line.get_ydata() for line in accuracy.get_lines()}
    for column, measure in enumerate(MEASURES):
        expected = 100 * curriculum.accuracy[-1, 0, column]
        np.testing.assert_allclose(drawn[f"ordered ({measure})"], expected)
    np.testing.assert_allclose(rate.get_lines()[0].get_ydata(), curriculum.lr[-1])
    np.testing.assert_allclose(momentum.get_lines()[0].get_ydata(), curriculum.momentum[-1])


def test_measures_that_agree_are_drawn_as_one_line_that_names_both(curriculum: Curriculum) -> None:
    same = dataclasses.replace(
        curriculum, accuracy=np.repeat(curriculum.accuracy[:, :, :1], 2, axis=2)
    )
    lines = draw(same).axes[1].get_lines()
    assert [line.get_label() for line in lines] == ["ordered (both measures)"]


def test_box_plots_have_a_box_for_every_row_and_measure(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def row(order: str, learner: str) -> Row:
        scores = {measure: Scores(tuple(rng.random(10))) for measure in MEASURES}
        return Row("generated", order, learner, scores)  # type: ignore[arg-type]

    rows = [row("ordered", "mlp"), row("reversed", "mlp"), row("ordered", "cnn_small")]
    facts = {"learner": "mlp", "learners": 10, "test_images": 360, "source": "mnist"}
    figure = box_plots(Report(rows, facts))
    own, others = figure.axes
    assert (len(own.patches), len(others.patches)) == (4, 2)
    median = 100 * np.median(rows[2].scores["batch-statistics"].values)
    assert any(line.get_ydata()[0] == pytest.approx(median) for line in others.get_lines())
    save_picture(figure, tmp_path / "boxes.png")
    assert min(matplotlib.image.imread(tmp_path / "boxes.png").shape[:2]) > 400


def test_a_folder_that_cannot_be_written_to_is_an_error(
    curriculum: Curriculum, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GtnError, match=r"page\.png could not be written"):
        save_picture(draw(curriculum), tmp_path / "file" / "page.png")
