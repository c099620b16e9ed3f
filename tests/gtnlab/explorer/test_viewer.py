"""The explorer shows what was recorded, step by step, and says what was not."""

from __future__ import annotations

import dataclasses
import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

from gtnlab.curriculum import Curriculum
from gtnlab.errors import GtnError
from gtnlab.explorer import frames
from gtnlab.explorer.playback import Playback, variant_of
from gtnlab.explorer.stage import Moment
from gtnlab.explorer.viewer import Explorer, explore

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def folder(curriculum: Curriculum, tmp_path: Path) -> Path:
    """Two recordings of one experiment, and a shorter one of another with both measures alike."""
    curriculum.save(tmp_path / "class_learned.npz")
    last = slice(1, 2)
    dataclasses.replace(
        curriculum,
        outer_step=curriculum.outer_step[last],
        images=curriculum.images[last],
        lr=curriculum.lr[last],
        momentum=curriculum.momentum[last],
        accuracy=curriculum.accuracy[last],
    ).save(tmp_path / "class_random_fixed.npz")
    alike = curriculum.accuracy[:, :, :1, :2].repeat(2, axis=2)
    dataclasses.replace(
        curriculum,
        images=curriculum.images[:, :2],
        lr=curriculum.lr[:, :2],
        momentum=curriculum.momentum[:, :2],
        accuracy=alike,
    ).save(tmp_path / "short.npz")
    return tmp_path


def seen(moment: Moment) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(moment.png)))


def test_colab_is_told_where_the_code_of_its_widgets_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colab has ipywidgets 7, and fetches widgets that are not ipywidgets' own from elsewhere."""
    monkeypatch.delattr(widgets.Widget, "_repr_mimebundle_")
    manager = SimpleNamespace(_installed_url=None)

    def enable() -> None:
        manager._installed_url = "https://widgets"

    colab = SimpleNamespace(enable_custom_widget_manager=enable, _widgets=manager)
    assert explore(folder)._repr_mimebundle_()[1] == {}
    monkeypatch.setitem(sys.modules, "google.colab.output", colab)
    explorer = explore(folder)
    data, metadata = explorer._repr_mimebundle_()
    assert data[VIEW]["model_id"] == explorer.widget.model_id
    assert metadata[VIEW]["colab"]["custom_widget_manager"]["url"] == "https://widgets"


def test_every_moment_shows_its_batch_with_its_accuracy_and_rates(
    curriculum: Curriculum, folder: Path
) -> None:
    panel = explore(folder, experiment="class_learned").panels[0]
    for snapshot in range(2):
        for step in range(4):
            moment = panel.moment(snapshot, step)
            batch = frames.grid(curriculum.images[snapshot, step], curriculum.labels)
            np.testing.assert_array_equal(seen(moment), batch)
            for column, measure in enumerate(curriculum.measures):
                share = 100 * curriculum.accuracy[snapshot, 0, column, step]
                assert f"{share:.1f} % ({measure})" in moment.facts
            assert f"Learning rate {curriculum.lr[snapshot, step]:.3g}," in moment.facts
            assert f"momentum {curriculum.momentum[snapshot, step]:.3g}" in moment.facts
            assert f"after {curriculum.outer_step[snapshot]} outer steps" in moment.facts


def test_the_browser_is_sent_the_moments_that_it_asks_for_and_none_of_an_earlier_choice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = explore(folder, experiment="class_learned").panels[0]
    sent: list[tuple[Any, Any]] = []
    monkeypatch.setattr(type(panel.stage), "send", lambda _, *message: sent.append(message))
    showing = panel.stage.showing
    asked = {"showing": showing, "wanted": [[0, 2], [1, 3]]}
    panel.stage._handle_custom_msg(asked, [])
    ((told, pictures),) = sent
    assert told["showing"] == showing
    assert [(each["snapshot"], each["step"]) for each in told["moments"]] == [(0, 2), (1, 3)]
    assert pictures == [panel.moment(0, 2).png, panel.moment(1, 3).png]
    panel.order.value = "reversed"
    panel.stage._handle_custom_msg(asked, [])
    assert len(sent) == 1


def test_the_curve_has_a_line_for_each_recorded_order_and_the_chosen_measure(
    curriculum: Curriculum, folder: Path
) -> None:
    shown = explore(folder, experiment="class_learned")
    for column, measure in enumerate(curriculum.measures):
        shown.measure.value = measure
        (line,) = shown.panels[0].moment(1, 0).series
        assert (line["order"], line["chosen"]) == ("ordered", True)
        np.testing.assert_allclose(line["values"], curriculum.accuracy[1, 0, column])


