"""Jails for many sessions: ready ones in reserve for all of them, seeded random numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from rlm.agent.session import Jail
from rlm.errors import JailError
from rlm.tools import Tool
from rlm.tools.pixels import sources
from sandbox import Pool, Sandbox, SandboxUnavailable

_SEEDED = "import random\nimport numpy\nrandom.seed({0})\nnumpy.random.seed({0})\n__all__ = ()\n"


def seeded_sources(seed: int) -> dict[str, str]:
    """The preamble of a jail in which ``random`` and ``numpy.random`` are seeded.

    What Python leaves to chance otherwise stays random: a generator made without a seed, the order
    in which a set of texts comes, addresses of objects.
    """
    return {**sources(), "rlm.seeded": _SEEDED.format(seed % 2**32)}


def seeded_jail(seed: int) -> Jail:
    """The strongest jail this machine has, its random numbers as in :func:`seeded_sources`."""
    preamble = seeded_sources(seed)

    def jail(functions: Mapping[str, Tool], records: Sequence[type]) -> Sandbox:
        return Sandbox(functions, records=tuple(records), preamble=preamble)

    return jail


class Jails:
    """A :data:`~rlm.agent.session.Jail` whose processes come from one reserve.

    ``level`` is the isolation in force, ``notice`` why it is not the strongest.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.level = pool.level
        self.notice = pool.notice

    def __call__(self, functions: Mapping[str, Tool], records: Sequence[type]) -> Sandbox:
        """A jail of its own for a session, and for the sub-sessions that it makes siblings for."""
        return self._pool.sandbox(functions, records)

    def prepare(self, number: int) -> None:
        """Have so many processes more started, in the background."""
        self._pool.prepare(number)

    def kill(self) -> None:
        """End them all, whatever they do; from now on none is to be had."""
        self._pool.kill()


@contextmanager
def jails(seed: int, spares: int, level: Literal["auto", "none"] = "auto") -> Iterator[Jails]:
    """A reserve of ``spares`` ready processes, while the context lasts.

    Raises ``JailError`` when no jail can be had here.
    """
    pool = Pool(preamble=seeded_sources(seed), spares=spares, level=level)
    try:
        pool.warm()
        yield Jails(pool)
    except SandboxUnavailable as error:
        raise JailError(str(error)) from error
    finally:
        pool.close()
