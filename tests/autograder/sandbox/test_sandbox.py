"""The sandbox's own promises: who runs in it, who may start it, what it says where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from autograder.protocol import wire
from autograder.protocol.limits import Limits
from autograder.sandbox import bubblewrap, syscalls
from autograder.sandbox.bubblewrap import SandboxUnavailable
from autograder.sandbox.sandbox import Sandbox

_COURSE = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(), preload=()) as warm:
        yield warm


def printed(sandbox: Sandbox, source: str) -> str:
    result = sandbox.start().run_cell(source)
    assert result.ok, result.outputs
    return "".join(output.get("text", "") for output in result.outputs)


def test_student_code_is_nobody_first_process_and_without_any_right(sandbox: Sandbox) -> None:
    source = """
    import ctypes, os
    system = ctypes.CDLL(None)
    def is_open(descriptor):
        try: return bool(os.fstat(descriptor))
        except OSError: return False
    print(os.getpid(), os.getuid(), os.getgid(), os.getgroups())
    print(system.prctl(39, 0, 0, 0, 0))  # no new privileges
    print([c for c in range(41) if system.prctl(23, c, 0, 0, 0) == 1])
    print([d for d in range(1024) if is_open(d)])
    """
    shown = printed(sandbox, textwrap.dedent(source))
    assert shown == "1 1000 1000 []\n1\n[]\n[0, 1, 2, 3]\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_outside_the_sandbox_a_student_of_a_root_grader_is_not_root(sandbox: Sandbox) -> None:
    sandbox.start().run_cell("import subprocess; subprocess.Popen(['sleep', '97.53'])")
    sleepers: list[psutil.Process] = []
    deadline = time.monotonic() + 10  # for a moment while it starts it has no command line
    while not sleepers and time.monotonic() < deadline:
        every = psutil.process_iter(["cmdline"])
        sleepers = [p for p in every if p.info["cmdline"] == ["sleep", "97.53"]]
    (sleeper,) = sleepers
    assert set(sleeper.uids()) == {65534}


def test_only_three_places_are_writable(sandbox: Sandbox) -> None:
    source = """
    import os
    for path, folders, _ in os.walk("/"):
        folders[:] = [f for f in folders if f not in ("usr", "site-packages")]
        if os.access(path, os.W_OK): print(path)
    """
    places = printed(sandbox, textwrap.dedent(source)).split()
    assert sorted(places) == ["/dev/shm", "/home/student", "/tmp"]


_NAMESPACES = """
import ctypes, os
system = ctypes.CDLL(None, use_errno=True)
for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x10020000):
    print(system.unshare(flag), end=" ")
