"""What a process takes from itself, for good, before it runs foreign code.

In this order: identity or capabilities, death with the host, no new privileges, not dumpable,
resource limits, Landlock (files), seccomp (system calls). Landlock and seccomp cover the calling
thread, so the process must have exactly one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import stat
import struct
from collections.abc import Sequence
from typing import Any

from sandbox import seccomp

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_VERSION = 1
_RIGHT_NAMES = ("execute", "write_file", "read_file", "read_dir", "remove_dir", "remove_file",
                "make_char", "make_dir", "make_reg", "make_sock", "make_fifo", "make_block",
                "make_sym", "refer", "truncate", "ioctl_dev")  # fmt: skip
_RIGHTS = {name: 1 << bit for bit, name in enumerate(_RIGHT_NAMES)}
_RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15}  # number of rights known; 16 from version 5
_FILE_RIGHTS = ("execute", "write_file", "read_file", "truncate", "ioctl_dev")
_READ = ("read_file", "read_dir")
_WRITE = (*_READ, "write_file", "remove_dir", "remove_file", "make_dir", "make_reg", "refer",
          "truncate")  # fmt: skip
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
_CAPSET = {"x86_64": 126, "aarch64": 91}
_ADDRESS_HEADROOM = 1 << 30  # libraries, stacks and arenas reserve far more than they touch


def become(uid: int) -> None:
    """Change to a user and group of the jail's own; capabilities go with the change."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def drop_capabilities() -> None:
    """Give up every capability, the bounding and ambient sets included."""
    for capability in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError:  # past the last one, or no right to lower the bound
            break
    with contextlib.suppress(OSError):
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    version_3 = 0x20080522
    header = struct.pack("<Ii", version_3, 0)
    _syscall(_CAPSET[os.uname().machine], ctypes.c_char_p(header), ctypes.c_char_p(bytes(24)))


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends; after any change of user."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def renounce(inspectable: bool) -> None:
    """No privileges through exec; no inspection by other processes of the same user.

    Args:
        inspectable: leave the second out, where the host has to count the process's open files
            and shares its user. No jailed process can inspect another: Landlock sees to it.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if not inspectable:
        _prctl(_PR_SET_DUMPABLE, 0)


def limit(memory: int, file_bytes: int, processes: int | None) -> None:
    """Set resource limits, hard and soft.

    Args:
        memory: private memory in bytes.
        file_bytes: size of any one file.
        processes: processes and threads of this user, or None to leave them uncounted.
    """
    ceilings = {
        resource.RLIMIT_CORE: 1,  # 0 would still wake a core dump handler behind a pipe
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_AS: memory + _ADDRESS_HEADROOM,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: 128,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if processes is not None:
        ceilings[resource.RLIMIT_NPROC] = processes
    for kind, ceiling in ceilings.items():
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            ceiling = min(ceiling, hard)
        resource.setrlimit(kind, (ceiling, ceiling))


def landlock_version() -> int:
    """Version of Landlock in this kernel; 0 where there is none."""
    try:
        return _syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0


def landlock(readable: Sequence[str], writable: Sequence[str]) -> None:
    """Confine the process to some files and folders; paths that do not exist are skipped.

    Raises:
        OSError: the kernel has no Landlock.
    """
    version = landlock_version()
    known = (1 << _RIGHTS_BY_VERSION.get(version, 16)) - 1
    tcp, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    attributes = struct.pack("<QQQ", known, tcp, scopes)
    attributes = attributes[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _syscall(
        _LANDLOCK_CREATE,
        ctypes.c_char_p(attributes),
        ctypes.c_size_t(len(attributes)),
        ctypes.c_uint32(0),
    )
    try:
        for paths, rights in ((readable, _READ), (writable, _WRITE)):
            for path in paths:
                _allow(rules, path, rights, known)
        _syscall(_LANDLOCK_RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: Sequence[str], known: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights = [right for right in rights if right in _FILE_RIGHTS]
        access = sum(_RIGHTS[right] for right in rights) & known
        beneath = ctypes.c_char_p(struct.pack("<Qi", access, descriptor))
        path_beneath = ctypes.c_int(1)
        _syscall(_LANDLOCK_ADD, ctypes.c_int(rules), path_beneath, beneath, ctypes.c_uint32(0))
    finally:
        os.close(descriptor)


def threads() -> int:
    """Number of threads of this process."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - pathlib is slow to import


def lock(orders: dict[str, Any]) -> None:
    """Carry out the orders of the host's level; see ``sandbox.levels``.

    Raises:
        OSError: the kernel refused a step.
        RuntimeError: the process has more than one thread.
    """
    if (count := threads()) != 1:
        raise RuntimeError(f"the process has {count} threads; a preloaded module started some")
    if orders["uid"] is not None:
        become(orders["uid"])
    os.chdir(orders["scratch"])
    if orders["confine"]:
        drop_capabilities()
    die_with_parent()
    if orders["confine"]:
        renounce(inspectable=orders["landlock"])
    limit(orders["memory"], orders["file_bytes"], orders["processes"])
    if orders["confine"] and (orders["landlock"] or landlock_version()):
        landlock(orders["readable"], [*orders["writable"], orders["scratch"]])
    if orders["confine"]:
        seccomp.install()


def _syscall(number: int, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        name = "Landlock" if _LANDLOCK_CREATE <= number <= _LANDLOCK_RESTRICT else f"call {number}"
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def _prctl(option: int, argument: int, *rest: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    values = [argument, *rest, 0, 0, 0, 0][:4]
    if libc.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, values)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")
