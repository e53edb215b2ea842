"""What a TAB offers in a chat: commands, moments where scenes begin, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.completion import PathCompleter as Paths
from prompt_toolkit.document import Document

from rlm.errors import UsageError
from rlm.spans import Span, format_time, parse_time

MOST = 40
"""Moments that are offered at once."""


class ChatCompleter(Completer):
    """``commands`` are names with what they do; ``values`` those some of them take.

    ``scenes`` gives the scenes of the video at that moment.
    """

    def __init__(
        self,
        commands: Mapping[str, str],
        values: Mapping[str, Sequence[str]],
        scenes: Callable[[], Sequence[Span]],
    ) -> None:
        self._commands = commands
        self._values = values
        self._scenes = scenes
        self._paths = Paths(expanduser=True)

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        """For the word before the cursor."""
        before = document.text_before_cursor
        word = "" if not before or before[-1].isspace() else before.split()[-1]
        command, blank, _ = before.partition(" ")
        if word.startswith("@"):
            yield from self._moments(word)
        elif before.startswith("/") and not blank and "/" not in before[1:]:
            for name, told in self._commands.items():
                if name.startswith(before[1:]):
                    yield Completion(f"/{name}", -len(before), display_meta=told)
        elif blank and command[1:] in self._values:
            for value in self._values[command[1:]]:
                if value.startswith(word):
                    yield Completion(value, -len(word))
        elif _like_a_path(word):
            yield from self._paths.get_completions(Document(word), event)

    def _moments(self, word: str) -> Iterable[Completion]:
        """Where scenes begin and, after a dash, end; any part of a time finds it."""
        head, dash, typed = word[1:].partition("-")
        scenes = self._scenes()
        found = 0
        for number, scene in enumerate(scenes, start=1):
            time = format_time(scene.end if dash else scene.start)
            wanted = typed if dash else head
            if not _fuzzy(wanted, time) or (dash and not _after(time, head)):
                continue
            text = f"@{head}-{time}" if dash else f"@{time}"
            told = f"scene {number}, {scene.end - scene.start:.1f} s"
            yield Completion(text, -len(word), display_meta=told)
            found += 1
            if found == MOST:
                return


def _fuzzy(wanted: str, text: str) -> bool:
    """Whether the characters of ``wanted`` come in ``text``, in this order."""
    rest = iter(text)
    return all(character in rest for character in wanted)


def _after(time: str, start: str) -> bool:
    try:
        return parse_time(time) > parse_time(start)
    except UsageError:
        return False


def _like_a_path(word: str) -> bool:
    return word.startswith(("/", "~", "./", "../")) or ("/" in word and Path(word).parent.is_dir())