"""


def test_no_new_namespace_can_be_made(sandbox: Sandbox) -> None:
    assert printed(sandbox, _NAMESPACES) == "-1 " * 5


def test_not_even_where_libseccomp_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "program", lambda: None)
    with Sandbox(Limits(), preload=()) as sandbox:
        assert "no call filter" in sandbox.describe()
        assert printed(sandbox, _NAMESPACES) == "-1 " * 5
        segment = "import ctypes\nprint(ctypes.CDLL(None).shmget(4711, 4096, {flags}) >= 0)"
        assert printed(sandbox, segment.format(flags=0o1600)) == "True\n"  # nothing refuses it now,
        assert (
            printed(sandbox, segment.format(flags=0)) == "False\n"
        )  # but it is gone with its process


def test_the_filter_refuses_what_a_submission_has_no_use_for(sandbox: Sandbox) -> None:
    source = """
    import ctypes, errno, socket
    system = ctypes.CDLL(None, use_errno=True)
    calls = {"clone3": 435, "ptrace": 101, "keyctl": 250, "bpf": 321, "perf_event_open": 298,
             "userfaultfd": 323, "io_uring_setup": 425, "mount": 165, "setns": 308,
             "memfd_create": 319, "shmget": 29, "process_vm_readv": 310}
    for name, number in calls.items():
        ctypes.set_errno(0)
        system.syscall(number, 0, 0, 0, 0, 0, 0)
        print(name, errno.errorcode[ctypes.get_errno()])
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, 40):
        try: socket.socket(family, socket.SOCK_DGRAM); print(family, "open")
        except PermissionError: pass
    socket.socketpair()
    """
    lines = printed(sandbox, textwrap.dedent(source)).splitlines()
    assert lines[0] == "clone3 ENOSYS"  # the C library then falls back; EPERM would end threads
    assert {line.split()[1] for line in lines[1:]} == {"EPERM"}
    assert len(lines) == 12


def test_the_lab_package_is_the_graders_own_whatever_the_path_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gtnlab").mkdir()
    (tmp_path / "gtnlab" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    words = bubblewrap.sandboxed(["true"], None)
    shown = words[words.index("/opt/course/gtnlab") - 1]
    assert shown == str(_COURSE / "gtnlab")


def test_without_bubblewrap_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SandboxUnavailable, match="apt install bubblewrap"), Sandbox():
        pass


def test_without_user_namespaces_it_says_which_switch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SandboxUnavailable, match="max_user_namespaces"), Sandbox():
        pass


def test_an_interpreter_that_a_submission_could_not_see_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/tmp/python")
    with pytest.raises(SandboxUnavailable, match="a folder that every submission sees empty"):
        bubblewrap.sandboxed(["true"], None)


def test_an_environment_under_tmp_is_shown_elsewhere_as_tmp_is_empty_for_submissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    real = Path(sys.executable).resolve()
    (environment / "bin/python").symlink_to(real)
    (environment / "pyvenv.cfg").write_text(f"home = {real.parent}\n")
    monkeypatch.setattr(sys, "prefix", str(environment))
    monkeypatch.setattr(sys, "executable", str(environment / "bin/python"))
    command = bubblewrap.zygote_arguments(0, Limits(), (), isolated=True, seccomp=None)
    assert command[0] == "/opt/python/bin/python"
    words = bubblewrap.sandboxed([command[0], "-c", "import sys; print(sys.prefix)"], None)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "/opt/python", done.stderr


def test_a_course_inside_what_every_submission_sees_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(Path(sys.prefix) / "lib")
    with pytest.raises(SandboxUnavailable, match="move the course"), Sandbox():
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root grades for another user")
def test_a_private_interpreter_is_refused_with_the_file_and_the_fix(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    private = tmp_path_factory.mktemp("private") / "protocol"
    shutil.copytree(Path(wire.__file__).parent, private)
    (private / "wire.py").chmod(0o600)
    build = bubblewrap.sandboxed

    def with_private_file(*asked: Any) -> list[str]:
        ours = str(Path(wire.__file__).parent)
        return [str(private) if argument == ours else argument for argument in build(*asked)]

    monkeypatch.setattr("autograder.sandbox.sandbox.sandboxed", with_private_file)
    refused = pytest.raises(SandboxUnavailable, match=r"wire\.py cannot be read by another user")
    with Sandbox(Limits(), preload=()) as sandbox, refused:
        sandbox.start()


def test_unsandboxed_is_asked_for_by_name_and_says_so() -> None:
    with Sandbox(Limits(), unsandboxed=True, preload=()) as sandbox:
        assert "not sandboxed" in sandbox.describe()
        child = sandbox.start({"a.txt": b"1"})
        folder = child.run_cell("import os; print(os.getcwd())").outputs[0]["text"].strip()
        assert Path(folder, "a.txt").read_bytes() == b"1"
        child.close()
        assert not Path(folder).exists()


_CAPABILITIES = """
import ctypes
header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[7] * 6)
ctypes.CDLL(None).capget(header, sets)
print(list(sets))
"""


def test_a_life_has_no_capability(sandbox: Sandbox) -> None:
    assert printed(sandbox, _CAPABILITIES) == "[0, 0, 0, 0, 0, 0]\n"


_BOMB = """
import os, time
for _ in range(40):
    if os.fork() == 0: time.sleep(3); os._exit(0)
"""
_AS_USER = """
set -e
mount --bind "$1" "$2"
# the home of root is private; what this Python needs of it is laid over it, readable
mount -t tmpfs -o mode=755 tmpfs /root
mkdir -p "$1"
mount --bind "$2" "$1"
shift 2
exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs all the other tests anyway")
def test_an_ordinary_user_has_the_same_sandbox(tmp_path: Path) -> None:
    program = """
    import os
    from autograder.protocol.errors import ProcessEnded
    from autograder.protocol.limits import Limits
    from autograder.sandbox.sandbox import Sandbox
    assert os.getuid() == 65534
    def first(source): return sandbox.start().run_cell(source).outputs[0]
    with Sandbox(Limits(memory_bytes=300 << 20, processes=16), preload=()) as sandbox:
        print(first("import os; print(os.getuid(), os.getpid(), os.listdir('.'))")["text"], end="")
        print(first(CAPABILITIES)["text"], end="")
        child = sandbox.start()
        child.run_cell("def f(x): return 2 * x")
        print(child.call("f", [21]).value)
        print(first(BOMB)["ename"])
        try: first("hold = [bytearray(8 << 20) for _ in range(60)]")
        except ProcessEnded as end: print(end.kind)
    """
    tmp_path.chmod(0o755)
    shell = ["unshare", "--mount", "sh", "-c", _AS_USER, "sh", sys.base_prefix, str(tmp_path)]
    done = subprocess.run(
        [
            *shell,
            sys.executable,
            "-c",
            f"BOMB, CAPABILITIES = {_BOMB!r}, {_CAPABILITIES!r}\n{textwrap.dedent(program)}",
        ],
        cwd=_COURSE,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [
        "1000 1 []",
        "[0, 0, 0, 0, 0, 0]",
        "42",
        "BlockingIOError",
        "memory",
    ], done.stderr
