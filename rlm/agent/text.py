"""Small things done to words on their way to a model, a file or a person."""

from __future__ import annotations

HEAD, TAIL = 6000, 2000
"""Characters kept of a cell's output, from its start and its end."""


def well_formed(text: str) -> str:
    """``text`` with lone surrogates replaced: models and file names send them, UTF-8 has none."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str) -> str:
    """``text`` without line breaks and control characters, for a prompt or a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cut_output(text: str, true_length: int | None = None) -> str:
    """What a cell printed as the model reads it: both ends of much, and how much it was.

    ``true_length`` is how many bytes there were, where ``text`` itself was cut before.
    """
    if len(text) <= HEAD + TAIL:
        return text.rstrip()
    length = max(len(text), true_length or 0)
    note = f"\n[... the middle of {length} characters is left out; print less at a time ...]\n"
    return text[:HEAD] + note + text[-TAIL:].rstrip()


def counted(number: int, what: str) -> str:
    """``1 turn``, ``2 turns``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
