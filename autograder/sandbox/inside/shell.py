"""Inside the sandbox: an IPython shell without a kernel whose outputs are nbformat outputs."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

_PARSE_ONLY = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_OURS = ("/autograder/", "/IPython/core/", "<frozen ")
_LIBRARIES = re.compile(r'(?<=File ")[^"]*/(site-packages|lib/python3\.\d+)/')


class Outputs:
    """The outputs of one cell in order, cut once their text exceeds `cap` bytes."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.used = 0
        self.items: list[dict[str, Any]] = []
        self._display_ids: dict[str, dict[str, Any]] = {}
        self._full = False
        self._clear_next = False

    def stream(self, name: str, text: str) -> None:
        kept = text[: self.cap - self.used]
        self.used += len(kept)
        last = self.items[-1] if self.items and not self._clear_next else {}
        if (last.get("output_type"), last.get("name")) == ("stream", name):
            last["text"].append(kept)
        elif kept:
            self._append({"output_type": "stream", "name": name, "text": [kept]})
        if len(text) > len(kept):
            self._cut()

    def rich(
        self, kind: str, data: dict[str, Any], metadata: dict[str, Any], **fields: Any
    ) -> dict[str, Any] | None:
        size = sum(len(str(item)) for item in data.values())
        if self.used + size > self.cap:
            self._cut()
            return None
        self.used += size
        output = {"output_type": kind, "data": dict(data), "metadata": dict(metadata), **fields}
        self._append(output)
        return output

    def display(
        self, data: dict[str, Any], metadata: dict[str, Any], display_id: str | None, update: bool
    ) -> None:
        if update and display_id in self._display_ids:
            self._display_ids[display_id].update(data=dict(data), metadata=dict(metadata))
            return
        output = self.rich("display_data", data, metadata)
        if output is not None and display_id:
            self._display_ids[display_id] = output

    def error(self, name: str, value: str, lines: list[str]) -> None:
        self.items.append(
            {
                "output_type": "error",
                "ename": name[:200],
                "evalue": value[:10_000],
                "traceback": [line[:10_000] for line in lines[-60:]],
            }
        )

    def clear(self, wait: bool) -> None:
        if wait:
            self._clear_next = True
        else:
            self.items.clear()

    def take(self) -> list[dict[str, Any]]:
        for item in self.items:
            if item["output_type"] == "stream":
                item["text"] = "".join(item["text"])
        return self.items

    def _append(self, output: dict[str, Any]) -> None:
        if self._clear_next:
            self.items.clear()
            self._clear_next = False
        self.items.append(output)

    def _cut(self) -> None:
        if not self._full:
            self._full = True
            note = f"\n[output cut: more than {self.cap} characters]\n"
            self._append({"output_type": "stream", "name": "stderr", "text": [note]})


class _Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of the student's code."""

    encoding = "utf-8"

    def __init__(self, shell: CourseShell, name: str) -> None:
        self.shell = shell
        self.stream_name = name

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.shell.outputs.stream(self.stream_name, text)
        return len(text)

    def writable(self) -> bool:
        return True


class _Publisher(DisplayPublisher):
    def publish(
        self, data: dict[str, Any], metadata: dict[str, Any] | None = None, *_: Any, **told: Any
    ) -> None:
        display_id = (told.get("transient") or {}).get("display_id")
        self.shell.outputs.display(data, metadata or {}, display_id, told.get("update", False))

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.clear(wait)


class _Hook(DisplayHook):
    def quiet(self) -> bool:
        return bool(self.semicolon_at_end_of_expression(self.shell.cell_source))

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(
        self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None
    ) -> None:
        count = self.shell.execution_count
        self.shell.outputs.rich("execute_result", format_dict, md_dict or {}, execution_count=count)

    def log_output(self, format_dict: dict[str, Any]) -> None:
        pass

    def finish_displayhook(self) -> None:
        self._is_active = False


class _Compiler(CachingCompiler):
    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return f"Cell In[{number}]"  # as tracebacks in Jupyter name it


class CourseShell(InteractiveShell):
    """Runs cells as a notebook kernel would, with figures, rich outputs and magics."""

    compiler_class = Type(_Compiler)
    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)

    def __init__(self, **kwargs: Any) -> None:
        self.outputs = Outputs(0)
        self.cell_source = ""
        config = Config()
        config.HistoryManager.enabled = False  # no database, no writer thread
        config.HistoryManager.hist_file = ":memory:"
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.xmode = "Plain"
        super().__init__(config=config, **kwargs)
        warnings.filterwarnings("ignore", message="To exit: use")  # there is nothing to leave

    def run(self, source: str, output_cap: int) -> tuple[bool, list[dict[str, Any]]]:
        """Run one cell; whether it ended well, and its nbformat outputs."""
        self.cell_source = source
        with self.capturing(output_cap) as outputs:
            result = self.run_cell(source, store_history=False)
        self.execution_count += 1
        return bool(result.success), _plain(outputs.take())

    @contextmanager
    def capturing(self, output_cap: int) -> Iterator[Outputs]:
        """What is printed and displayed meanwhile goes to fresh `outputs`."""
        before, self.outputs = self.outputs, Outputs(output_cap)
        streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Stream(self, "stdout"), _Stream(self, "stderr")
        try:
            yield self.outputs
        finally:
            sys.stdout, sys.stderr = streams
            self.outputs = before

    def transform_cell(self, raw_cell: str) -> str:
        """Plain Python is left as it is, which saves most of the time that a short cell takes."""
        if not self.input_transformers_post:
            with contextlib.suppress(SyntaxError, ValueError):
                compile(raw_cell, "cell", "exec", _PARSE_ONLY)
                return raw_cell
        return str(super().transform_cell(raw_cell))

    def should_run_async(self, raw_cell: str, **options: Any) -> bool:
        """IPython would compile every cell once more to see whether it awaits something."""
        possibly = "await" in raw_cell or "async" in raw_cell
        return possibly and bool(super().should_run_async(raw_cell, **options))

    def system(self, cmd: str) -> None:
        """`!command` prints what it says; there is no terminal to run it in."""
        print(self.getoutput(cmd, split=False))

    def _tee(self, channel: str) -> AbstractContextManager[None]:
        return nullcontext()  # IPython would keep every printed character once more

    def enable_gui(self, gui: str | None = None) -> None:
        """Figures are drawn inline: there is no window to open."""

    def ask_exit(self) -> None:
        """`exit` in a cell does not end the notebook."""

    def showtraceback(
        self, exc_tuple: Any = None, *args: Any, exception_only: bool = False, **kwargs: Any
    ) -> None:
        self.outputs.error(*describe(self._get_exc_info(exc_tuple)[1]))

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        self.showtraceback()


def describe(error: BaseException) -> tuple[str, str, list[str]]:
    """Name, message and readable traceback lines of an exception, free of our own frames."""
    linecache.checkcache()
    report = traceback.TracebackException.from_exception(error, limit=-30)
    _drop_our_frames(report)
    try:
        message = str(error)
    except Exception:
        message = "(its message could not be shown)"
    lines = "".join(report.format()).splitlines()
    return type(error).__name__, message, [_LIBRARIES.sub("", line) for line in lines]


def _drop_our_frames(report: traceback.TracebackException | None) -> None:
    while report is not None:
        report.stack[:] = [
            frame for frame in report.stack if not any(mark in frame.filename for mark in _OURS)
        ]
        _drop_our_frames(report.__context__)
        report = report.__cause__


def _plain(value: Any) -> Any:
    """What a notebook file can hold of a value."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
