"""The levels of isolation: what each starts, and why one cannot be had.

``bubblewrap``: a mount, process, network, IPC and host-name namespace of its own that holds only
the interpreter, its libraries and a sized scratch folder in memory; inside it the process locks
itself as well. ``landlock``: the process locks itself only; for containers, where namespaces are
refused. ``none``: an ordinary child process.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import random
import shutil
import stat
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox import seccomp
from sandbox.bundle import BOOT
from sandbox.limits import Limits
from sandbox.outcome import Level, SandboxError, SandboxUnavailable

CONTAINER = (
    "run inside a Linux container, for instance: docker run --rm -it -v $PWD:/work -w /work "
    "python:3.12"
)
_SCRATCH = "/scratch"
_SYSTEM = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/nix/store")
_LOADER_CACHE = "/etc/ld.so.cache"
_READABLE = ("/proc/self/maps", "/proc/cpuinfo", "/dev/urandom", "/dev/random", "/dev/zero",
             _LOADER_CACHE)  # fmt: skip
_WRITABLE = ("/dev/null",)
_CAPABILITIES = {"setgid": 6, "setuid": 7, "sys_ptrace": 19, "sys_admin": 21}
JAIL_USERS = range(0x5A000000, 0x5A800000)  # no system hands these out
_NOBODY = 65534


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs in the jail: the one of this environment.

    Attributes:
        executable: the base interpreter, free of any virtual environment.
        libraries: folders it loads from.
        packages: folders and files to make visible for the preloaded modules.
        paths: entries to append to ``sys.path``.
        samples: files that must be readable for it to work.
    """

    executable: str
    libraries: tuple[str, ...]
    packages: tuple[str, ...]
    paths: tuple[str, ...]
    samples: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """How to start one jailed process.

    Attributes:
        level: the level it implements.
        command: what to run; ``{socket}`` and ``{bundle}`` stand for the numbers of those two
            descriptors.
        scratch: folder on the host that is its scratch folder, if it is one of the host's.
        uid: the user it changes to, or None.
        orders: what it does to itself, for ``lockdown.lock``.
    """

    level: Level
    command: tuple[str, ...]
    scratch: Path | None
    uid: int | None
    orders: dict[str, Any]

    def with_scratch(self, scratch: Path) -> Plan:
        """The same plan with a scratch folder of the host's."""
        return replace(self, scratch=scratch, orders=self.orders | {"scratch": str(scratch)})


def require_linux() -> None:
    """Refuse systems and machines on which no level exists.

    Raises:
        SandboxUnavailable: not Linux, or an architecture without a system call table.
    """
    if sys.platform != "linux":
        name = {"darwin": "macOS", "win32": "Windows"}.get(sys.platform, sys.platform)
        raise SandboxUnavailable(f"{name} has neither namespaces nor Landlock", CONTAINER)
    if not seccomp.supported():
        machine = platform.machine()
        raise SandboxUnavailable(
            f"no system call table for {machine}", "run on x86_64 or aarch64 Linux"
        )


def find_interpreter(preload: Sequence[str]) -> Interpreter:
    """Locate the interpreter and the packages that hold the preloaded modules.

    Raises:
        SandboxError: a module to preload is not installed.
    """
    executable = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
    standard = os.path.realpath(sysconfig.get_path("stdlib"))
    libraries = [standard, *(f"{prefix}/lib" for prefix in (sys.base_prefix, sys.base_exec_prefix))]
    packages: list[str] = []
    paths: list[str] = []
    samples = [os.__file__]
    for name in dict.fromkeys((*preload, "numpy")):
        top = name.partition(".")[0]
        spec = importlib.util.find_spec(top)
        if spec is None:
            if name in preload:
                raise SandboxError(f"cannot preload {name!r} in the sandbox: it is not installed")
            continue
        if spec.origin in (None, "built-in", "frozen"):
            continue
        origin = Path(os.path.realpath(str(spec.origin)))
        home = origin.parent if spec.submodule_search_locations else origin
        root = home.parent
        if str(root) == standard or root == Path(standard, "lib-dynload"):
            continue
        samples.append(str(origin))
        paths.append(str(root))
        whole = root.name in ("site-packages", "dist-packages")
        packages.append(str(root if whole else home))
    return Interpreter(
        executable,
        _existing([*libraries, *_SYSTEM]),
        tuple(dict.fromkeys(packages)),
        tuple(dict.fromkeys(paths)),
        tuple(samples),
    )


