"""The wheel that students install, as files to look into."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from authoring.errors import AuthoringError

PACKAGE = "gtnlab"


def wheel_files(root: Path) -> dict[str, bytes]:
    """Build the lab's wheel from a copy of its folder and return its files by name.

    Nothing is downloaded and nothing is left in the course folder.

    Raises:
        AuthoringError: the wheel does not build.
    """
    if not (root / PACKAGE / "pyproject.toml").is_file():
        raise AuthoringError(f"{root / PACKAGE} has no pyproject.toml to build a wheel from.")
    with tempfile.TemporaryDirectory() as scratch:
        source, built = Path(scratch) / PACKAGE, Path(scratch) / "dist"
        shutil.copytree(
            root / PACKAGE,
            source,
            ignore=shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__"),
        )
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
        result = subprocess.run(
            [*command, "--outdir", str(built), str(source)],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = list(built.glob("*.whl"))
        if result.returncode != 0 or len(wheels) != 1:
            said = (result.stderr or result.stdout).strip().splitlines()
            reason = said[-1] if said else "no wheel came out"
            raise AuthoringError(
                f"The wheel of {root / PACKAGE} does not build: {reason}. "
                "Building needs the development install (see CONTRIBUTING.md)."
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
