"""Time, memory and arithmetic of an outer step, against the loop of the replication we began with.

    python benchmarks/unroll.py                        # class: every change, one after the other
    python benchmarks/unroll.py seed_A seed_C --ends   # the first and the last loop only
    python benchmarks/unroll.py paper --ends --steps 2 # fewer inner steps, where memory is short
    python benchmarks/unroll.py --memory               # peak memory against inner steps
    python benchmarks/unroll.py A B C paper --full     # a few outer steps of each at its full size

The loops run in turn in one process, on the same seeds, so that a machine that slows down slows
all of them; before anything is timed, their losses and meta-gradients must agree. The loop to
beat asks the teacher for one batch at a time, unrolls with `higher`, reads every inner loss,
and builds the MNIST data set anew at each outer step. Its pass over the test set is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from gtnlab.checkpointing import peak_bytes
from gtnlab.digits import MEAN, STD, load_digits
from gtnlab.experiments import ExperimentConfig, experiment, resolve_device
from gtnlab.inner_loop import unroll
from gtnlab.learner import make_learner
from gtnlab.rates import tensor_lr
from gtnlab.teacher import SLOPE, Teacher
from gtnlab.training.outer_loop import OuterLoop
from gtnlab.training.outer_loss import outer_loss


@dataclass(frozen=True)
class Change:
    """A loop: the one before it and one change."""

    name: str
    rebuilds_data: bool = True
    call_per_step: bool = True
    enlarges_first: bool = True
    with_higher: bool = True
    reads_losses: bool = True
    fused_adam: bool = False
    bfloat16: bool = False


def ladder() -> list[Change]:
    """From the replication's loop to gtnlab's."""
    loops = [Change("the replication's loop")]
    for name, change in (
        ("data set kept on the device", {"rebuilds_data": False}),
        ("all batches from one teacher call", {"call_per_step": False}),
        ("convolutions before enlargement", {"enlarges_first": False}),
        ("functional parameters", {"with_higher": False}),
        ("inner losses not read", {"reads_losses": False}),
        ("fused Adam: gtnlab's loop", {"fused_adam": True}),
    ):
        loops.append(replace(loops[-1], name=f"+ {name}", **change))
    return loops


class Loop(OuterLoop):
    """gtnlab's outer loop with some of its changes taken back."""

    def __init__(self, config: ExperimentConfig, device: torch.device, change: Change) -> None:
        config = replace(
            config, bfloat16=change.bfloat16, clip_norm=0.0, rates_clip_norm=0.0, soft_labels=False
        )
        super().__init__(config, device, load_digits("train", device))
        self.change = change
        if not change.fused_adam:
            self.optimizer = torch.optim.Adam(
                [{"params": group["params"]} for group in self.optimizer.param_groups],
                lr=config.outer_lr,
                betas=(config.beta1, 0.999),
            )

    def step(self) -> tuple[Tensor, Tensor]:
        change, config = self.change, self.config
        if change.fused_adam:
            return super().step()
        assert self.digits is not None
        learner = make_learner(self.member(), self.generator).train()
        inputs = self.teacher.inputs  # [steps, batch, noise]
        calls = inputs.split(1) if change.call_per_step else [inputs]
        draw = _enlarge_first if change.enlarges_first else _generate
        generated = torch.cat([draw(self.teacher, each) for each in calls])
        lr, momentum = self.rates()
        unrolled = unroll(
            learner,
            generated,
            self.teacher.labels,
            tensor_lr(lr, self.rates.tensor_factors()),
            momentum,
            initial_scales=self.rates.initial_scales(),
            implementation="higher" if change.with_higher else "functional",
            checkpoint_every=0 if change.with_higher else config.checkpoint_every,
            intermediate_every=config.intermediate_every,
        )
        if change.reads_losses:
            for loss in unrolled.losses:
                loss.item()
        if change.rebuilds_data:
            _rebuild(config.real_batch)
        # The digits themselves are the same for all loops.
        images, classes = self.digits.sample(config.real_batch, self.generator)
        loss, accuracy = outer_loss(
            learner, unrolled, generated, images, classes, config.outer_path
        )
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.detach(), accuracy


def _generate(teacher: Teacher, inputs: Tensor) -> Tensor:
    return teacher.generate(inputs)[0]


