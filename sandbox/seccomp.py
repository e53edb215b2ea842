"""The system calls a jailed process may make, as a seccomp filter assembled by hand.

An allowlist: the rest fails with EPERM, calls newer than the list with ENOSYS (so that C libraries
fall back), and another architecture's calls (int 0x80, x32) kill the process. There is no fork,
exec, socket, signal to others, change of any file's mode, owner or times, memfd, ptrace, io_uring,
userfaultfd, keyring, namespace, mount or bpf in it, and no fallocate, which could fill a disk
faster than anyone can look.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

# name: (x86_64, aarch64); -1 where the architecture has no such call. Frequent ones lead.
_CALLS: dict[str, tuple[int, int]] = {
    "read": (0, 63), "write": (1, 64), "recvmsg": (47, 212), "sendto": (44, 206),
    "recvfrom": (45, 207), "futex": (202, 98), "mmap": (9, 222), "munmap": (11, 215),
    "madvise": (28, 233), "brk": (12, 214), "dup2": (33, -1), "dup3": (292, 24),
    "close": (3, 57), "openat": (257, 56), "open": (2, -1), "fstat": (5, 80),
    "newfstatat": (262, 79), "stat": (4, -1), "lstat": (6, -1), "lseek": (8, 62),
    "clock_gettime": (228, 113), "clock_nanosleep": (230, 115), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "poll": (7, -1),
    "mprotect": (10, 226), "mremap": (25, 216), "msync": (26, 227), "mincore": (27, 232),
    "pread64": (17, 67), "pwrite64": (18, 68), "readv": (19, 65), "writev": (20, 66),
    "preadv": (295, 69), "pwritev": (296, 70), "preadv2": (327, 286), "pwritev2": (328, 287),
    "access": (21, -1), "faccessat": (269, 48), "faccessat2": (439, 439),
    "pipe": (22, -1), "pipe2": (293, 59), "select": (23, -1), "pselect6": (270, 72),
    "ppoll": (271, 73), "sched_yield": (24, 124), "dup": (32, 23), "pause": (34, -1),
    "nanosleep": (35, 101), "getitimer": (36, 102), "alarm": (37, -1), "setitimer": (38, 103),
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getpgrp": (111, -1),
    "getpgid": (121, 155), "getsid": (124, 156), "getuid": (102, 174), "getgid": (104, 176),
    "geteuid": (107, 175), "getegid": (108, 177), "getgroups": (115, 158),
    "getresuid": (118, 148), "getresgid": (120, 150), "sendfile": (40, 71),
    "shutdown": (48, 210), "exit": (60, 93), "exit_group": (231, 94), "uname": (63, 160),
    "flock": (73, 32), "fsync": (74, 82), "fdatasync": (75, 83), "ftruncate": (77, 46),
    "fadvise64": (221, 223), "copy_file_range": (326, 285),
    "getdents": (78, -1), "getdents64": (217, 61), "getcwd": (79, 17), "chdir": (80, 49),
    "rename": (82, -1), "renameat": (264, 38), "renameat2": (316, 276), "mkdir": (83, -1),
    "mkdirat": (258, 34), "rmdir": (84, -1), "unlink": (87, -1), "unlinkat": (263, 35),
    "link": (86, -1), "linkat": (265, 37), "readlink": (89, -1), "readlinkat": (267, 78),
    "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138, 44), "umask": (95, 166),
    "gettimeofday": (96, 169), "getrlimit": (97, 163), "getrusage": (98, 165),
    "sysinfo": (99, 179), "times": (100, 153), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132),
    "sched_getparam": (143, 121), "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126),
    "sched_getaffinity": (204, 123), "getcpu": (309, 168), "arch_prctl": (158, -1),
    "set_tid_address": (218, 96), "set_robust_list": (273, 99), "rseq": (334, 293),
    "restart_syscall": (219, 128), "clock_getres": (229, 114), "getrandom": (318, 278),
    "membarrier": (324, 283), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, -1), "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441),
    "timerfd_create": (283, 85), "timerfd_settime": (286, 86), "timerfd_gettime": (287, 87),
    "eventfd2": (290, 19), "futex_waitv": (449, 449),
}  # fmt: skip
# Decided by their arguments, below.
_ARGUED: dict[str, tuple[int, int]] = {
    "clone": (56, 220), "clone3": (435, 435), "socketpair": (53, 199), "kill": (62, 129),
    "tgkill": (234, 131), "prlimit64": (302, 261), "fcntl": (72, 25), "ioctl": (16, 29),
    "prctl": (157, 167), "close_range": (436, 436),
}  # fmt: skip
_MACHINES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}
_NEWEST = 450  # first call number newer than the list
_X32 = 0x40000000

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_DENY = _ERRNO | errno.EPERM

# A thread, with the memory, files, folder and handlers of all: files of its own would go unseen.
_CLONE_SHARED = 0x00010F00
_CLONE_FOREIGN = 0x7E020080  # every CLONE_NEW* and CLONE_NEWNS
# Record locks (no limit counts them), owners, signals, leases, pipe size, seals.
_FCNTL_DENIED = (5, 6, 7, 8, 10, 15, 36, 37, 38, 1024, 1026, 1031, 1033)
_IOCTL_ALLOWED = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # tcgets … fionread … fioclex
_PRCTL_ALLOWED = (16, 0x53564D41)  # what a thread is called, names of anonymous memory
_CLOSE_RANGE_ALLOWED = (0, 4)  # close, or close on exec; a table of one's own would go unseen
_STREAM_FLAGS = 0o2004000  # SOCK_CLOEXEC, SOCK_NONBLOCK

Instruction = tuple[int, int, int, int]


def supported() -> bool:
    """Whether this machine's architecture has a table."""
    return os.uname().machine in _MACHINES


