"""Judging: fresh learners, two measures that mean what they say, orders, and real rivals."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from gtnlab.curriculum import MEASURES, ORDERS, Curriculum, Lesson
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation import baselines
from gtnlab.evaluation import judging as evaluation
from gtnlab.evaluation.baselines import (
    RealImages,
    choose_statistics,
    split_off,
    tune_lr_factor,
    tune_rates,
)
from gtnlab.evaluation.judging import Judged, Scores, judge
from gtnlab.evaluation.report import Report, others, report
from gtnlab.inner_loop import unroll
from gtnlab.learner import ROLES, UNSEEN, Learner, make_learner, members


def trained(name: str, lesson: Lesson) -> Learner:
    """An outside oracle: the same learner, trained by torch's own SGD."""
    learner = make_learner(name, 0).train()
    optimiser = torch.optim.SGD(learner.parameters(), lr=1.0, momentum=0.9)
    for step in range(lesson.steps):
        for group in optimiser.param_groups:
            group["lr"], group["momentum"] = float(lesson.lr[step]), float(lesson.momentum[step])
        optimiser.zero_grad()
        targets = F.one_hot(lesson.labels[step], 10).float()
        loss = F.kl_div(learner(lesson.images[step]), targets, reduction="none").mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return learner


def share(learner: Learner, digits: Digits, batch: int) -> float:
    right = 0
    with torch.no_grad():
        for images, labels in zip(
            digits.images.split(batch), digits.labels.split(batch), strict=True
        ):
            right += int((learner(images).argmax(1) == labels).sum())
    return right / len(digits)


@pytest.fixture
def lesson(curriculum: Curriculum) -> Lesson:
    return curriculum.lesson()