def _enlarge_first(teacher: Teacher, inputs: Tensor) -> Tensor:
    """The teacher's layers as one writes them down, for the same images."""
    steps, batch = inputs.shape[:2]
    one_hot = F.one_hot(teacher.labels, 10).to(inputs).expand(steps, batch, 10)
    x = torch.cat([inputs, one_hot], dim=2).transpose(0, 1).reshape(batch * steps, -1)
    side, up = teacher.shape.drawn_side, teacher.shape.upsampling
    x = teacher.norm_hidden(F.leaky_relu(teacher.expand(x), SLOPE), steps)
    x = F.leaky_relu(teacher.draw(x), SLOPE).reshape(-1, teacher.shape.maps, side, side)
    x = teacher.norm_drawn(x, steps)
    for conv, norm in (
        (teacher.conv_middle, teacher.norm_middle),
        (teacher.conv_out, teacher.norm_out),
    ):
        if up > 1:
            x = F.interpolate(x, scale_factor=float(up), mode="nearest")
        x = norm(F.conv2d(x, conv.weight, conv.bias, padding=1), steps)
        x = F.leaky_relu(x, SLOPE)
    return torch.tanh(x).reshape(batch, steps, 1, 28, 28).transpose(0, 1)


def _rebuild(count: int) -> None:
    """One batch of `count` digits the usual way: torchvision, transforms, a DataLoader."""
    from torchvision import transforms
    from torchvision.datasets import MNIST

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    digits = MNIST(os.environ.get("MNIST_ROOT", "data"), train=True, transform=transform)
    next(iter(torch.utils.data.DataLoader(digits, batch_size=count, shuffle=True)))


def compare(config: ExperimentConfig, changes: list[Change], repeats: int) -> None:
    """Print seconds per outer step, ratios and peak memory of each loop."""
    device = resolve_device(config.device)
    first: list[Tensor] = []
    loops, peaks = [], []
    for change in changes:
        loop = Loop(config, device, change)
        loss, _ = loop.step()
        found = [loss, *(p.grad for p in loop.teacher.parameters() if p.grad is not None)]
        first = first or [each.clone() for each in found]
        if not change.bfloat16:
            _must_agree(found, first)
        peaks.append(peak_bytes(loop.step, device))
        loops.append(loop)
    del first
    # [repeat, loop, (wall, CPU)]
    taken = np.array([[_seconds(loop.step, device) for loop in loops] for _ in range(repeats)])
    medians = np.median(taken, axis=0)
    print(f"\n{_described(config, device)}, median of {repeats}")
    print(f"{'':40} {'s/step':>8} {'ratio':>6} {'CPU s':>8} {'ratio':>6} {'peak MB':>8}")
    rows = zip(changes, medians, medians / medians[0], peaks, strict=True)
    for change, (wall, cpu), (wall_ratio, cpu_ratio), peak in rows:
        print(
            f"{change.name:40} {wall:8.3f} {wall_ratio:6.2f} {cpu:8.3f} {cpu_ratio:6.2f} "
            f"{peak / 1e6:8.0f}"
        )
    ours = changes.index(ladder()[-1])
    # torch's counter cannot follow weight normalisation, whose share is small.
    plain = replace(config, learner=config.learner.removesuffix("_weight_norm"))
    counted = Loop(plain, device, changes[ours])
    with FlopCounterMode(display=False) as counter:
        counted.step()
    flops = counter.get_total_flops()
    achieved, peak = flops / medians[ours, 0], _peak_flops(device)
    print(
        f"{changes[ours].name}: {flops / 1e9:.1f} GFLOP a step in products and convolutions, "
        f"{achieved / 1e9:.1f} GFLOP/s, {achieved / peak:.0%} of the {peak / 1e9:.0f} GFLOP/s of a "
        "float32 matrix product on this machine"
    )


def _described(config: ExperimentConfig, device: torch.device) -> str:
    return (
        f"{config.name}: {config.steps} inner steps of {config.batch} images, teacher "
        f"{config.teacher}, learner {config.learner}, {config.real_batch} real images, "
        f"{device.type}, {torch.get_num_threads()} threads"
    )


def _must_agree(found: list[Tensor], expected: list[Tensor]) -> None:
    """Loss and meta-gradients, within single precision's error after an unroll."""
    # A bias before a BatchNorm has no effect: its gradient is rounding alone.
    total = torch.stack([each.norm() for each in expected]).norm()
    for mine, reference in zip(found, expected, strict=True):
        error = (mine - reference).norm() / (reference.norm() + 1e-2 * total)
        if not error < 2e-2:
            raise SystemExit(f"the loops do not compute the same: relative error {error:.2g}")


def _peak_flops(device: torch.device, size: int = 2048) -> float:
    a = torch.randn(size, size, device=device)
    return 2 * size**3 / min(_seconds(lambda: a @ a, device)[0] for _ in range(6))


