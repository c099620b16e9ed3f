"""Jupyter as people use it: a real server, a real browser, JupyterLab and Notebook 7.

For a test of a notebook, take `jupyter` (a server over a scratch folder that serves both front
ends) and `open_notebook`:

    def test_the_slider_moves(jupyter, open_notebook, front):     # front: both front ends in turn
        folder = jupyter.copy(ROOT / "release" / "rnn-bptt")      # a scratch copy to run in
        opened = open_notebook(jupyter, folder / "rnn_bptt.ipynb", front)
        opened.run_all()
        assert opened.failed() == []
        opened.cell("flow-slider").get_by_role("slider").first.press("ArrowRight")

For other servers (another user, another configuration) there is `start_jupyter`; for a plain web
page, `page`. Every page's errors are in `errors`; its last sight is kept in artefacts/.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, expect, sync_playwright

ARTEFACTS = Path(__file__).parent / "artefacts"
START_SECONDS = 120
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-renderer-backgrounding",  # else Chromium gives its page the lowest priority
    "--disable-backgrounding-occluded-windows",
]

# A kernel answers late where several tests share two cores.
expect.set_options(timeout=20_000)

Front = Literal["lab", "notebook"]
FRONTS: tuple[Front, ...] = ("lab", "notebook")


@dataclass(frozen=True)
class Jupyter:
    """A running server: it serves JupyterLab at /lab and Notebook 7 at /notebooks."""

    root: Path  # the scratch folder that it serves
    port: int
    token: str

    def url(self, path: str, **query: str) -> str:
        """An address on this server, with its token."""
        given = "&".join(
            f"{name}={value}" for name, value in {"token": self.token, **query}.items()
        )
        return f"http://127.0.0.1:{self.port}/{path}?{given}"

    def copy(self, *sources: Path) -> Path:
        """A new scratch folder below the root with copies of files and of folders' contents."""
        target = self.root / secrets.token_hex(4)
        target.mkdir()
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copy(source, target)
        return target


class OpenNotebook:
    """A notebook in a browser page; cells are named by their nbformat id."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def do(self, script: str, argument: Any = None) -> Any:
        """Run JavaScript in the page, with `app`, `panel` (the notebook) and `cells` at hand."""
        return self.page.evaluate(
            f"""async (argument) => {{
                const app = window.jupyterapp, panel = app.shell.currentWidget;
                const cells = panel.content.widgets;
                const index = id => {{
                    const found = cells.findIndex(cell => cell.model.sharedModel.getId() === id);
                    if (found < 0) throw new Error(`no cell ${{id}}`);
                    return found;
                }};
                {script}
            }}""",
            argument,
        )

    def wait_for_kernel(self, seconds: float = START_SECONDS) -> None:
        """Until the kernel answers. The idle indicator says so too early, and cells get lost."""
        self.page.wait_for_function(
            """() => window.jupyterapp?.shell?.currentWidget?.sessionContext
                  && window.jupyterapp.shell.currentWidget.content?.widgets?.length""",
            timeout=1000 * seconds,
        )
        ready = """
            const context = panel.sessionContext;
            await context.ready;
            const kernel = context.session && context.session.kernel;
            if (!kernel) return false;
            await kernel.info;
            return kernel.connectionStatus === 'connected';
        """
        deadline = time.monotonic() + seconds
        while not self.do(ready):
            assert time.monotonic() < deadline, f"no kernel after {seconds} s"
            time.sleep(0.2)

    def run_all(self, seconds: float = 300) -> None:
        """Run every cell; an error in one stops the rest, as for a person. See `failed`."""
        self._within(seconds, "await app.commands.execute('notebook:run-all-cells');")

    def run(self, *ids: str, seconds: float = 120) -> None:
        """Run these cells, one after the other."""
        for cell_id in ids:
            self._within(
                seconds,
                """panel.content.activeCellIndex = index(argument);
                await app.commands.execute('notebook:run-cell');""",
                cell_id,
            )

    def write(self, cell_id: str, source: str) -> None:
        """Put this source in the place of a cell's."""
        self.do(
            "cells[index(argument[0])].model.sharedModel.setSource(argument[1]);",
            [cell_id, source],
        )

    def outputs(self, cell_id: str) -> list[dict[str, Any]]:
        """A code cell's outputs, as nbformat has them."""
        found: list[dict[str, Any]] = self.do(
            "return cells[index(argument)].model.outputs.toJSON();", cell_id
        )
        return found

    def text(self, cell_id: str) -> str:
        """What a code cell printed, and its errors."""
        parts = []
        for output in self.outputs(cell_id):
            parts += [output.get("text", ""), "\n".join(output.get("traceback", []))]
            parts.append(output.get("data", {}).get("text/plain", ""))
        joined = "".join("".join(part) for part in parts)
        return re.sub(r"\x1b\[[\d;]*m", "", joined)

    def failed(self) -> list[str]:
        """Ids of the code cells whose last run ended with an error."""
        found: list[str] = self.do(
            """return cells.filter(cell => cell.model.type === 'code'
                && cell.model.outputs.toJSON().some(output => output.output_type === 'error'))
                .map(cell => cell.model.sharedModel.getId());"""
        )
        return found

    def cell(self, cell_id: str) -> Locator:
        """A cell, scrolled into view (cells out of view may not be in the page)."""
        place = self.do(
            """const place = index(argument);
            panel.content.activeCellIndex = place;
            await panel.content.scrollToItem(place, 'start');
            return place;""",
            cell_id,
        )
        found = self.page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{place}']")
        found.wait_for(state="attached")
        return found

    def save(self) -> None:
        self.do("await panel.context.save();")

    def restart(self) -> None:
        """Restart the kernel and wait for the new one."""
        self.do("await panel.sessionContext.restartKernel();")
        self.wait_for_kernel()

    def _within(self, seconds: float, script: str, argument: Any = None) -> None:
        late = f"setTimeout(() => reject(new Error('longer than {seconds} s')), {1000 * seconds})"
        self.do(
            f"""await Promise.race([(async () => {{ {script} }})(),
                new Promise((_, reject) => {late})]);""",
            argument,
        )


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> Front:
    """Each front end in turn."""
    found: Front = request.param
    return found


