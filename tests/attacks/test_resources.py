"""Attacks on time, memory, processes, disk and output, and submissions that simply end themselves.

Every one must end with a reason in plain words or be harmless, within its limits, and the next
submission must be answered. What is bounded by itself is also shown to go through without limits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from autograder.protocol.errors import ProcessEnded
from autograder.protocol.limits import Limits
from autograder.sandbox.sandbox import Sandbox

_MIB = 1 << 20

DEADLY = {
    "a loop without end": ("timeout", "while True: pass"),
    "a loop that catches everything": (
        "timeout",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ),
    "a sleep that ignores signals": (
        "timeout",
        "import signal, time\n"
        "for number in range(1, 32):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "time.sleep(100)",
    ),
    "a C function that never comes back": (
        "timeout",
        "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    ),
    "printing without end": ("timeout", "while True: print('x' * 1000)"),
    "memory in one process": (
        "memory",
        "hold = [bytearray(8 << 20) for _ in range(60)]",
    ),
    "memory in many processes, each within its limit": (
        "memory",
        "import os, time\n"
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        hold = bytearray(60 << 20); time.sleep(9); os._exit(0)\n"
        "time.sleep(9)",
    ),
    "memory shared without a name": (
        "memory",
        "import mmap\nhold = mmap.mmap(-1, 400 << 20)\n"
        "for i in range(0, len(hold), 4096): hold[i] = 1",
    ),
    "an exit that skips everything": ("exit", "import os; os._exit(0)"),
    "a crash": ("exit", "import ctypes; ctypes.string_at(1)"),
    "an abort": ("exit", "import os; os.abort()"),
    "a stack that overflows in C": (
        "exit",
        "import sys; sys.setrecursionlimit(10**8)\n"
        "def deeper(_=0): return sorted([0], key=deeper)\n"
        "deeper()",
    ),
    "a new program in its place": ("protocol", "import os; os.execv('/bin/true', ['true'])"),
}
HARMLESS = {
    "a fork bomb": """
import os, time
try:
    for _ in range(60):
        if os.fork() == 0:
            try: os.fork()
            except OSError: pass
            time.sleep(3); os._exit(0)
except OSError as refused: print(refused)
""",
    "threads without end": """
import threading, time
try:
    for _ in range(200): threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()
except RuntimeError as refused: print(refused)
""",
    "descriptors without end": """
import os
try:
    hold = [os.open("/dev/null", 0) for _ in range(2000)]
except OSError as refused: print(refused)
""",
    "a file larger than its disk": """
try:
    with open("large", "wb") as file:
        for _ in range(20): file.write(bytes(1 << 20))
except OSError as refused: print(refused)
""",
    "many files that are larger together": """
try:
    for place in ("/tmp", "/dev/shm", "."):
        for number in range(20): open(f"{place}/{number}", "wb").write(bytes(1 << 20))
except OSError as refused: print(refused)
""",
    "files without content, without end": """
try:
    for number in range(20_000): open(f"/tmp/empty{number}", "w").close()
except OSError as refused: print(refused)
""",
    "memory that no process holds": """
import ctypes, os
if ctypes.CDLL(None).memfd_create(b"hold", 0) < 0: print("refused")
""",
    "an array that no machine holds": """
try: np.ones((10**6, 10**6))
except MemoryError as refused: print(refused)
""",
    "a higher limit": """
import resource
try: resource.setrlimit(resource.RLIMIT_NPROC, (4000, 4000))
except ValueError as refused: print(refused)
""",
    "a higher priority": """
