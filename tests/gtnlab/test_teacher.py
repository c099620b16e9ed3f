"""The teacher: what it draws, and that one call for all steps equals a call per step."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional as F

from gtnlab.errors import GtnError
from gtnlab.experiments import VARIANTS, ExperimentConfig, experiment
from gtnlab.teacher import TEACHERS, Pixels, Teacher, TeacherShape, _EnlargingConv, make_teacher

# A preset's layers with few channels: the seed's has 103 million weights at full size.
NARROW = {
    name: TeacherShape(hidden=12, maps=3, middle=4, upsampling=shape.upsampling)
    for name, shape in TEACHERS.items()
}


def teacher_of(shape: TeacherShape, **options: object) -> Teacher:
    config = ExperimentConfig("of a test", **{"steps": 3, "batch": 12, **options})  # type: ignore[arg-type]
    return Teacher(shape, config, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("preset", NARROW)
def test_images_come_in_steps_of_batches_with_labels_zero_to_nine_over_and_over(
    preset: str,
) -> None:
    images, labels = teacher_of(NARROW[preset])()
    assert images.shape == (3, 12, 1, 28, 28)
    assert labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert images.abs().max() < 1


@pytest.mark.parametrize("preset", NARROW)
def test_one_call_for_all_steps_equals_a_call_per_step_in_images_and_gradients(
    preset: str,
) -> None:
    together = teacher_of(NARROW[preset]).double()
    apart = copy.deepcopy(together)
    weights = torch.randn(3, 12, 1, 28, 28, dtype=torch.float64)
    images = together()[0]
    one_by_one = torch.cat([apart.generate(each.unsqueeze(0))[0] for each in apart.inputs])
    torch.testing.assert_close(images, one_by_one, rtol=1e-10, atol=1e-12)
    (images * weights).sum().backward()
    (one_by_one * weights).sum().backward()
    for ours, reference in zip(together.parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, reference.grad, rtol=1e-8, atol=1e-10)


def test_joint_statistics_normalise_all_steps_as_one_batch() -> None:
    joint = teacher_of(NARROW["small"], batch=10, teacher_statistics="joint").double()
    # Thirty images of one step are the same images with the same labels in one batch.
    one_batch = teacher_of(NARROW["small"], steps=1, batch=30).double()
    one_batch.load_state_dict({**joint.state_dict(), "inputs": joint.inputs.reshape(1, 30, 64)})
    torch.testing.assert_close(joint()[0].reshape(1, 30, 1, 28, 28), one_batch()[0])


def test_enlarging_convolution_equals_nearest_neighbour_enlargement_and_a_convolution() -> None:
    layer = _EnlargingConv(3, 2, 2).double()
    x = torch.randn(4, 3, 7, 7, dtype=torch.float64, requires_grad=True)
    expected = F.conv2d(
        F.interpolate(x, scale_factor=2.0, mode="nearest"), layer.weight, layer.bias, padding=1
    )
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)
    parameters = [x, layer.weight, layer.bias]
    cotangent = torch.randn_like(expected)
    for ours, reference in zip(
        torch.autograd.grad(layer(x), parameters, cotangent),
        torch.autograd.grad(expected, parameters, cotangent),
        strict=True,
    ):
        torch.testing.assert_close(ours, reference, rtol=1e-10, atol=1e-10)


def test_learned_vectors_are_trained_fixed_ones_stay_and_random_ones_are_drawn_anew() -> None:
    drawn = torch.Generator().manual_seed(1)
    images = {}
    for variant in VARIANTS:
        teacher = teacher_of(NARROW["small"], variant=variant)
        images[variant] = [teacher(drawn)[0], teacher(drawn)[0]]
        trained = any(p is teacher.inputs for p in teacher.parameters())
        assert trained == (variant == "learned")
    assert torch.equal(*images["learned"])
    assert torch.equal(*images["random_fixed"])
    assert not torch.equal(*images["random"])
    # The same generator draws the same vectors and weights, whatever becomes of the vectors.
    assert torch.equal(images["learned"][0], images["random_fixed"][0])


def test_a_random_teacher_without_a_generator_says_so() -> None:
    with pytest.raises(GtnError, match="generator"):
        teacher_of(NARROW["small"], variant="random")()


def test_a_batch_of_one_image_cannot_be_normalised_per_step() -> None:
    with pytest.raises(GtnError, match="at least 2"):
        teacher_of(NARROW["small"], batch=1)


def test_presets_have_the_sizes_they_are_known_by() -> None:
    with torch.device("meta"):
        counts = {
            name: sum(
                p.numel()
                for key, p in teacher_of(shape, steps=1, batch=2).named_parameters()
                if key != "inputs"
            )
            for name, shape in TEACHERS.items()
        }
    # Input 64 + 10; by hand from the layers' sizes.
    seed = (74 * 1024 + 1024) + 2 * 1024 + (1024 * 100352 + 100352) + 2 * 128
    seed += (128 * 64 * 9 + 64) + 2 * 64 + (64 * 9 + 1) + 2
    assert counts["seed"] == seed > 102e6
    assert 6e6 < counts["lean"] < 7e6
    assert 80_000 < counts["small"] < 85_000


@pytest.mark.parametrize(
    ("name", "variant"), [("B", "learned"), ("B", "random"), ("B_pixels", "learned")]
)
def test_soft_labels_begin_near_the_labels_and_are_learned_with_the_images(
    name: str, variant: str
) -> None:
    config = experiment(name, variant=variant, steps=2, batch=12)
    teacher = make_teacher(config, torch.Generator().manual_seed(0))
    images, targets = teacher(torch.Generator())
    assert targets.shape == (2, 12, 10)
    torch.testing.assert_close(targets.sum(dim=2), torch.ones(2, 12))
    assert torch.equal(targets.argmax(dim=2), teacher.labels.expand(2, 12))
    assert targets.max(dim=2).values.min() > 0.97
    weights = list(teacher.parameters())
    found = torch.autograd.grad(images.square().sum() + targets.square().sum(), weights)
    assert all(gradient.any() for gradient in found if gradient.ndim > 1)


def test_pixels_are_learned_without_a_generator() -> None:
    teacher = make_teacher(experiment("C_pixels"), torch.Generator().manual_seed(0))
    assert isinstance(teacher, Pixels)
    images, labels = teacher()
    assert images.shape == (10, 16, 1, 28, 28)
    assert images.abs().max() < 1
    assert torch.equal(teacher.labels, torch.arange(16) % 10)
    assert labels.shape == (10, 16, 10)
    assert sum(p.numel() for p in teacher.parameters()) == images.numel() + 10 * 16 * 10


def test_the_same_seed_draws_the_same_teacher_and_leaves_the_global_generator_alone() -> None:
    config = experiment("class", steps=2, batch=4)
    before = torch.random.get_rng_state()
    first, second, other = (
        make_teacher(config, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first()[0], second()[0])
    assert not torch.equal(first()[0], other()[0])
