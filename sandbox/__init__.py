"""A jailed, persistent Python REPL for code written by a language model.

::

    from sandbox import Sandbox

    with Sandbox({"add": lambda a, b: a + b}) as sandbox:
        print(sandbox.run("add(1, 2)").stdout)
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
