"""Attacks that reach out of the submission: read or write the course, the machine, the network.

An attack prints LOOT and what it got. Each is tried in the open build, where it must succeed, and
in the sandbox, where it must get nothing.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from autograder.protocol import wire
from autograder.sandbox.sandbox import Sandbox

SECRET = "the-hidden-tests-are-here"
READING = {
    "the instructor's notebook": "print('LOOT', open('{course}/source/homework.ipynb').read())",
    "the gradebook": """
import sqlite3
print("LOOT", sqlite3.connect("{course}/gradebook.db").execute("select * from grade").fetchall())
""",
    "another student's submission": "print('LOOT', open('{course}/submitted/bob/a.py').read())",
    "the folder of submissions": "import os; print('LOOT', os.listdir('{course}/submitted')[0])",
    "a link of its own to the course": """
import os
os.symlink("{course}/source", "source")
print("LOOT", open("source/homework.ipynb").read())
""",
    "a program that reads for it": """
import subprocess
got = subprocess.run(["cat", "{course}/source/homework.ipynb"], capture_output=True, text=True)
if got.returncode == 0: print("LOOT", got.stdout)
""",
    "a shell escape": """
got = !cat {course}/source/homework.ipynb
if "hidden" in got[0]: print("LOOT", got)
""",
    "the grader's environment": "import os; print('LOOT', os.environ['COURSE_TOKEN'])",
    "the environment of the process above": """
import os
print("LOOT", open(f"/proc/{{os.getppid()}}/environ").read(10))
""",
    "the command lines of other processes": """
import glob
print("LOOT", open(glob.glob("/proc/[0-9]*/cmdline")[0]).read()[:10])
""",
    "the memory of the process above": """
import os
start = open(f"/proc/{{os.getppid()}}/maps").readline().split("-")[0]
memory = open(f"/proc/{{os.getppid()}}/mem", "rb")
memory.seek(int(start, 16))
print("LOOT", memory.read(4))
""",
    "the list of mounts": "print('LOOT', open('/proc/self/mountinfo').readline())",
    "the users of the machine": "print('LOOT', open('/etc/passwd').readline())",
    "the package that makes releases": "import authoring; print('LOOT', authoring.__file__)",
    "the host's name": """
import os
if os.uname().nodename == "{host}": print("LOOT")
""",
}
WRITING = {
    "better grades": """
import sqlite3
book = sqlite3.connect("{course}/gradebook.db")
book.execute("update grade set score = 100 where student = 'mallory'")
book.commit()
print("LOOT")
""",
    "other tests": "open('{course}/source/homework.ipynb', 'w').write('[]'); print('LOOT')",
    "a neighbour's work": "open('{course}/submitted/bob/a.py', 'a').write('#'); print('LOOT')",
    "a file beside the submissions": "open('{course}/left', 'w').close(); print('LOOT')",
    "through a link": """
import os
os.symlink("{course}", "here")
open("here/linked", "w").close()
print("LOOT")
""",
    "a module that Python imports at start": """
import os, numpy
if os.access(os.path.dirname(os.path.dirname(numpy.__file__)), os.W_OK): print("LOOT")
""",
    "the grader's own code": """
import os, autograder.protocol.wire
if os.access(autograder.protocol.wire.__file__, os.W_OK): print("LOOT")
""",
    "a file's permissions": """
import os
os.chmod("{course}/submitted/bob/a.py", 0o777)
print("LOOT")
""",
}
NETWORK = {
    "a connection to this machine": """
import socket
socket.create_connection(("127.0.0.1", {port}), timeout=2).close()
print("LOOT")
""",
    "a datagram": """
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"answers", ("127.0.0.1", {port}))
print("LOOT")
""",
    "a server of its own": """
import socket
server = socket.create_server(("127.0.0.1", 0))
print("LOOT", server.getsockname())
""",
    "a socket in the course's folder": """
import socket
socket.socket(socket.AF_UNIX).connect("{course}/s")
print("LOOT")
""",
    "a socket without a file": """
import socket
socket.socket(socket.AF_UNIX).connect("\\0{abstract}")
print("LOOT")
""",
    "the kernel's own protocols": """
import socket
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
print("LOOT")
""",
}
ATTACKS = {**READING, **WRITING, **NETWORK}
# what the machine itself keeps from the grader's user is no attack that the open build could show
OPEN_IF = {
    "the memory of the process above": os.geteuid() == 0,  # many kernels: not even the same user
    "a module that Python imports at start": os.access(Path(np.__file__).parents[1], os.W_OK),
    "the grader's own code": os.access(wire.__file__, os.W_OK),
}


@pytest.fixture
def course() -> Iterator[Path]:
    """Not in /tmp: every submission sees that empty, whatever else it might see."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def world(course: Path) -> Iterator[dict[str, Any]]:
    """A course with a gradebook and a neighbour, and servers on this machine."""
    for folder in ("source", "submitted/bob"):
        (course / folder).mkdir(parents=True)
    (course / "source/homework.ipynb").write_text(SECRET)
    (course / "submitted/bob/a.py").write_text("answer = 42")
    with sqlite3.connect(course / "gradebook.db") as book:
        book.execute("create table grade (student, score)")
        book.execute("insert into grade values ('mallory', 0)")
    abstract = f"course-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as on_disk,
        socket.socket(socket.AF_UNIX) as in_air,
    ):
        on_disk.bind(str(course / "s"))
        in_air.bind(f"\0{abstract}")
        on_disk.listen()
        in_air.listen()
        yield {
            "course": course,
            "port": server.getsockname()[1],
            "abstract": abstract,
            "host": os.uname().nodename,
        }


def loot(sandbox: Sandbox, source: str, world: dict[str, Any]) -> str:
    """What the attack printed, run as the one cell of a submission."""
    child = sandbox.start({"homework.ipynb": b"{}"})
    outputs = child.run_cell(source.format(**world)).outputs
    child.close()
    return "".join(output.get("text", "") for output in outputs)


@pytest.mark.parametrize("attack", [name for name in ATTACKS if OPEN_IF.get(name, True)])
def test_it_succeeds_without_a_sandbox(
    attack: str, open_sandbox: Sandbox, world: dict[str, Any]
) -> None:
    assert "LOOT" in loot(open_sandbox, ATTACKS[attack], world)


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_gets_nothing_in_the_sandbox(
    attack: str, sandbox: Sandbox, world: dict[str, Any], course: Path
) -> None:
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    printed = loot(sandbox, ATTACKS[attack], world)
    assert "LOOT" not in printed
    assert SECRET not in printed
    assert before == {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