import os
try: os.nice(-5)
except OSError as refused: print(refused)
""",
}


@pytest.fixture(scope="module")
def tight(sandboxed: None) -> Iterator[Sandbox]:
    """One second for a cell, and little of everything else."""
    small = Limits(1.5, 1.5, 20, 300 * _MIB, 24, 50_000, 8 * _MIB)
    with Sandbox(small, preload=("numpy",)) as warm:
        yield warm


@pytest.mark.parametrize("attack", DEADLY)
def test_it_ends_for_a_reason_in_plain_words(attack: str, tight: Sandbox) -> None:
    kind, source = DEADLY[attack]
    started = time.monotonic()
    with pytest.raises(ProcessEnded) as end:
        tight.start().run_cell(source)
    assert end.value.kind == kind or (kind, end.value.kind) == ("protocol", "exit")
    assert len(end.value.reason) > 20
    assert time.monotonic() - started < 8
    assert tight.start().run_cell("print('well')").ok


@pytest.mark.parametrize("attack", HARMLESS)
def test_it_is_refused_and_the_submission_goes_on(attack: str, tight: Sandbox) -> None:
    child = tight.start()
    printed = child.run_cell("import numpy as np\n" + HARMLESS[attack]).outputs
    assert printed, "the attack met no limit"
    assert printed[0]["text"].strip()
    assert child.run_cell("print('well')").ok


OPEN = [
    "a fork bomb",
    "threads without end",
    "a file larger than its disk",
    "memory that no process holds",
    "a higher limit",
]


@pytest.mark.parametrize("attack", OPEN)
def test_without_limits_it_goes_through(attack: str) -> None:
    wide = Limits(20, 20, 60, 1 << 34, 4000, 50_000, 1 << 30)
    with Sandbox(wide, unsandboxed=True, preload=()) as open_sandbox:
        done = open_sandbox.start().run_cell("import numpy as np\n" + HARMLESS[attack])
    assert done.ok
    assert done.outputs == []


def test_a_flood_of_output_is_cut_and_takes_no_memory_of_the_grader(tight: Sandbox) -> None:
    child = tight.start()
    before = psutil.Process().memory_info().rss
    outputs = child.run_cell("for _ in range(20_000): print('x' * 1000)").outputs
    assert sum(len(output["text"]) for output in outputs) < 51_000
    assert "cut" in outputs[-1]["text"]
    assert psutil.Process().memory_info().rss - before < 50 * _MIB


def test_a_return_value_of_hundreds_of_megabytes_is_the_students_error(tight: Sandbox) -> None:
    from autograder.protocol.errors import StudentError

    child = tight.start()
    child.run_cell("import numpy as np\ndef f(): return np.zeros(12_000_000)")
    with pytest.raises(StudentError, match="cap"):
        child.call("f")


def test_all_lives_of_a_submission_are_ended_with_it(tight: Sandbox) -> None:
    """Processes that the submission started are gone when `close` returns."""
    child = tight.start()
    child.run_cell(
        "import subprocess\n"
        "for _ in range(5): subprocess.Popen(['sleep', '98.76'], start_new_session=True)"
    )
    assert _sleepers() == 5
    child.close()
    assert _sleepers() == 0


def _sleepers() -> int:
    commands = (process.info["cmdline"] for process in psutil.process_iter(["cmdline"]))
    return sum(command == ["sleep", "98.76"] for command in commands)


def test_a_sandbox_that_is_killed_from_outside_takes_everything_with_it(sandboxed: None) -> None:
    others = set(psutil.Process().children())
    with Sandbox(Limits(), preload=()) as sandbox:
        child = sandbox.start()
        child.run_cell("import subprocess; subprocess.Popen(['sleep', '98.75'])")
        (bwrap,) = set(psutil.Process().children()) - others
        bwrap.kill()
        deadline = time.monotonic() + 5
        while _named("98.75") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _named("98.75")
        with pytest.raises(ProcessEnded, match="from outside"):
            child.run_cell("1")
        assert sandbox.start().run_cell("1 + 1").ok  # and a new one is started


def _named(argument: str) -> list[Any]:
    found = psutil.process_iter(["cmdline"])
    return [p for p in found if p.info["cmdline"] == ["sleep", argument]]