@pytest.mark.parametrize("name", ["mlp", "cnn_small"])
def test_both_measures_are_those_of_a_learner_trained_by_torchs_sgd(
    name: str, lesson: Lesson, test_digits: Digits
) -> None:
    judged = judge(lesson, name, test_digits, learners=1)
    learner = trained(name, lesson)
    assert judged.final("batch-statistics").mean == pytest.approx(
        share(learner, test_digits, 512), abs=0.003
    )
    norms = [m for m in learner.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:  # a cumulative average over one batch: that batch's statistics
        norm.reset_running_stats()
        norm.momentum = None
    learner.train()
    with torch.no_grad():
        learner(lesson.images.flatten(0, 1))
    assert judged.final("inference").mean == pytest.approx(
        share(learner.eval(), test_digits, 7), abs=0.003
    )


def test_learners_are_spread_over_a_family_whose_roles_give_each_its_rates(
    lesson: Lesson, test_digits: Digits
) -> None:
    names, count, digits = members("family"), 4, test_digits.thinned(50)
    by_role = torch.linspace(0.2, 1.0, lesson.steps * len(ROLES)).reshape(-1, len(ROLES))
    made = dataclasses.replace(
        lesson,
        tensor_factors=by_role,
        initial_scales=torch.linspace(0.5, 1.5, len(ROLES)),
        made_for="family",
    )
    judged = judge(made, "family", digits, learners=count)
    generator = torch.Generator().manual_seed(0)
    for index, found in enumerate(judged.final("inference").values):
        network = make_learner(names[index * len(names) // count], generator).train()
        assert network.roles is not None
        places, factors = network.roles
        state = unroll(
            network,
            made.images,
            made.labels,
            made.lr[:, None] * by_role[:, places] * torch.tensor(factors),
            made.momentum,
            initial_scales=made.initial_scales[places],
            differentiable=False,
        ).states[-1]
        assert found == evaluation.accuracy_of(network, state, digits, "inference")


def test_what_is_made_for_a_family_suits_those_it_never_saw_and_not_a_norms_parameters(
    lesson: Lesson,
) -> None:
    made = dataclasses.replace(
        lesson,
        tensor_factors=torch.ones(lesson.steps, len(ROLES)),
        initial_scales=torch.ones(len(ROLES)),
        made_for="family",
    )
    unseen, normed = make_learner(UNSEEN[0]), make_learner("cnn_small")
    suited = made.suited_to(UNSEEN[0], unseen)
    assert suited.tensor_lr.shape == (lesson.steps, len(list(unseen.parameters())))
    assert made.suited_to("cnn_small", normed).tensor_factors is None
    # One architecture's parameters are not another's.
    own = dataclasses.replace(made, made_for="mlp")
    assert own.suited_to("mlp", make_learner("mlp")) is own
    assert own.suited_to(UNSEEN[0], unseen).initial_scales is None


def test_a_family_teacher_is_tried_on_what_is_outside_its_family(curriculum: Curriculum) -> None:
    def made_for(learner: str) -> Curriculum:
        config = {**curriculum.provenance["config"], "learner": learner}
        return dataclasses.replace(curriculum, provenance={"config": config})

    assert others(made_for("family")) == UNSEEN
    assert "mlp" not in others(made_for("mlp"))
    assert "mlp" in others(made_for("cnn_small"))


def test_running_statistics_are_what_training_left_behind(
    lesson: Lesson, test_digits: Digits
) -> None:
    judged = judge(lesson, "cnn_small", test_digits, learners=1, statistics="running")
    expected = share(trained("cnn_small", lesson).eval(), test_digits, 360)
    assert judged.final("inference").mean == pytest.approx(expected, abs=0.003)
    recomputed = judge(lesson, "cnn_small", test_digits, learners=1)
    assert recomputed.final("inference").mean != judged.final("inference").mean


def test_batch_statistics_leak_the_test_set_and_inference_does_not(
    lesson: Lesson, test_digits: Digits
) -> None:
    """Sorted by class, the batches are no fair sample: only a leaking measure can tell."""
    order = test_digits.labels.argsort(stable=True)
    by_class = Digits(test_digits.images[order], test_digits.labels[order], test_digits.source)
    small = {"learners": 2, "seed": 1}

    def scores(digits: Digits) -> Judged:
        return judge(lesson, "cnn_small", digits, **small)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "TEST_BATCH", 36)
        mixed, separate = scores(test_digits), scores(by_class)
    assert separate.final("inference").mean == pytest.approx(mixed.final("inference").mean)
    assert separate.final("batch-statistics").mean < mixed.final("batch-statistics").mean - 0.05


def test_without_batch_statistics_the_measures_are_one(lesson: Lesson, test_digits: Digits) -> None:
    judged = judge(lesson, "cnn_small_group", test_digits, learners=2)
    np.testing.assert_array_equal(*(judged.accuracy[measure] for measure in MEASURES))


def test_learners_are_fresh_differ_and_are_the_same_for_the_same_seed(
    lesson: Lesson, test_digits: Digits
) -> None:
    first, again, other = (
        judge(lesson, "mlp", test_digits, learners=4, seed=seed).accuracy["inference"]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert len(set(first[:, -1])) > 1
    assert (first != other).any()


def test_every_step_is_judged_and_the_last_is_the_final_one(
    lesson: Lesson, test_digits: Digits
) -> None:
    steps = judge(lesson, "cnn_small", test_digits, learners=2, every_step=True)
    last = judge(lesson, "cnn_small", test_digits, learners=2)
    for measure in MEASURES:
        assert steps.accuracy[measure].shape == (2, 4)
        np.testing.assert_array_equal(steps.accuracy[measure][:, -1:], last.accuracy[measure])
    one = dataclasses.replace(
        lesson,
        **{name: getattr(lesson, name)[:1] for name in ("images", "labels", "lr", "momentum")},
    )
    first = judge(one, "cnn_small", test_digits, learners=2)
    np.testing.assert_array_equal(steps.accuracy["inference"][:, :1], first.accuracy["inference"])


@pytest.mark.parametrize("name", ["mlp", "cnn_small"])
def test_the_order_within_a_batch_changes_nothing_and_that_of_the_steps_does(
    name: str, lesson: Lesson, test_digits: Digits
) -> None:
    accuracy = {
        order: judge(
            lesson.reorder(order, torch.Generator().manual_seed(0)), name, test_digits, learners=2
        ).accuracy["inference"]
        for order in ORDERS
    }
    np.testing.assert_allclose(accuracy["within-batch"], accuracy["ordered"], atol=0.006)
    for order in ("steps-shuffled", "images-shuffled", "reversed"):
        assert np.abs(accuracy[order] - accuracy["ordered"]).max() > 0.006, order


def test_a_lesson_for_each_learner_is_taught_to_that_learner(
    curriculum: Curriculum, test_digits: Digits
) -> None:
    lessons = [curriculum.lesson(0), curriculum.lesson(1)]
    each = judge(lessons, "mlp", test_digits, learners=2).accuracy["inference"]
    for index, lesson in enumerate(lessons):
        alone = judge(lesson, "mlp", test_digits, learners=2).accuracy["inference"]
        assert each[index] == alone[index]
    with pytest.raises(GtnError, match="2 lessons do not fit 3 learners"):
        judge(lessons, "mlp", test_digits, learners=3)


def test_no_learner_or_an_unknown_one_is_an_error(lesson: Lesson, test_digits: Digits) -> None:
    with pytest.raises(GtnError, match="at least 1 learner"):
        judge(lesson, "mlp", test_digits, learners=0)
    with pytest.raises(GtnError, match="'vgg'"):
        judge(lesson, "vgg", test_digits)


def test_the_interval_is_students() -> None:
    values = (0.91, 0.93, 0.92, 0.95, 0.90)
    scores = Scores(values)
    low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert scores.mean - scores.margin == pytest.approx(low)
    assert scores.mean + scores.margin == pytest.approx(high)
    assert Scores((0.5,)).to_dict()["margin95"] is None


@pytest.mark.parametrize("kind", baselines.BASELINES)
def test_real_lessons_hold_real_images_once_each_laid_out_as_generated_ones(
    kind: baselines.Baseline, train_digits: Digits
) -> None:
    real = RealImages(kind, train_digits, steps=3, batch=12, seed=0)
    one, two = real.lessons((0.5, 0.9), 2, seed=0)
    assert torch.equal(one.labels, (torch.arange(12) % 10).expand(3, 12))
    flat = train_digits.images.flatten(1)
    found = [
        int((flat == image.flatten()).all(1).nonzero()[0]) for image in one.images.flatten(0, 1)
    ]
    assert len(set(found)) == 36
    assert torch.equal(train_digits.labels[found], one.labels.flatten())
    assert not torch.equal(one.images, two.images)
    torch.testing.assert_close(one.lr, torch.full((3,), 0.5))


def test_kmeans_picks_images_that_are_nearer_to_all_the_others(train_digits: Digits) -> None:
    def distance(kind: baselines.Baseline) -> float:
        lesson = RealImages(kind, train_digits, 4, 10, seed=0).lessons((1, 0), 1, seed=0)[0]
        picked = lesson.images.flatten(0, 1).flatten(1)
        return float(torch.cdist(train_digits.images.flatten(1), picked).min(1).values.mean())

    assert distance("real-kmeans") < 0.97 * distance("real-random")


def test_too_few_real_images_are_said_so(train_digits: Digits) -> None:
    with pytest.raises(GtnError, match="take fewer steps or a smaller batch"):
        RealImages("real-random", train_digits, steps=200, batch=10, seed=0)


def test_rates_are_those_that_do_best_on_held_out_digits(train_digits: Digits) -> None:
    taught_from, held_out = split_off(train_digits)
    assert len(taught_from) + len(held_out) == len(train_digits)
    real = RealImages("real-random", taught_from, 3, 20, seed=0)
    chosen = tune_rates(real, "mlp", held_out)
    means = {
        rates: judge(real.lessons(rates, 2, 0), "mlp", held_out, learners=2).final("inference").mean
        for rates in itertools.product(baselines.RATES, baselines.MOMENTA)
    }
    assert means[chosen] == max(means.values()) > min(means.values()) + 0.2


def test_statistics_are_those_that_do_best_on_held_out_digits(
    lesson: Lesson, train_digits: Digits
) -> None:
    held_out = split_off(train_digits)[1]
    means = {
        statistics: judge(lesson, "cnn_small", held_out, learners=2, statistics=statistics)
        .final("inference")
        .mean
        for statistics in evaluation.STATISTICS
    }
    assert means["recomputed"] != means["running"]
    chosen = choose_statistics([lesson, lesson], "cnn_small", held_out)
    assert means[chosen] == max(means.values())
    assert choose_statistics([lesson], "mlp", held_out) == "recomputed"


def test_another_architecture_gets_the_pace_that_suits_it(
    curriculum: Curriculum, train_digits: Digits
) -> None:
    held_out = split_off(train_digits)[1]
    too_slow = curriculum.lesson().scaled(0.03)
    torch.testing.assert_close(too_slow.lr, curriculum.lesson().lr * 0.03)
    lr_factor, mean = tune_lr_factor([too_slow], "mlp", held_out)
    assert lr_factor > 1
    assert mean > judge(too_slow, "mlp", held_out, learners=1).final("inference").mean + 0.1
    again = judge(too_slow.scaled(lr_factor), "mlp", held_out, learners=1)
    assert again.final("inference").mean == mean


def test_a_report_has_every_order_other_learners_and_real_images_in_both_measures(
    curriculum: Curriculum, train_digits: Digits, test_digits: Digits, tmp_path: Path
) -> None:
    seen: list[str] = []
    found = report(
        curriculum,
        test_digits,
        train_digits,
        transfer=("mlp", "fc32"),
        learners=3,
        on_row=seen.append,
    )
    assert [row.name for row in found.own] == [*ORDERS, "real-random", "real-kmeans"]
    assert [row.learner for row in found.transfer] == ["fc32"]
    assert len(seen) == len(found.rows)
    assert all(len(row.scores[m].values) == 3 for row in found.rows for m in MEASURES)
    found.save(tmp_path / "evaluation.json")
    loaded = Report.load(tmp_path / "evaluation.json")
    assert loaded.rows == found.rows
    assert loaded.provenance["test_images"] == 360


def test_a_curriculum_is_not_judged_on_digits_it_was_not_made_for(
    curriculum: Curriculum, train_digits: Digits, test_digits: Digits
) -> None:
    other = dataclasses.replace(curriculum, provenance={**curriculum.provenance, "source": "mnist"})
    with pytest.raises(GtnError, match=r"made for mnist .* judged on sklearn-digits"):
        report(other, test_digits, train_digits)


def test_a_sampled_evaluation_judges_only_the_lesson_in_order_on_all_test_digits(
    curriculum: Curriculum, train_digits: Digits, test_digits: Digits
) -> None:
    found = report(
        curriculum, test_digits, train_digits, sample=50, transfer=(), baselines=(), learners=2
    )
    assert [row.test_images for row in found.rows] == [len(test_digits), 50, 50, 50, 50]
    # Shares of 50 images are whole numbers of them; those of all 360 are not all.
    for row in found.rows[1:]:
        for value in row.scores["inference"].values:
            assert value * 50 == pytest.approx(round(value * 50))
