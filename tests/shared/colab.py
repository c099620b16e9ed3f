"""A Python that has what Colab preinstalls, by name, and nothing else.

Nothing is downloaded. The preinstalled packages are those of this environment, linked into a folder
of their own together with what they require; a virtual environment sees that folder and nothing
more. What a notebook then installs beyond them, pip finds in a folder of wheels that are packed
again from what is installed here; it has no index.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PREINSTALLED = (
    "numpy", "matplotlib", "ipywidgets", "tqdm", "torch", "torchvision", "scipy", "scikit-learn",
    "pandas", "requests",
)  # fmt: skip
RUNS_NOTEBOOKS = ("ipykernel", "pip")
CELL_SECONDS = 300


def required(names: Iterable[str]) -> dict[str, Distribution]:
    """The installed packages of these names and all that they require, by name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    ahead = [(canonicalize_name(name), "") for name in names]
    while ahead:
        name, extra = ahead.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found[name] = distribution(name)
        for line in found[name].requires or []:
            asked = Requirement(line)
            if asked.marker is None or asked.marker.evaluate({"extra": extra}):
                ahead += [(canonicalize_name(asked.name), each) for each in ("", *asked.extras)]
    return found


@dataclass(frozen=True)
class Colab:
    """What all of Colab's machines have in common.

    Attributes:
        folder: where everything is.
        names: the packages that are preinstalled.
    """

    folder: Path
    names: frozenset[str]

    @classmethod
    def at(cls, folder: Path) -> Colab:
        """Link what is preinstalled, and pack what is not but the lab requires."""
        preinstalled = required([*PREINSTALLED, *RUNS_NOTEBOOKS])
        (folder / "preinstalled").mkdir(parents=True)
        (folder / "wheels").mkdir()
        for package in preinstalled.values():
            for name in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
                link = folder / "preinstalled" / name
                if not link.is_symlink():
                    link.symlink_to(str(package.locate_file(name)))
        lab = tomllib.loads((ROOT / "gtnlab" / "pyproject.toml").read_text())["project"]
        needed = required(Requirement(line).name for line in lab["dependencies"])
        for name in needed.keys() - preinstalled.keys():
            _pack(needed[name], folder / "wheels")
        return cls(folder, frozenset(preinstalled))

    def machine(self, home: Path) -> Machine:
        """A new virtual environment, which takes a moment."""
        venv.create(home / "venv")
        (site,) = (home / "venv").glob("lib/python*/site-packages")
        (site / "preinstalled.pth").write_text(f"{self.folder / 'preinstalled'}\n")
        content = home / "content"
        content.mkdir()
        return Machine(home / "venv" / "bin" / "python", content, self.folder / "wheels")


@dataclass(frozen=True)
class Machine:
    """One runtime: its Python, and the folder in which notebooks run, as /content in Colab."""

    python: Path
    content: Path
    wheels: Path

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.content.parent),
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "OMP_NUM_THREADS": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
        }

    def run(self, source: str) -> subprocess.CompletedProcess[str]:
        """Run Python source, e.g. that of a cell."""
        return subprocess.run(
            [self.python, "-c", source],
            cwd=self.content,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=CELL_SECONDS,
            check=False,
        )

    def execute(self, notebook: NotebookNode, **more: str) -> None:
        """Run every cell of a notebook, which keeps the outputs; `more`: the kernel's variables."""
        kernels = self.content.parent / "kernels"
        (kernels / "python3").mkdir(parents=True)
        command = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": command, "display_name": "Python 3", "language": "python"}
        (kernels / "python3" / "kernel.json").write_text(json.dumps(spec))
        found = KernelSpecManager(kernel_dirs=[str(kernels)])
        NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=found),
            resources={"metadata": {"path": str(self.content)}},
        ).execute(env={**self.environment(), **more})


def _pack(package: Distribution, wheels: Path) -> None:
    scratch = wheels.parent / f"packing-{package.name}"
    for file in package.files or []:
        if file.parts[0] != ".." and "__pycache__" not in file.parts and file.name != "RECORD":
            (scratch / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(package.locate_file(file)), scratch / file)
    pack = [sys.executable, "-m", "wheel", "pack", str(scratch), "--dest-dir", str(wheels)]
    subprocess.run(pack, check=True, capture_output=True)
