"""Inside the sandbox: how the student's process confines itself before any student code runs.

Order matters: namespaces and mounts need the capability that the next step gives up, and the
system-call filter comes last because it refuses what the earlier steps used.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.protocol.limits import Limits

HOME = "/home/student"
"""The working directory of the student's process: writable, gone when it ends."""
STUDENT_UID = 1000
"""The user of the student's process, inside the sandbox's user namespace."""

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_CLONE_NEWPID, _CLONE_NEWNET = 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_CAPABILITY_VERSION_3 = 0x20080522

_STAGE = "/submission"
_KEPT_FROM_PROC = ("cpuinfo", "meminfo", "stat")  # read by numerical libraries at import

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Confinement:
    """What the zygote prepares once and every student process uses."""

    limits: Limits
    filter: bytes | None
    """The seccomp program, None where libseccomp is missing."""
    own_pid_namespace: int
    last_capability: int
    proc: dict[str, bytes]

    def fork(self) -> int:
        """As `os.fork`; the child is process 1 of a fresh pid namespace."""
        _check(_libc.unshare(_CLONE_NEWPID), "unshare the pid namespace")
        if pid := os.fork():  # back to our own, or a second fresh namespace would be refused
            _check(_libc.setns(self.own_pid_namespace, _CLONE_NEWPID), "return to the namespace")
        return pid

    def enter(self) -> None:
        """Confine the calling process; OSError if any step fails."""
        Path("/proc/self/oom_score_adj").write_text("1000")
        mapped = mapped_bytes()  # read while /proc can still be seen
        _check(
            _libc.unshare(_CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWNET | _CLONE_NEWUTS),
            "unshare the namespaces",
        )
        self._mounts()
        self._drop_privileges()
        apply_rlimits(self.limits, mapped, alone=True)
        if self.filter:
            _load_filter(self.filter)

    def _mounts(self) -> None:
        _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
        quiet = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
        size, inodes = self.limits.disk_bytes, 1024 + self.limits.disk_bytes // 4096
        _mount("tmpfs", _STAGE, "tmpfs", quiet, f"size={size},nr_inodes={inodes},mode=755")
        for name, place in (("tmp", "/tmp"), ("shm", "/dev/shm"), ("home", HOME)):
            part = Path(_STAGE, name)  # three places, one budget
            part.mkdir()
            part.chmod(0o1777)
            _mount(str(part), place, None, _MS_BIND)
        _check(_libc.umount2(_STAGE.encode(), _MNT_DETACH), "detach the staging mount")
        _mount("tmpfs", "/proc", "tmpfs", quiet, "size=1m,mode=755")
        for name, content in self.proc.items():
            Path("/proc", name).write_bytes(content)
        _mount(None, "/proc", None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | quiet)
        os.chdir(HOME)

    def _drop_privileges(self) -> None:
        for capability in range(self.last_capability + 1):
            _prctl(_PR_CAPBSET_DROP, capability)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(STUDENT_UID, STUDENT_UID, STUDENT_UID)
            os.setresuid(STUDENT_UID, STUDENT_UID, STUDENT_UID)
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        nothing = (ctypes.c_uint32 * 6)()
        _check(_libc.capset(header, nothing), "drop the capabilities")
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def prepare(limits: Limits, seccomp: bytes | None) -> Confinement:
    """What confinement needs from /proc, read once in the zygote before it is hidden."""
    # bubblewrap's own --disable-userns would keep us from returning to our pid namespace
    try:
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
    except OSError as error:
        raise OSError(error.errno, f"cannot forbid new user namespaces: {error.strerror}") from None
    return Confinement(
        limits=limits,
        filter=seccomp,
        own_pid_namespace=os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC),
        last_capability=int(Path("/proc/sys/kernel/cap_last_cap").read_text()),
        proc={name: Path("/proc", name).read_bytes() for name in _KEPT_FROM_PROC},
    )


def check_readable() -> None:
    """Student code must be able to import: PermissionError names the first unreadable file."""
    for module in ("os", "numpy", "autograder.protocol.wire"):
        origin = sys.modules[module].__file__ or ""
        try:
            Path(origin).open("rb").close()
        except OSError as error:
            raise PermissionError(
                f"{origin} cannot be read by another user than its owner ({error.strerror}): use "
                "a Python environment outside private folders, or grade as an ordinary user"
            ) from None


def mapped_bytes() -> int:
    """The address space that the calling process has mapped."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def apply_rlimits(limits: Limits, mapped: int, *, alone: bool) -> None:
    """Per-process limits: the second limit behind the watch over the memory of all processes.

    `alone`: in a user namespace of its own, where a limit on processes counts no others.
    """
    for kind, value in (
        (resource.RLIMIT_AS, mapped + 2 * limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.disk_bytes),
        (resource.RLIMIT_NOFILE, 128),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    if alone:
        resource.setrlimit(resource.RLIMIT_NPROC, (limits.processes, limits.processes))


def _load_filter(program: bytes) -> None:
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    instructions = ctypes.create_string_buffer(program, len(program))
    argument = Program(len(program) // 8, ctypes.addressof(instructions))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(argument))


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _check(_libc.prctl(option, *padded), f"set process control {option}")


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    data = options.encode() if options else None
    _check(_libc.mount(*encoded, ctypes.c_ulong(flags), data), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot {what}: {os.strerror(number)}")
