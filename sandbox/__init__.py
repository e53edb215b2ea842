"""A jailed, persistent Python REPL for code written by a language model.

::

    from sandbox import Sandbox

    with Sandbox({"add": lambda a, b: a + b}) as sandbox:
        print(sandbox.run("add(1, 2)").stdout)

A session is one process that keeps its variables from cell to cell and can do three things with
the world: print, use a scratch folder of limited size, and call the host functions it was given.
It has numpy, no network, no other program, no file of yours and nothing of your environment.

Covered, at the levels ``bubblewrap`` and ``landlock``, against code that does its worst:

* files, processes, sockets, devices, environment and arguments of the host, by an allowlist of
  system calls (seccomp), of files (Landlock) and, with bubblewrap, by namespaces of its own;
* the host process itself: nothing is unpickled, every byte from the jail is held to a length and
  a type, host functions are found by exact name and their arguments fitted to their signatures;
* time, memory, threads, files, output, descriptors; a cell that will not stop is killed, and the
  session is told what it lost.

Not covered:

* faults in the kernel, in the C library or in Python's own native code that break the allowlists;
* side channels: timing, caches, load on the machine (a cell may keep one core busy);
* what the host functions allow: a function that reads any path hands out any path;
* readable on purpose: Python's library, the site-packages folders of the preloaded modules and the
  system's shared libraries; with ``landlock`` alone also names, sizes and dates of files (never
  contents), the host's name and, between two looks, disk beyond ``scratch_bytes``;
* what the output says: it is untrusted text, and so is everything derived from it.

Linux on x86-64 or aarch64 only; elsewhere ``Sandbox`` raises ``SandboxUnavailable``.
"""

from sandbox.arrays import shared_empty
from sandbox.calls import cancelled, concurrent
from sandbox.host import Sandbox
from sandbox.limits import Limits
from sandbox.outcome import (
    CellError,
    Level,
    Outcome,
    SandboxError,
    SandboxUnavailable,
    StopCell,
)
from sandbox.pool import Pool

__all__ = [
    "CellError",
    "Level",
    "Limits",
    "Outcome",
    "Pool",
    "Sandbox",
    "SandboxError",
    "SandboxUnavailable",
    "StopCell",
    "cancelled",
    "concurrent",
    "shared_empty",
]
