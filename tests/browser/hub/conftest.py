"""A machine with a JupyterHub, set up as deploy/hub/README.md says, for as long as the tests run.

Accounts, home folders, /etc, /srv and processes are those of private namespaces: real users of a
system, of whom the machine outside knows nothing, and of whom nothing is left.

The Python environment is the tests' own, shown at /opt/unrolled; the checkout around it is hidden,
so that whatever works here works without it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page

from authoring.sample_class import answers_in

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy" / "hub"
# What an instructor's copy of the course holds, as far as the hub needs it.
COURSE = [
    *("authoring", "autograder", "data/sample-class", "deploy", "nbgrader_config.py"),
    *("source/rnn-bptt", "data/curricula"),
]
# Folders that the machine has of its own, empty at first.
OWN = [Path("/home"), Path("/srv"), Path("/opt")]
PASSWORDS = {"instructor": "chalk and talk", "student": "learn to learn"}
GIT = ["git", "-c", "user.name=Instructor", "-c", "user.email=instructor@example.org"]
SECONDS = 180


@dataclass(frozen=True)
class Machine:
    """The namespaces: commands run there as root or as one of the users."""

    first: int  # their first process, seen from outside

    def command(self, user: str, command: str) -> list[str]:
        """What to start, from outside, to run a shell command as a user, in their home folder."""
        inside = ["nsenter", f"--target={self.first}", "--mount", "--pid", "--"]
        if user == "root":
            return [*inside, "sh", "-c", f"cd /root && {command}"]
        return [*inside, "runuser", "-l", user, "-c", command]

    def run(self, user: str, command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a shell command with `given` on its input, and wait for it."""
        return subprocess.run(
            self.command(user, command),
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def do(self, user: str, command: str, given: str = "") -> str:
        """Run a shell command that must succeed; returns what it wrote."""
        done = self.run(user, command, given)
        assert done.returncode == 0, f"{user}$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, with the course, an instructor and a student on it; the hub is not started."""
    _need(os.geteuid() == 0, "several users on one machine: setting them up needs root")
    folder = tmp_path_factory.mktemp("machine")
    course = folder / "course"
    for name in COURSE:
        target = course / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=A copy"]):
        subprocess.run([*GIT, "-C", str(course), *command], check=True)
    script = [
        "set -e",
        *_own_folders(folder),
        f"cd {shlex.quote(str(course))}",
        *_readme_commands(),
    ]
    holder = subprocess.Popen(
        [
            *("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child"),
            *(
                "--mount-proc",
                "sh",
                "-c",
                "\n".join([*script, "echo ready", "exec sleep infinity"]),
            ),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    try:
        if holder.stdout.readline() != "ready\n":
            raise AssertionError(f"The machine was not set up:\n{holder.communicate()[1]}")
        (first,) = psutil.Process(holder.pid).children()
        yield Machine(first.pid)
    finally:
        holder.kill()
        holder.wait()


def _need(given: bool, what: str) -> None:
    if not given and os.environ.get("CI") == "true":
        pytest.fail(what)
    if not given:
        pytest.skip(what)


def _readme_commands() -> list[str]:
    """The README's commands, those marked as bash: the machine is set up by them."""
    text = (DEPLOY / "README.md").read_text()
    return re.findall(r"^```bash\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def _own_folders(folder: Path) -> list[str]:
    """Commands that give a mount namespace its own folders and show nothing of the checkout."""
    shown = [Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()]
    closed = {up for path in shown for up in path.parents if not up.stat().st_mode & 0o001}
    hidden: list[Path] = []
    for path in sorted({*OWN, ROOT, *closed}):  # what lies below a hidden folder is hidden with it
        if path.is_dir() and not any(path.is_relative_to(each) for each in hidden):
            hidden.append(path)
    stage = folder / "stage"
    lines = [f"mkdir {stage}", f"cp -a /etc {stage}/etc", f"mount --bind {stage}/etc /etc"]
    for number, path in enumerate(shown):
        lines += [f"mkdir {stage}/{number}", f"mount --bind {path} {stage}/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 none {path}" for path in hidden]
    for number, path in enumerate(shown):
        if any(path.is_relative_to(each) for each in hidden):
            lines += [f"mkdir -p {path}", f"mount --bind {stage}/{number} {path}"]
    return [*lines, "mkdir /opt/unrolled", f"mount --bind {stage}/1 /opt/unrolled"]


@pytest.fixture(scope="session")
def answers() -> Callable[[str], dict[str, str]]:
    """A student's answers from the sample class, each by its cell's grade_id."""

    def read(name: str) -> dict[str, str]:
        path = ROOT / "data" / "sample-class" / "rnn-bptt" / f"{name}.txt"
        return answers_in(path.read_text(), path)

    return read


@pytest.fixture(scope="module")
def hub(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The hub, started as the README says, on a free port; its address."""
    proxy = "apt-get install node-configurable-http-proxy"
    _need(shutil.which("configurable-http-proxy") is not None, f"JupyterHub's proxy: {proxy}")
    passwords = "".join(f"{user}:{password}\n" for user, password in PASSWORDS.items())
    machine.do("root", "chpasswd", passwords)
    port, hub_port, api_port = _free_ports(3)
    address = f"http://127.0.0.1:{port}"
    start = (
        "cd /srv/jupyterhub && exec /opt/unrolled/bin/jupyterhub --config jupyterhub_config.py "
        f"--JupyterHub.bind_url={address} --JupyterHub.hub_port={hub_port} "
        f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{api_port}"
    )
    log = tmp_path_factory.mktemp("hub") / "hub.log"
    with log.open("wb") as said:
        running = subprocess.Popen(machine.command("root", start), stdout=said, stderr=said)
    deadline = time.monotonic() + SECONDS
    # The formgrader is the last to start.
    while not _answers(f"{address}/services/unrolled/api"):
        if running.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"The hub did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.3)
    yield address
    running.terminate()
    running.wait(30)


def _free_ports(how_many: int) -> list[int]:
    probes = [socket.socket() for _ in range(how_many)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def log_in(hub: str, browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Log in with name and password, in a browser of one's own, and wait for one's server."""
    contexts = []

    def open_page(user: str) -> Page:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        page = contexts[-1].new_page()
        page.set_default_timeout(1000 * SECONDS)
        page.goto(f"{hub}/hub/login")
        page.get_by_label("Username").fill(user)
        page.get_by_label("Password").fill(PASSWORDS[user])
        page.get_by_role("button", name="Sign in").click()
        page.locator(".jp-Launcher").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
