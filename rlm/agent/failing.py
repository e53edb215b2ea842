"""How a turn fails, and when that is no longer debugging but a loop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox import Outcome

STUCK = 3
"""Turns in a row that fail in the same way before the wrap-up."""


@dataclass(frozen=True)
class Failure:
    """A turn that failed. ``observed`` is as in :class:`rlm.agent.events.Observed`.

    Two are the same when their ``cause`` is: of an exception its type and what it says but for
    numbers, as the same mistake is made again at another line or time. Another message of the same
    type is a step on.
    """

    observed: str = field(compare=False)
    cause: str
    words: str = field(compare=False)


def failure_of(outcome: Outcome) -> Failure | None:
    """How a cell failed, if it did."""
    if outcome.restarted or outcome.timed_out:
        return without_outcome("killed" if outcome.restarted else "timed_out")
    if outcome.error is None:
        return None
    said = next(iter(outcome.error.message.strip().splitlines()), "")
    cause = f"{outcome.error.type}: {re.sub(r'[-+]?[0-9][0-9.,e]*', '0', said)}"
    return Failure("error", cause, f"{outcome.error.type} in the code")


def without_outcome(observed: str) -> Failure:
    """A failure of which there is no more to say than its kind."""
    return Failure(observed, observed, observed)


def stuck(failures: Sequence[Failure | None]) -> str | None:
    """Whether the newest turns failed in the same way too often in a row, in words."""
    last = failures[-STUCK:]
    newest = last[-1] if last else None
    if newest is None or len(last) < STUCK or any(one != newest for one in last):
        return None
    return f"{STUCK} turns in a row: {newest.words}"
