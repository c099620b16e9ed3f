"""A run's state on disk: everything from which it continues exactly as if never stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gtnlab.errors import GtnError
from gtnlab.files import explained, written_whole
from gtnlab.training.snapshots import Snapshot

CONFIG, CHECKPOINT, METRICS = "config.json", "checkpoint.pt", "metrics.jsonl"
VERSION = 1


@dataclass
class RunState:
    """What changes from outer step to outer step, as plain containers of tensors."""

    config: dict[str, Any]
    outer_step: int
    seconds: float
    source: str
    stopped: str
    teacher: dict[str, Any]
    rates: dict[str, Any]
    optimizer: dict[str, Any]
    generator: torch.Tensor
    snapshots: list[Snapshot]
    cpu_seconds: float = 0.0  # checkpoints from before it was measured have none


def save_state(out_dir: Path, state: RunState) -> None:
    """Write `checkpoint.pt` whole, or leave the earlier one as it is."""
    fields = {**vars(state), "version": VERSION}
    fields["snapshots"] = [
        {
            name: torch.as_tensor(value) if name != "outer_step" else value
            for name, value in vars(snapshot).items()
            if value is not None
        }
        for snapshot in state.snapshots
    ]
    with written_whole(out_dir / CHECKPOINT) as scratch:
        try:
            torch.save(fields, scratch)
        except RuntimeError as error:  # torch's writer reports a full disk so
            raise OSError(str(error)) from error


def load_state(out_dir: Path, device: torch.device | str) -> RunState | None:
    """The state in `out_dir`, or None where there is no checkpoint.

    Raises:
        GtnError: the checkpoint is damaged or of another version.
    """
    path = out_dir / CHECKPOINT
    if not path.is_file():
        return None
    again = f"Delete {out_dir} and train again, or take a fresh copy"
    with explained(path, "damaged or was cut short", again):
        # Tensors and plain containers only: a checkpoint from elsewhere cannot run code.
        fields = torch.load(path, map_location=device, weights_only=True)
        version = fields.pop("version")
        if version != VERSION:
            raise GtnError(
                f"{path} is a checkpoint of version {version}; this gtnlab reads version "
                f"{VERSION}. {again}."
            )
        fields["generator"] = fields["generator"].cpu()
        fields["snapshots"] = [
            Snapshot(
                **{name: v if name == "outer_step" else v.cpu().numpy() for name, v in each.items()}
            )
            for each in fields["snapshots"]
        ]
        return RunState(**fields)


def drop_later_metrics(out_dir: Path, outer_step: int) -> None:
    """Forget lines of `metrics.jsonl` after `outer_step`: a resumed run writes them again."""
    path = out_dir / METRICS
    if not path.is_file():
        return
    lines = []
    for line in path.read_text().splitlines():
        try:
            if json.loads(line)["outer_step"] > outer_step:
                break
        except (ValueError, KeyError, TypeError):
            break  # the last line of a killed run may be half-written
        lines.append(line + "\n")
    with written_whole(path) as scratch:
        scratch.write_text("".join(lines))
