"""Attacks on the next submission: leave something behind for it, or something that watches it.

Each leaves something in one process and looks for it in the next one of the same warm interpreter.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from autograder.sandbox.sandbox import Sandbox


class Attack(NamedTuple):
    leave: str
    find: str


OUTLIVES = {
    "a file in /tmp": Attack(
        "open('/tmp/{name}', 'w').write('answers')",
        "print('LOOT', open('/tmp/{name}').read())",
    ),
    "a file in shared memory": Attack(
        "open('/dev/shm/{name}', 'w').write('answers')",
        "print('LOOT', open('/dev/shm/{name}').read())",
    ),
    "a file in the home folder": Attack(
        "import os; open(os.path.expanduser('~/.{name}'), 'w').write('answers')",
        "import os; print('LOOT', open(os.path.expanduser('~/.{name}')).read())",
    ),
    "a block of POSIX shared memory": Attack(
        """
from multiprocessing import resource_tracker, shared_memory
resource_tracker.register = lambda *args: None
block = shared_memory.SharedMemory("{name}", create=True, size=16)
block.buf[:7] = b"answers"
""",
        """
from multiprocessing import resource_tracker, shared_memory
resource_tracker.register = lambda *args: None
block = shared_memory.SharedMemory("{name}")
print("LOOT", bytes(block.buf))
""",
    ),
    "a segment of System V shared memory": Attack(
        "import ctypes; ctypes.CDLL(None).shmget({key}, 4096, 0o1666)",
        "import ctypes\nif ctypes.CDLL(None).shmget({key}, 4096, 0) >= 0: print('LOOT')",
    ),
    "a System V semaphore": Attack(
        "import ctypes; ctypes.CDLL(None).semget({key}, 1, 0o1666)",
        "import ctypes\nif ctypes.CDLL(None).semget({key}, 1, 0) >= 0: print('LOOT')",
    ),
    "a process in a session of its own, forked twice, with a socket": Attack(
        """
import os, socket, time
def serve():
    server = socket.socket(socket.AF_UNIX)
    server.bind("\\0{name}")
    server.listen()
    server.settimeout(4)  # harmless where nobody ends it
    try: server.accept()[0].send(b"answers")
    except OSError: pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: serve()
    os._exit(0)
time.sleep(0.2)
""",
        """
import socket
spy = socket.socket(socket.AF_UNIX)
spy.connect("\\0{name}")
print("LOOT", spy.recv(9))
""",
    ),
    "a process that goes on writing": Attack(
        """
import subprocess, sys, time
code = "import time\\nfor i in range(40): open('/tmp/{name}', 'a').write('x'); time.sleep(0.1)"
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
time.sleep(0.2)
""",
        """
import os, time
def size(): return os.path.getsize("/tmp/{name}")
before = size(); time.sleep(0.3)
if size() > before: print("LOOT")
""",
    ),
}
# without a sandbox these do no harm either: each process is forked before anything has run
FORGOTTEN = {
    "a module changed for all": Attack("np.zeros = 'mine'", "if np.zeros == 'mine': print('LOOT')"),
    "a name in the interpreter": Attack(
        "import builtins; builtins.mine = 1", "mine; print('LOOT')"
    ),
    "an environment variable": Attack(
        "import os; os.environ['{name}'] = '1'", "import os; os.environ['{name}']; print('LOOT')"
    ),
    "a file in the working directory": Attack(
        "open('{name}', 'w').close()", "open('{name}'); print('LOOT')"
    ),
    "a known random seed": Attack(
        "np.random.seed(1)",
        "state = np.random.get_state()[1]\n"
        "if state[0] == np.random.RandomState(1).get_state()[1][0]: print('LOOT')",
    ),
}


@pytest.fixture
def names() -> Iterator[dict[str, Any]]:
    """Names that nothing else on this machine uses; what the open build leaves is removed."""
    name, key = f"left-{os.getpid()}-{time.monotonic_ns()}", os.getpid() * 1000
    yield {"name": name, "key": key}
    for place in ("/tmp", "/dev/shm"):
        Path(place, name).unlink(missing_ok=True)
    Path(f"~/.{name}").expanduser().unlink(missing_ok=True)
    _remove_system_v(key)


def _remove_system_v(key: int) -> None:
    import ctypes

    system = ctypes.CDLL(None)
    if (segment := system.shmget(key, 0, 0)) >= 0:
        system.shmctl(segment, 0, None)
    if (semaphore := system.semget(key, 0, 0)) >= 0:
        system.semctl(semaphore, 0, 0)


def found(sandbox: Sandbox, attack: Attack, names: dict[str, Any]) -> str:
    """What the second process found of the first."""
    for source in attack:
        child = sandbox.start()
        outputs = child.run_cell("import numpy as np\n" + source.format(**names)).outputs
        child.close()
    return "".join(output.get("text", "") for output in outputs)


@pytest.mark.parametrize("attack", OUTLIVES)
def test_it_is_found_without_a_sandbox(
    attack: str, open_sandbox: Sandbox, names: dict[str, Any]
) -> None:
    assert "LOOT" in found(open_sandbox, OUTLIVES[attack], names)


@pytest.mark.parametrize("attack", [*OUTLIVES, *FORGOTTEN])
def test_nothing_of_one_submission_is_found_by_the_next(
    attack: str, sandbox: Sandbox, names: dict[str, Any]
) -> None:
    assert "LOOT" not in found(sandbox, {**OUTLIVES, **FORGOTTEN}[attack], names)


ON_OTHERS = {
    "every process that it may signal": "import os; os.kill(-1, 9)",
    "its parent": "import os; os.kill(os.getppid(), 9)",
    "its process group": "import os; os.killpg(0, 9)",
    "processes by number": """
import os
for pid in range(2, 3000):
    try: os.kill(pid, 9)
    except OSError: pass
""",
}


@pytest.mark.parametrize("attack", ON_OTHERS)
def test_signals_reach_nothing_but_the_submission_itself(attack: str, sandbox: Sandbox) -> None:
    child = sandbox.start()
    graders = {process.pid for process in psutil.Process().children()}
    try:
        child.run_cell(ON_OTHERS[attack])
    finally:
        child.close()
    assert sandbox.start().run_cell("print('alive')").ok
    assert graders == {process.pid for process in psutil.Process().children()}