@pytest.fixture(scope="session")
def start_jupyter(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Jupyter]]:
    """Start servers; all of them end with the session."""
    running: list[subprocess.Popen[bytes]] = []

    def start(
        root: Path,
        *arguments: str,
        token: str | None = None,
        environment: dict[str, str] | None = None,
        command: Sequence[str] = (sys.executable, "-m", "jupyterlab"),
    ) -> Jupyter:
        """Serve `root` on a free port of this machine.

        `token=""` needs none. `environment` is added to this process's; `command` may begin
        with what changes the user (`runuser -u student -- …`).
        """
        home = tmp_path_factory.mktemp("jupyter")
        home.chmod(0o777)
        _answer_first_questions(home / "settings")
        server = Jupyter(root, _free_port(), secrets.token_hex(8) if token is None else token)
        log = home / "server.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                [
                    *command,
                    "--no-browser",
                    *(["--allow-root"] if os.geteuid() == 0 else []),
                    f"--ServerApp.port={server.port}",
                    "--ServerApp.port_retries=0",
                    # Should the tests be killed, it ends by itself.
                    "--ServerApp.shutdown_no_activity_timeout=900",
                    "--MappingKernelManager.cull_idle_timeout=900",
                    f"--IdentityProvider.token={server.token}",
                    f"--ServerApp.root_dir={root}",
                    "--LabApp.expose_app_in_browser=True",
                    "--JupyterNotebookApp.expose_app_in_browser=True",
                    *arguments,
                ],
                cwd=root,
                # The person's own Jupyter settings neither help nor suffer; figures are drawn where
                # Jupyter shows them, whatever the tests' own process does with its figures.
                env={
                    **{name: value for name, value in os.environ.items() if name != "MPLBACKEND"},
                    "JUPYTER_CONFIG_DIR": str(home / "config"),
                    "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
                    "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
                    "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
                    "IPYTHONDIR": str(home / "ipython"),
                    **(environment or {}),
                },
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running.append(process)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(server):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Jupyter did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.3)
        return server

    yield start
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def jupyter(
    start_jupyter: Callable[..., Jupyter], tmp_path_factory: pytest.TempPathFactory
) -> Jupyter:
    """One server for all tests of a worker: starting one takes longer than most tests."""
    return start_jupyter(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, else the one that `playwright install chromium` fetched."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            missing = (
                "no browser: `apt install chromium`, or `playwright install chromium` "
                f"({str(error).splitlines()[0]})"
            )
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        yield started
        started.close()


@pytest.fixture
def errors() -> list[str]:
    """What the test's page wrote to the console as an error, and its uncaught exceptions."""
    return []


@pytest.fixture
def page(browser: Browser, errors: list[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of its own (no cookies, no cache); what it shows at the end is kept."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.on(
        "console",
        lambda said: (
            errors.append(f"{said.text} {said.location.get('url', '')}")
            if said.type == "error"
            else None
        ),
    )
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    ARTEFACTS.mkdir(exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", f"{request.path.stem}-{request.node.name}").strip("_")
    opened.screenshot(path=ARTEFACTS / f"{name[:120]}.png")
    context.close()


@pytest.fixture
def open_notebook(page: Page) -> Callable[..., OpenNotebook]:
    """Open a notebook in `page` and wait for its kernel."""

    def open_(server: Jupyter, notebook: Path, front: Front = "lab") -> OpenNotebook:
        path = notebook.relative_to(server.root).as_posix()
        # `reset` drops the workspace that an earlier page left on the server.
        address = (
            server.url(f"lab/tree/{path}", reset="")
            if front == "lab"
            else server.url(f"notebooks/{path}")
        )
        page.goto(address, timeout=1000 * START_SECONDS)
        opened = OpenNotebook(page)
        opened.wait_for_kernel()
        return opened

    return open_


def _answer_first_questions(settings: Path) -> None:
    """JupyterLab asks new users about its news, in a box over the page."""
    folder = settings / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    wanted = {"fetchNews": "false", "checkForUpdates": False}
    (folder / "notification.jupyterlab-settings").write_text(json.dumps(wanted))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(server: Jupyter) -> bool:
    try:
        with urllib.request.urlopen(server.url("api/status"), timeout=5):
            return True
    except OSError:
        return False