def program() -> list[Instruction]:
    """The filter for the calling process, as classic BPF."""
    column, architecture, _ = _MACHINES[os.uname().machine]
    code: list[Instruction] = [
        (_LOAD, 0, 0, 4),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
    ]
    if column == 0:
        code += [(_JUMP_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]

    def rule(name: str, body: list[Instruction]) -> None:
        code.append((_JUMP_EQUAL, 0, len(body), _ARGUED[name][column]))
        code.extend(body)

    for name, numbers in _CALLS.items():
        number = numbers[column]
        if number < 0:
            continue
        if name == "sendto":  # an address could name a socket outside the jail
            body = [*_null(4), (_RETURN, 0, 0, _ALLOW)]
            code.append((_JUMP_EQUAL, 0, len(body), number))
            code.extend(body)
            continue
        code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    own = os.getpid()
    rule(
        "clone",
        [
            (_LOAD, 0, 0, _argument(0)),
            (_AND, 0, 0, _CLONE_SHARED),
            (_JUMP_EQUAL, 1, 0, _CLONE_SHARED),
            (_RETURN, 0, 0, _DENY),
            (_LOAD, 0, 0, _argument(0)),
            (_JUMP_SET, 0, 1, _CLONE_FOREIGN),
            (_RETURN, 0, 0, _DENY),
            (_RETURN, 0, 0, _ALLOW),
        ],
    )
    rule("clone3", [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)])
    # Streams only: a datagram socket could address any socket of the machine that has a path.
    rule(
        "socketpair",
        [
            (_LOAD, 0, 0, _argument(0)),
            (_JUMP_EQUAL, 1, 0, 1),
            (_RETURN, 0, 0, _DENY),
            (_LOAD, 0, 0, _argument(1)),
            (_AND, 0, 0, 0xFFFFFFFF & ~_STREAM_FLAGS),
            (_JUMP_EQUAL, 1, 0, 1),
            (_RETURN, 0, 0, _DENY),
            (_RETURN, 0, 0, _ALLOW),
        ],
    )
    rule("kill", _among(0, (own,)))
    rule("tgkill", _among(0, (own,)))
    rule("prlimit64", _among(0, (0, own)))
    rule("fcntl", _among(1, _FCNTL_DENIED, inside=_DENY, outside=_ALLOW))
    rule("ioctl", _among(1, _IOCTL_ALLOWED))
    rule("prctl", _among(0, _PRCTL_ALLOWED))
    rule("close_range", _among(2, _CLOSE_RANGE_ALLOWED))
    code += [
        (_JUMP_AT_LEAST, 0, 1, _NEWEST),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_RETURN, 0, 0, _DENY),
    ]
    return code


def install() -> None:
    """Put the filter on every thread of the calling process, for good.

    Raises:
        OSError: the kernel has no seccomp filters.
    """
    code = program()
    raw = b"".join(struct.pack("<HBBI", *instruction) for instruction in code)
    store = ctypes.create_string_buffer(raw, len(raw))
    description = struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(store))
    number = _MACHINES[os.uname().machine][2]
    libc = ctypes.CDLL(None, use_errno=True)
    set_filter, every_thread = 1, 1
    if libc.syscall(
        ctypes.c_long(number),
        ctypes.c_long(set_filter),
        ctypes.c_long(every_thread),
        ctypes.c_char_p(description),
    ):
        code_number = ctypes.get_errno()
        raise OSError(code_number, f"seccomp: {os.strerror(code_number)}")


def _argument(index: int) -> int:
    return 16 + 8 * index  # low half of a 64-bit argument, little-endian


def _null(index: int) -> list[Instruction]:
    """Deny unless the whole 64-bit argument is zero."""
    low = _argument(index)
    return [
        (_LOAD, 0, 0, low),
        (_JUMP_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _DENY),
        (_LOAD, 0, 0, low + 4),
        (_JUMP_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _DENY),
    ]


def _among(
    index: int, values: tuple[int, ...], inside: int = _ALLOW, outside: int = _DENY
) -> list[Instruction]:
    count = len(values)
    return [
        (_LOAD, 0, 0, _argument(index)),
        *((_JUMP_EQUAL, count - place, 0, value) for place, value in enumerate(values)),
        (_RETURN, 0, 0, outside),
        (_RETURN, 0, 0, inside),
    ]
