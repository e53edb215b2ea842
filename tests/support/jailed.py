"""Calls of tools as a model makes them, in a real jail."""

from __future__ import annotations

from sandbox import Sandbox


def run(jail: Sandbox, code: str) -> str:
    """What a cell prints."""
    return jail.run(code).stdout.strip()
