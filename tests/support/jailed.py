"""Calls of tools as a model makes them, in a real jail."""

from __future__ import annotations

from sandbox import Sandbox


def run(jail: Sandbox, code: str) -> str:
    """What a cell prints."""
    return jail.run(code).stdout.strip()


def raised(jail: Sandbox, call: str) -> str:
    """Kind and text of what a call raises; nothing where it raises nothing."""
    cell = f"try:\n    {call}\nexcept Exception as e:\n    print(type(e).__name__ + ':', e)"
    return run(jail, cell)