def _seconds(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Wall and CPU time of some work, when the device has finished it."""
    _wait(device)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    _wait(device)
    return time.perf_counter() - wall, time.process_time() - cpu


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def memory(learner: str, batch: int, out: Path | None) -> None:
    """Print the peak memory of a meta-gradient against inner steps; keep it for the results."""
    device = resolve_device("auto")
    print(f"\nPeak MB of a meta-gradient, learner {learner}, batch {batch}, {device.type}")
    print(f"{'inner steps':>12} {'stored':>9} {'checkpointed every √steps':>27}")
    rows = []
    for steps in (8, 16, 32, 64, 128):
        stored, spared = (
            peak_of_meta_gradient(learner, batch, steps, every, device)
            for every in (0, round(steps**0.5))
        )
        print(f"{steps:12d} {stored / 1e6:9.0f} {spared / 1e6:27.0f}", flush=True)
        rows.append((steps, stored, spared))
    if out is not None:
        found = dict(
            zip(("inner_steps", "stored", "checkpointed"), zip(*rows, strict=True), strict=True)
        )
        measured = {"learner": learner, "batch": batch, "device": device.type, **found}
        out.write_text(json.dumps(measured, indent=1) + "\n")


def peak_of_meta_gradient(
    learner: str, batch: int, steps: int, every: int, device: torch.device
) -> int:
    """Peak bytes of differentiating through an inner loop on noise; `every` as in `unroll`."""

    def meta_gradient() -> None:
        images = torch.randn(steps, batch, 1, 28, 28, device=device, requires_grad=True)
        labels = torch.arange(batch, device=device) % 10
        network = make_learner(learner, torch.Generator(device).manual_seed(0))
        taught = unroll(network, images, labels, 0.1, 0.5, checkpoint_every=every)
        real = images[0].detach()
        loss, _ = outer_loss(network, taught, images, real, labels, "batch-statistics")
        torch.autograd.backward(loss)

    return peak_bytes(meta_gradient, device)


def full_size(config: ExperimentConfig, outer_steps: int) -> None:
    """Print what some outer steps of gtnlab's own loop take; the last one measures memory."""
    device = resolve_device(config.device)
    loop = OuterLoop(config, device, load_digits("train", device))
    losses: list[float] = []

    def step() -> None:
        losses.append(loop.step()[0].item())

    seconds = [_seconds(step, device)[0] for _ in range(outer_steps - 1)]
    peak = peak_bytes(step, device)
    if loop.trouble() is not None:
        raise SystemExit(f"{config.name}: the outer loss is no number: {losses}")
    print(
        f"{_described(config, device)}: {statistics.median(seconds):.2f} "
        f"s/step, peak {peak / 1e6:.0f} MB beside the weights, outer losses "
        + ", ".join(f"{loss:.3f}" for loss in losses),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("presets", nargs="*", default=["class"])
    parser.add_argument("--ends", action="store_true", help="only the first and the last loop")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, help="inner steps, instead of the preset's")
    parser.add_argument(
        "--bfloat16", action="store_true", help="a last loop: real batch in bfloat16"
    )
    parser.add_argument("--memory", action="store_true", help="memory against inner steps, only")
    parser.add_argument("--learner", default="cnn_small", help="for --memory")
    parser.add_argument("--out", type=Path, help="for --memory: data/curricula/memory.json")
    parser.add_argument("--full", action="store_true", help="gtnlab's loop alone, a few steps")
    parser.add_argument("--outer-steps", type=int, default=3, help="for --full, 2 or more")
    options = parser.parse_args()
    if options.memory:
        memory(options.learner, 32, options.out)
        return
    if options.full:
        if options.outer_steps < 2:
            parser.error("--full takes 2 outer steps or more: the last one measures memory")
        for name in options.presets:
            full_size(experiment(name, steps=options.steps), options.outer_steps)
        return
    changes = ladder()
    root = Path(os.environ.get("MNIST_ROOT", "data"))
    if not (root / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
        print("No MNIST here: the data set is not rebuilt, and the first loop starts without that.")
        changes = changes[1:]
    for name in options.presets:
        config = experiment(name, steps=options.steps)
        taken = [changes[0], changes[-1]] if options.ends else changes
        if options.bfloat16:
            taken.append(replace(taken[-1], name="+ real batch in bfloat16", bfloat16=True))
        compare(config, taken, options.repeats)


if __name__ == "__main__":
    main()