def test_an_order_without_a_recorded_accuracy_says_so_and_still_shows_its_batches(
    curriculum: Curriculum, folder: Path
) -> None:
    shown = explore(folder, experiment="class_learned")
    panel = shown.panels[0]
    panel.order.value = "reversed"
    moment = panel.moment(1, 0)
    np.testing.assert_array_equal(
        seen(moment), frames.grid(curriculum.images[1, 3], curriculum.labels)
    )
    assert "not recorded in this order (recorded: ordered)" in moment.facts
    assert "%" not in moment.facts
    assert moment.note == "not recorded: reversed"
    assert not any(line["chosen"] for line in moment.series)


@pytest.mark.parametrize("order", ["steps-shuffled", "images-shuffled", "reversed"])
def test_a_reordered_playback_holds_the_same_images_with_their_own_labels(
    curriculum: Curriculum, order: Any
) -> None:
    plain, other = Playback("x", curriculum), Playback("x", curriculum, order)

    def pairs(played: Playback) -> list[tuple[bytes, int]]:
        found = []
        for step in range(played.steps):
            batch = zip(played.images(1, step), played.labels(step), strict=True)
            found += [(image.tobytes(), int(label)) for image, label in batch]
        return found

    assert pairs(other) != pairs(plain)
    assert sorted(pairs(other)) == sorted(pairs(plain))


def test_two_recordings_of_different_length_are_compared_side_by_side(folder: Path) -> None:
    shown = explore(folder, experiment="class_learned", compare=True)
    left, right = shown.panels
    assert shown.shown == [left, right]
    assert right.playback.name == "class_random_fixed"  # another variant of the same experiment
    right.experiment.value = "short"
    assert right.playback.name == "short"
    assert shown.inner.max == 4
    assert (left.stage.steps, right.stage.steps) == (4, 2)
    shown.compare.value = False
    assert shown.shown == [left]
    assert len(shown._side_by_side.children) == 1


def test_measures_that_agree_are_not_offered_as_a_choice(folder: Path) -> None:
    both = explore(folder, experiment="class_learned")
    one = explore(folder, experiment="short")
    assert both.measure.layout.display is None
    assert set(both.measure.options) == {"inference", "batch-statistics"}
    assert one.measure.layout.display == "none"
    assert "inference" not in one.panels[0].moment(0, 0).facts


def test_choosing_another_experiment_keeps_the_variant_where_it_can(
    curriculum: Curriculum, folder: Path
) -> None:
    curriculum.save(folder / "A_random_fixed.npz")
    shown = explore(folder, experiment="class_random_fixed")
    panel = shown.panels[0]
    panel.experiment.value = "A"
    assert panel.playback.name == "A_random_fixed"
    assert list(shown.outer.options) == ["0", "7"]
    panel.experiment.value = "short"
    assert panel.playback.name == "short"


def test_a_curriculum_in_memory_is_listed_beside_the_recorded_ones(
    curriculum: Curriculum, folder: Path
) -> None:
    curriculum.save(folder / "A_learned.npz")
    shown = explore(folder, experiment="mine", also={"mine": curriculum})
    assert shown.panels[0].playback.curriculum is curriculum
    assert set(shown.panels[0].experiment.options) == {"mine", "A", "class", "short"}
    # It was made by the experiment `class`, so that is what it is compared with.
    assert shown.panels[1].playback.name == "class_learned"


def test_an_unknown_experiment_or_folder_is_an_error_that_names_what_there_is(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(GtnError, match=r"'D'.*class_learned, class_random_fixed, short"):
        explore(folder, experiment="D")
    with pytest.raises(GtnError, match="nowhere holds no recorded curricula"):
        explore(tmp_path / "nowhere")


def test_every_control_has_a_visible_description_and_the_picture_is_told_in_words(
    folder: Path,
) -> None:
    shown: Explorer = explore(folder, experiment="class_learned")
    panel = shown.panels[0]
    controls = [shown.inner, shown.outer, shown.compare, shown.measure]
    controls += [panel.experiment, panel.variant, panel.order]
    assert all(control.description for control in controls)
    alt = panel.moment(1, 0).alt
    assert "20 generated images of inner step 1" in alt
    assert "labelled 0 1 2 3 4 5 6 7 8 9 0 1" in alt


def test_names_of_recordings_split_into_experiment_and_variant() -> None:
    assert variant_of("class_learned") == ("class", "learned")
    assert variant_of("seed_C_lean_random_fixed") == ("seed_C_lean", "random_fixed")
    assert variant_of("seed_C_lean_random") == ("seed_C_lean", "random")
    assert variant_of("curriculum") == ("curriculum", "")
