"""The system calls that student code has no use for, as a seccomp filter."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

_REFUSED = {
    "namespaces and mounts": (
        "unshare setns mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig "
        "fsmount fspick mount_setattr open_tree_attr statmount listmount"
    ),
    "other processes": (
        "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp migrate_pages "
        "move_pages"
    ),
    "the kernel": (
        "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register "
        "init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff "
        "syslog acct quotactl quotactl_fd lookup_dcookie nfsservctl personality modify_ldt vhangup "
        "iopl ioperm fanotify_init open_by_handle_at name_to_handle_at seccomp "
        "landlock_create_ruleset settimeofday clock_settime clock_adjtime adjtimex "
        "sethostname setdomainname uselib"
    ),
    "keys": "keyctl add_key request_key",
    "memory that no process would be charged for": (
        "memfd_create memfd_secret shmget shmat shmctl shmdt semget semop semctl semtimedop "
        "msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive"
    ),
}
_NEW_NAMESPACES = (
    *(0x00020000, 0x02000000, 0x04000000, 0x08000000),  # mount, cgroup, uts, ipc
    *(0x10000000, 0x20000000, 0x40000000, 0x00000080),  # user, pid, net, time
)


def program() -> bytes | None:
    """The filter as BPF instructions, or None where libseccomp is not installed."""
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError):
        return None
    return _compile(pyseccomp)


def _compile(seccomp: Any) -> bytes:
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    for names in _REFUSED.values():
        for name in names.split():
            _add(seccomp, rules, refuse, name)
    # the C library then falls back on clone, whose flags a filter can see
    _add(seccomp, rules, seccomp.ERRNO(errno.ENOSYS), "clone3")
    for flag in _NEW_NAMESPACES:
        _add(seccomp, rules, refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    local_only = seccomp.Arg(0, seccomp.NE, int(socket.AF_UNIX))
    _add(seccomp, rules, seccomp.ERRNO(errno.EACCES), "socket", local_only)
    _add(seccomp, rules, seccomp.ERRNO(errno.EACCES), "socketpair", local_only)
    reader, writer = os.pipe()
    try:
        os.set_blocking(reader, False)
        with os.fdopen(os.dup(writer), "wb", buffering=0) as stream:
            rules.export_bpf(stream)
        return os.read(reader, 65536)
    finally:
        os.close(reader)
        os.close(writer)


def _add(seccomp: Any, rules: Any, action: int, name: str, *arguments: Any) -> None:
    number = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    if number >= 0:  # else this architecture, or this libseccomp, does not know it
        rules.add_rule(action, number, *arguments)
