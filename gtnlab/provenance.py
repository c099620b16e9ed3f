"""Where a result comes from: what was run, with which versions, on which machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

RECORDED = ("torch", "torchvision", "numpy", "higher")


def provenance(device: torch.device | str, **facts: Any) -> dict[str, Any]:
    """``facts`` with versions, hardware and the time, as plain JSON values."""
    return {
        **facts,
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in RECORDED},
        "hardware": _hardware(torch.device(device)),
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _hardware(device: torch.device) -> dict[str, Any]:
    found: dict[str, Any] = {
        "device": device.type,
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def _cpu_name() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
