"""Where the lines of a chat come from: a person at a terminal, or a pipe.

At a terminal: Enter submits; Alt-Enter, or a backslash at the end, begins another line; what is
pasted stays whole; Ctrl-X Ctrl-E opens $EDITOR; Ctrl-C gives up the line; Ctrl-D on an empty line
is the end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

PROMPT = "> "


class Reader(Protocol):
    """Gives one line after the other."""

    interactive: bool

    def read(self, prompt: str = PROMPT, typed: str = "") -> str:
        """The next line, or lines that belong together; ``typed`` of it is there already.

        Raises ``EOFError`` at the end and ``KeyboardInterrupt`` where the person gives it up.
        """
        ...


class PipedReader:
    """The lines of stdin as they are."""

    interactive = False

    def read(self, prompt: str = PROMPT, typed: str = "") -> str:
        """The next line; ``EOFError`` when there is none."""
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\n")


class TerminalReader:
    """Reads from the terminal, with history in a file, completion and a bar below.

    ``bar`` gives the bar for a width in columns. Everything is drawn on stderr.
    """

    interactive = True

    def __init__(
        self, history: Path | None, completer: Completer, bar: Callable[[int], str]
    ) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory, InMemoryHistory
        from prompt_toolkit.output import create_output

        self._output = create_output(stdout=sys.stderr)
        self._bar = bar
        self._prompts: PromptSession[str] = PromptSession(
            history=FileHistory(str(history)) if history else InMemoryHistory(),
            completer=completer,
            complete_while_typing=False,
            multiline=True,
            key_bindings=_keys(),
            enable_open_in_editor=True,
            prompt_continuation=lambda width, number, wrapped: "." * (width - 1) + " ",
            bottom_toolbar=self._toolbar,
            refresh_interval=0.5,
            output=self._output,
        )

    def read(self, prompt: str = PROMPT, typed: str = "") -> str:
        """What the person submits; see the module for the keys."""
        return self._prompts.prompt(prompt, default=typed)

    def _toolbar(self) -> str:
        return self._bar(self._output.get_size().columns)


def reader(
    history: Path | None, completer: Callable[[], Completer], bar: Callable[[int], str]
) -> Reader:
    """A terminal's where both stdin and stderr are one, else that of a pipe."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return PipedReader()
    return TerminalReader(_writable(history), completer(), bar)


@contextmanager
def unechoed() -> Iterator[None]:
    """What is typed meanwhile is not shown among the output, and is there for the next line.

    Ctrl-C still interrupts.
    """
    import termios

    try:
        before: list[Any] = termios.tcgetattr(sys.stdin)
    except (termios.error, ValueError):
        yield
        return
    quiet = [*before[:3], before[3] & ~(termios.ECHO | termios.ICANON), *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)


def _writable(history: Path | None) -> Path | None:
    """``history`` if it can be kept; a chat is not to end for want of it."""
    if history is None:
        return None
    try:
        history.parent.mkdir(parents=True, exist_ok=True)
        with history.open("a"):
            return history
    except OSError:
        return None


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None  # what is chosen is taken
        elif buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