def plan(level: Level, interpreter: Interpreter, limits: Limits) -> Plan:
    """The plan for one process of a level; all but bubblewrap still need ``with_scratch``.

    Raises:
        SandboxUnavailable: a program the level needs is not installed.
    """
    options = ("-I", "-S", "-B", "-X", "utf8")
    python = (interpreter.executable, *options, "-c", BOOT, "{socket}", "{bundle}")
    orders: dict[str, Any] = {
        "confine": level != "none",
        "landlock": level == "landlock",
        "scratch": _SCRATCH,
        "memory": limits.memory_bytes,
        "file_bytes": limits.scratch_bytes,
        "readable": [*interpreter.libraries, *interpreter.packages, *_READABLE],
        "writable": list(_WRITABLE),
        "processes": None,
        "uid": None,
    }
    if level == "bubblewrap":
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxUnavailable(
                "bubblewrap (the command bwrap) is not installed",
                "install the package bubblewrap, as in: apt-get install bubblewrap",
            )
        user = _jail_user(interpreter, bound=True)
        orders["uid"] = user
        if user is not None:
            orders["processes"] = limits.processes
        elif os.geteuid() != 0:
            orders["processes"] = limits.processes + 2  # bubblewrap's own two count as well
        command = (program, *_bubblewrap(interpreter, limits, user), "--", *python)
        return Plan(level, command, None, user, orders)
    user = None
    if level == "landlock":
        user = _jail_user(interpreter, bound=False)
        orders["uid"] = user
        orders["processes"] = limits.processes if user is not None else None
    return Plan(level, python, None, user, orders)


def environment(scratch: str) -> dict[str, str]:
    """The whole environment of a jailed process."""
    return {
        "HOME": scratch,
        "TMPDIR": scratch,
        "PATH": "",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "JOBLIB_MULTIPROCESSING": "0",
        "MALLOC_ARENA_MAX": "2",
    }


def remedy(level: Level, cause: str) -> str:
    """What to do when a level does not start for the given cause."""
    if level == "bubblewrap":
        if "namespace" in cause or "uid map" in cause or "Operation not permitted" in cause:
            return (
                "allow user namespaces (sysctl user.max_user_namespaces, "
                "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns), "
                "or use the landlock level"
            )
        if "proc" in cause:
            return "this container hides /proc: use the landlock level"
        return "check that bwrap (0.8 or newer) runs by itself, or use the landlock level"
    if "Landlock" in cause:
        return (
            "boot a kernel of 5.13 or newer with landlock in the lsm= list, "
            "or allow user namespaces and install bubblewrap"
        )
    return "use a Linux kernel of 5.13 or newer"


def _bubblewrap(interpreter: Interpreter, limits: Limits, user: int | None) -> list[str]:
    words = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--hostname", "sandbox"]
    if user is None:
        words += ["--unshare-user", "--disable-userns"]
    else:  # just enough to become the jail's own user; gone with the change
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    made: set[str] = set()
    visible = [*interpreter.libraries, *interpreter.packages, interpreter.executable]
    for path in dict.fromkeys([*visible, *_existing([_LOADER_CACHE])]):
        if any(Path(path).is_relative_to(other) for other in made):
            continue
        for parent in reversed(Path(path).parents):
            if str(parent) not in made and str(parent) != "/":
                words += ["--perms", "0755", "--dir", str(parent)]
        words += ["--ro-bind", path, path]
        made.add(path)
    for link in ("/lib", "/lib64"):
        if Path(link).is_symlink():
            words += ["--symlink", str(Path(link).readlink()), link]
    words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    words += ["--perms", "1777", "--size", str(limits.scratch_bytes), "--tmpfs", _SCRATCH]
    return [*words, "--remount-ro", "/", "--chdir", _SCRATCH]


def _existing(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths that exist, without doubles, links to system folders left out."""
    return tuple(
        dict.fromkeys(path for path in paths if Path(path).exists() and not Path(path).is_symlink())
    )


def _jail_user(interpreter: Interpreter, bound: bool) -> int | None:
    """A user of the jail's own, where this process may become one that can still read Python."""
    # Without a mount namespace the watchdog has to see what files the other user holds open.
    needed = ("setuid", "setgid", "sys_admin" if bound else "sys_ptrace")
    held = _capabilities()
    if os.geteuid() != 0 or not all(held >> _CAPABILITIES[name] & 1 for name in needed):
        return None
    user = random.choice(JAIL_USERS)
    if not _mapped(user):
        user = _NOBODY
        if not _mapped(user):
            return None
    roots = (*interpreter.libraries, *interpreter.packages) if bound else ()
    readable = all(_open_to_all(sample, roots) for sample in interpreter.samples)
    return user if readable else None


def _capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _mapped(number: int) -> bool:
    for kind in ("uid_map", "gid_map"):
        spans = [
            (int(line.split()[0]), int(line.split()[2]))
            for line in Path(f"/proc/self/{kind}").read_text().splitlines()
        ]
        if not any(first <= number < first + count for first, count in spans):
            return False
    return True


def _open_to_all(path: str, roots: Sequence[str]) -> bool:
    """Whether any user can read a file; folders above a bound root do not count."""
    if not Path(path).stat().st_mode & stat.S_IROTH:
        return False
    for parent in Path(path).parents:
        if not parent.stat().st_mode & stat.S_IXOTH:
            return False
        if str(parent) in roots:
            return True
    return not roots
