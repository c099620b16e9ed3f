"""The command line that starts the zygote: inside bubblewrap, or bare where that was asked for."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.errors import AutograderError
from autograder.protocol.limits import Limits
from autograder.sandbox.inside.confine import HOME, STUDENT_UID

_LIBRARY = "/opt/course"
"""Where the sandbox sees the few modules of ours that it runs."""
_MOVED_PYTHON = "/opt/python"
"""Where it sees a Python environment whose own place every submission sees empty."""
_MATPLOTLIB = "/tmp/matplotlib"
_HIDDEN = ("/tmp", "/dev", "/proc", HOME)
_PACKAGE = Path(__file__).resolve().parents[1]
_SHOWN = ("__init__.py", "protocol", "sandbox/__init__.py", "sandbox/inside")
"""What of the package runs inside: nothing else of it can be seen there."""
_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
_SETTINGS = ("/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/localtime")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "IPYTHONDIR": "/tmp/ipython",
    "MPLCONFIGDIR": _MATPLOTLIB,
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # one submission, one core: as many graders run side by side as there are cores
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}
_OUTSIDE_NOBODY = 65534


class SandboxUnavailable(AutograderError):
    """There is no sandbox on this machine; the message says why and how to get one."""


def zygote_arguments(
    control: int, limits: Limits, preload: Sequence[str], isolated: bool, seccomp: bytes | None
) -> list[str]:
    """The Python command that becomes the zygote, to be run as it is or inside `sandboxed`."""
    library, python = str(_PACKAGE.parent), sys.executable
    if isolated:
        library, python = _LIBRARY, str(_python_inside())
    boot = (
        f"import sys; sys.path.insert(0, {library!r}); "
        "from autograder.sandbox.inside.zygote import main; main(sys.argv[1:])"
    )
    options = {
        "limits": dataclasses.asdict(limits),
        "preload": list(preload),
        "isolated": isolated,
        "seccomp": base64.b64encode(seccomp or b"").decode(),
    }
    return [python, "-I", "-c", boot, str(control), json.dumps(options)]


def sandboxed(
    command: Sequence[str], user_map: UserMap | None, fonts: Mapping[str, int] | None = None
) -> list[str]:
    """`command` inside bubblewrap: no network, a read-only system, no view of the course.

    Raises SandboxUnavailable where bubblewrap is missing or would not see this Python.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxUnavailable(
            "bubblewrap (`bwrap`) is not installed. Install it (Debian, Ubuntu: "
            "`apt install bubblewrap`; Fedora: `dnf install bubblewrap`)."
        )
    arguments = [
        bwrap,
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv"),
        *("--hostname", "sandbox", "--cap-drop", "ALL"),
    ]
    capabilities = ["CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_SYS_PTRACE", "CAP_SYS_RESOURCE"]
    if user_map is None:
        arguments += ["--uid", str(STUDENT_UID), "--gid", str(STUDENT_UID)]
    else:
        capabilities += ["CAP_SETUID", "CAP_SETGID", "CAP_KILL"]
        arguments += user_map.arguments
    for capability in capabilities:
        arguments += ["--cap-add", capability]
    for name, value in _ENVIRONMENT.items():
        arguments += ["--setenv", name, value]
    prefixes = _python_prefixes()
    for folder in (*map(Path, _SYSTEM), *prefixes):
        if Path.cwd().is_relative_to(folder):
            raise SandboxUnavailable(
                f"the course {Path.cwd()} lies inside {folder}, which every submission must be "
                "able to read: move the course, or make the Python environment in a folder of its "
                "own"
            )
    ours = ("/submission", "/dev/shm", "/etc", HOME, f"{_LIBRARY}/autograder")
    for place in (*map(Path, ours), *prefixes.values()):
        # bubblewrap would make the folders above a bind for the zygote's eyes only
        for folder in (*reversed(place.parents[:-1]), place):
            arguments += ["--dir", str(folder)]
    for path in (*_SYSTEM, *_SETTINGS):
        arguments += ["--ro-bind-try", path, path]
    for outside, inside in prefixes.items():
        arguments += ["--ro-bind", str(outside), str(inside)]
    for part in _SHOWN:
        arguments += ["--ro-bind", str(_PACKAGE / part), f"{_LIBRARY}/autograder/{part}"]
    # What the lab's notebook imports: the package that came with the grader, whatever a course's
    # folder (which nbgrader puts on the path) holds under that name.
    lab = _PACKAGE.parent / "gtnlab"
    if lab.is_dir():
        arguments += ["--ro-bind", str(lab), f"{_LIBRARY}/gtnlab"]
    for device in _DEVICES:
        arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    arguments += ["--proc", "/proc", "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, descriptor in (fonts or {}).items():
        arguments += ["--file", str(descriptor), f"{_MATPLOTLIB}/{name}"]
    return [*arguments, "--", *command]


def explain(stderr: str) -> SandboxUnavailable:
    """What bubblewrap's or Python's last words (not none) mean for the person who grades."""
    words = stderr.splitlines()[-1]
    hint = "See SECURITY.md for what the sandbox needs."
    if re.search("namespace|uid map|Operation not permitted", words):
        hint = (
            "User namespaces are switched off here. As root: "
            "`sysctl -w user.max_user_namespaces=10000` and, where they exist, "
            "`kernel.unprivileged_userns_clone=1` and "
            "`kernel.apparmor_restrict_unprivileged_userns=0`; in a container, start it with "
            "`--security-opt seccomp=unconfined --security-opt systempaths=unconfined`."
        )
    elif re.search("source path|execvp|No such file|Permission denied", words):
        hint = (
            f"The sandbox must be able to read this Python ({sys.executable}): use one outside "
            "private (0700) folders, such as the system's or an environment made with it."
        )
    return SandboxUnavailable(f"the sandbox did not start ({words}). {hint}")


def _python_prefixes() -> dict[Path, Path]:
    """Where this Python and its environment live, if not in /usr, to where the sandbox has them."""
    base, environment = (Path(prefix).resolve() for prefix in (sys.base_prefix, sys.prefix))
    found = {
        prefix: prefix
        for prefix in sorted({base, environment})
        if not prefix.is_relative_to("/usr")
    }
    if _is_hidden(base):
        raise SandboxUnavailable(
            f"this Python lives in {base}, in a folder that every submission sees empty: make the "
            "environment with a Python that is installed elsewhere"
        )
    if _is_hidden(environment):
        found[environment] = Path(_MOVED_PYTHON)
    return found


def _is_hidden(prefix: Path) -> bool:
    return any(prefix.is_relative_to(hidden) for hidden in _HIDDEN)


def _python_inside() -> Path:
    environment = Path(sys.prefix)
    if not _is_hidden(environment.resolve()):
        return Path(sys.executable)
    # an environment may be moved: its interpreter finds it from where it was started
    return Path(_MOVED_PYTHON) / Path(sys.executable).relative_to(environment)


class UserMap:
    """For a grader that is root: the student's code becomes nobody, not root, outside too.

    Root in a user namespace of its own still owns root's files and may write some of the
    kernel's settings; and the kernel never limits root's number of processes.
    """

    def __init__(self) -> None:
        self._ready, self._block = os.pipe()
        self._info, self._tell = os.pipe()
        self.descriptors = (self._ready, self._tell)
        self.arguments = ["--userns-block-fd", str(self._ready), "--info-fd", str(self._tell)]

    def write(self) -> None:
        """Once bubblewrap runs: map its root to ours, the student to nobody, and let it go on."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        try:
            with os.fdopen(self._info) as stream:
                text = stream.read()
            if not text:
                return  # bubblewrap has failed: its own words are better than ours
            pid = json.loads(text)["child-pid"]
            lines = f"0 0 1\n{STUDENT_UID} {_OUTSIDE_NOBODY} 1\n"
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{pid}/{name}").write_text(lines)
            os.write(self._block, b"1")
        except OSError as error:
            raise SandboxUnavailable(
                f"the sandbox's users could not be set up: {error}. In a container, grade as an "
                "ordinary user instead of root."
            ) from None
        finally:
            os.close(self._block)
