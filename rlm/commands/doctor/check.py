"""What a check of this machine comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rlm.config import Config, load_config
from rlm.errors import UsageError

State = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    ``warning``: questions can be answered, yet something is less than it might be. ``missing``:
    they cannot. ``remedy`` is what to do about it, in one line, or empty.
    """

    name: str
    state: State
    told: str
    remedy: str = ""


Check: TypeAlias = Callable[[], list[Finding]]


def ok(name: str, told: str) -> Finding:
    """Something that works."""
    return Finding(name, "ok", told)


def warning(name: str, told: str, remedy: str = "") -> Finding:
    """Something that might be better."""
    return Finding(name, "warning", told, remedy)


def missing(name: str, told: str, remedy: str) -> Finding:
    """Something without which no question can be answered."""
    return Finding(name, "missing", told, remedy)


def settings_or_none() -> Config:
    """The settings; none of them where they make no sense, which is a finding of its own."""
    try:
        return load_config()
    except UsageError:
        return Config()
