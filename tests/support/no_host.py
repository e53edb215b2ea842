"""A host for tools that need none."""

from __future__ import annotations

from typing import Any


class NoHost:
    """Fails when a tool reaches for its session."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this tool needs no {name}")
