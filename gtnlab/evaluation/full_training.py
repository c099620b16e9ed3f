"""Architectures after full training on real digits: what a quick search is judged against."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from gtnlab.digits import Digits
from gtnlab.evaluation.baselines import split_off
from gtnlab.evaluation.judging import accuracy_of
from gtnlab.files import explained, written_whole
from gtnlab.inner_loop import State
from gtnlab.learner import Learner, make_learner

BATCH = 128
LR = 0.002  # of Adam
SHRINK = 0.2  # of the learning rate, where the accuracy no longer rises …
PATIENCE = 1  # … for more than so many epochs
SHRINKS = 2  # after which training ends


@dataclass(frozen=True)
class FullyTrained:
    """One architecture's result."""

    accuracy: float  # on the test digits, 0 to 1, inference mode
    epochs: int
    seed: int


def train_fully(name: str, train: Digits, test: Digits, seed: int) -> FullyTrained:
    """Train a fresh learner on real digits until its accuracy stops rising.

    The accuracy that decides is that on the last tenth of the training digits, which are not
    trained on. When it stands still the learning rate is lowered, and the second time again;
    the third time ends the training. The result is measured on the test digits, once.
    """
    digits, held_out = split_off(train)
    generator = torch.Generator().manual_seed(seed)
    learner = make_learner(name, generator).to(train.images.device)
    optimiser = torch.optim.Adam(learner.parameters(), LR)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, mode="max", factor=SHRINK, patience=PATIENCE, threshold=0.0
    )
    epochs = 0
    while optimiser.param_groups[0]["lr"] > LR * SHRINK ** (SHRINKS + 0.5):
        learner.train()
        order = torch.randperm(len(digits), generator=generator).to(digits.images.device)
        for index in torch.split(order, BATCH):
            answers = learner(digits.images[index])
            optimiser.zero_grad()
            F.nll_loss(answers, digits.labels[index]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        schedule.step(_accuracy(learner, held_out))
        epochs += 1
    return FullyTrained(_accuracy(learner, test), epochs, seed)


def fully_trained(
    path: Path,
    names: Sequence[str],
    train: Digits,
    test: Digits,
    *,
    seed: int = 0,
    on_architecture: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Test accuracy of each architecture after full training, from a record of them.

    Those that the record (JSON, made if it is not there) lacks are trained, minutes each on a CPU,
    and added as they end: what was stopped goes on where it stopped.

    Raises:
        GtnError: the file holds no such record, or cannot be written.
    """
    known: dict[str, FullyTrained] = {}
    if path.is_file():
        instead = "restore it, or name another file with --full"
        with explained(path, "no record of full trainings", instead):
            record = json.loads(path.read_text())
            known = {name: FullyTrained(**facts) for name, facts in record.items()}
    missing = [name for name in names if name not in known]
    for done, name in enumerate(missing, start=1):
        known[name] = train_fully(name, train, test, seed)
        rows = (f"{json.dumps(each)}: {json.dumps(asdict(known[each]))}" for each in sorted(known))
        with written_whole(path) as scratch:
            scratch.write_text("{\n" + ",\n".join(rows) + "\n}\n")
        if on_architecture is not None:
            on_architecture(done, len(missing))
    return {name: known[name].accuracy for name in names}


def _accuracy(learner: Learner, digits: Digits) -> float:
    params = {key: p.detach() for key, p in learner.named_parameters()}
    return accuracy_of(
        learner, State(0, params, dict(learner.named_buffers())), digits, "inference"
    )
