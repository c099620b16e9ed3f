"""Learners give log-probabilities, are drawn from their generator, and keep images apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call

from gtnlab.errors import GtnError
from gtnlab.learner import (
    FAMILIES,
    FAMILY,
    LEARNERS,
    ROLES,
    UNSEEN,
    LearnerConfig,
    make_learner,
    members,
)

IMAGES = torch.randn(12, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_gives_log_probabilities_of_ten_classes(name: str) -> None:
    answer = make_learner(name)(IMAGES)
    assert answer.shape == (12, 10)
    torch.testing.assert_close(answer.exp().sum(dim=1), torch.ones(12))
    assert answer.std() > 0


def test_the_family_has_architectures_of_many_kinds_that_differ() -> None:
    assert len(FAMILY) > 80
    assert len(set(FAMILY.values())) == len(FAMILY)
    for kinds in (set(FAMILY), set(UNSEEN), set(members("family"))):
        configs = [FAMILY[name] for name in kinds]
        assert {len(config.filters) for config in configs} == {0, 1, 2}
        assert {len(config.hidden) for config in configs if config.filters} == {0, 1}
        assert {len(config.hidden) for config in configs if not config.filters} == {1, 2}
        assert len({config.kernel for config in configs}) == 3
        assert len({config.activation for config in configs}) == 3


def test_what_is_unseen_is_in_the_family_and_no_teacher_is_trained_with_it() -> None:
    assert set(UNSEEN) | set(members("family")) == set(FAMILY)
    assert not set(UNSEEN) & set(members("family"))
    for name, parts in FAMILIES.items():
        assert members(name) == parts
        assert name not in LEARNERS
        with pytest.raises(GtnError, match=parts[0]):
            make_learner(name)


def test_every_parameter_of_the_family_has_the_role_of_its_layer() -> None:
    def roles(name: str) -> list[tuple[str, float]]:
        found = make_learner(name).roles
        assert found is not None
        return [(ROLES[place], factor) for place, factor in zip(*found, strict=True)]

    assert [role for role, _ in roles("conv32x32k5s2g4")] == [
        "first convolution: weights",
        "first convolution: biases",
        "later convolution: weights",
        "later convolution: biases",
        "output, of a convolution: weights",
        "output, of a convolution: biases",
    ]
    assert [role for role, _ in roles("fc128x64")][::2] == [
        "hidden, of pixels: weights",
        "hidden, of features: weights",
        "output, of a hidden layer: weights",
    ]
    # 128 inputs are half of the usual 256 of a hidden layer.
    assert [factor for _, factor in roles("fc128x64")] == [1, 1, 2, 1, 2, 1]
    assert {role for name in FAMILY for role, _ in roles(name)} == set(ROLES)
    # A norm's own parameters have no role.
    assert make_learner("cnn_small").roles is None


def test_the_seeds_learner_is_the_published_network() -> None:
    reference = nn.Sequential(
        nn.Conv2d(1, 64, 3),
        nn.LeakyReLU(0.1),
        nn.BatchNorm2d(64),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3),
        nn.LeakyReLU(0.1),
        nn.BatchNorm2d(128),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128 * 5 * 5, 10),
        nn.BatchNorm1d(10),
        nn.LogSoftmax(dim=1),
    )
    learner = make_learner("seed_cnn", 5)
    weights = list(learner.parameters())
    assert [w.shape for w in weights] == [w.shape for w in reference.parameters()]
    with torch.no_grad():
        for ours, theirs in zip(weights, reference.parameters(), strict=True):
            theirs.copy_(ours)
    torch.testing.assert_close(learner(IMAGES), reference(IMAGES))


def test_the_wide_learner_is_one_convolution_a_grid_of_averages_and_one_linear_layer() -> None:
    reference = nn.Sequential(
        nn.Conv2d(1, 64, 7, stride=2),
        nn.LeakyReLU(0.1),
        nn.AdaptiveAvgPool2d(5),
        nn.Flatten(),
        nn.LayerNorm(1600, elementwise_affine=False),
        nn.Linear(1600, 10),
        nn.LogSoftmax(dim=1),
    )
    learner = make_learner("wide", 5)
    with torch.no_grad():
        for ours, theirs in zip(learner.parameters(), reference.parameters(), strict=True):
            theirs.copy_(ours)
    torch.testing.assert_close(learner(IMAGES), reference(IMAGES))
    for weight in (p for p in learner.parameters() if p.ndim > 1):
        assert weight.std().item() == pytest.approx(weight[0].numel() ** -0.5, rel=0.05)


def test_unfolded_convolutions_are_convolutions_whatever_their_padding_and_stride(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(LEARNERS, "deep", LearnerConfig((4, 6), kernel=5, stride=2, grid=2))
    learner, convolved = make_learner("deep"), nn.Sequential()
    for layer in learner.layers:
        if isinstance(layer, nn.Conv2d):
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, 5, 2, 2)
            plain.load_state_dict(layer.state_dict())
            convolved.append(plain)
        elif not isinstance(layer, nn.Identity):
            convolved.append(layer)
    torch.testing.assert_close(learner(IMAGES), convolved(IMAGES).log_softmax(dim=1))


def test_the_mlp_is_784_64_10() -> None:
    assert [tuple(w.shape) for w in make_learner("mlp").parameters()] == [
        (64, 784),
        (64,),
        (10, 64),
        (10,),
    ]


@pytest.mark.parametrize(
    "name", ["mlp", "cnn_small", "cnn_small_group", "conv16x32k5s2g4", "fc64_tanh"]
)
def test_a_learner_follows_its_generator_and_no_other(name: str) -> None:
    state = torch.get_rng_state()
    generator = torch.Generator().manual_seed(1)
    first, second, again = (
        nn.utils.parameters_to_vector(make_learner(name, source).parameters())
        for source in (generator, generator, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_initial_weights_have_the_spread_of_pytorchs_own_or_a_part_of_it(
    scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LEARNERS, "mlp", LearnerConfig(hidden=(64,), initial_scale=scale))
    torch.manual_seed(0)
    spread = scale * nn.Linear(784, 64).weight.std().item()
    hidden = make_learner("mlp").layers[1]
    assert isinstance(hidden, nn.Linear)
    assert hidden.weight.std().item() == pytest.approx(spread, rel=0.02)
    assert hidden.weight.abs().max() <= scale * 784**-0.5


@pytest.mark.parametrize("name", LEARNERS)
def test_only_batch_statistics_let_one_image_change_anothers_answer(name: str) -> None:
    learner = make_learner(name).train()
    alone, among = learner(IMAGES[:6])[0], learner(IMAGES)[0]
    assert learner.uses_batch_statistics != torch.allclose(alone, among, atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "seed_cnn", "cnn_small_layer"])
def test_a_learner_can_be_called_with_other_weights(name: str) -> None:
    one, other = make_learner(name, 1), make_learner(name, 2)
    state = {**dict(other.named_parameters()), **dict(other.named_buffers())}
    torch.testing.assert_close(functional_call(one, state, (IMAGES,)), other(IMAGES))


def test_an_unknown_learner_is_refused_with_the_usual_names() -> None:
    with pytest.raises(GtnError, match=r"'resnet'.*mlp.*seed_cnn"):
        make_learner("resnet")
