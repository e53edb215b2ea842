"""What a line of a chat means: a command or a question, with the moments it names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlm.errors import UsageError
from rlm.spans import Span, parse_time

MOMENT = 2.0
"""Seconds that a single time such as ``@1:04`` stands for."""
_AT = re.compile(r"(?<!\S)@(\S+)")


@dataclass(frozen=True)
class Command:
    """``/name rest``."""

    name: str
    rest: str


def read(line: str) -> Command | str:
    """A command, or else a question as it is.

    Only a first word like ``/word`` is a command: a question may well begin with a path.
    """
    match = re.fullmatch(r"/([a-z]+)(?:\s+(.*))?", line.strip(), re.DOTALL)
    return Command(match[1], (match[2] or "").strip()) if match else line.strip()


def moment(text: str) -> Span:
    """The span of ``1:04-1:10``, or from ``1:04`` on for a moment; a leading ``@`` is none of it.

    Raises ``UsageError`` for what is neither.
    """
    times = text.strip().removeprefix("@")
    if "-" in times:
        return Span.parse(times)
    try:
        start = parse_time(times)
    except UsageError:
        raise UsageError(f"a moment is written @1:04 or @1:04-1:10, not {text!r}") from None
    return Span(start, start + MOMENT)


def without_moment(text: str) -> tuple[str, Span | None]:
    """``text`` without its last ``@...``, and the span of that, if there is one."""
    found = list(_AT.finditer(text))
    if not found:
        return text.strip(), None
    last = found[-1]
    words = f"{text[: last.start()].rstrip()} {text[last.end() :].lstrip()}"
    return words.strip(), moment(last[1])
