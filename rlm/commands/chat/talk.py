"""The talk itself: reads a line, does it, tells what came of it; Ctrl-C never ends it.

A question runs on a thread of its own. This one, the main one, waits for what happens: the question
is done, it is held, or Ctrl-C was pressed. So a press is seen at once, whatever runs.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING

from rlm.agent import events as ev
from rlm.agent.text import one_line
from rlm.commands.chat.commands import Asking, Commands, Quit
from rlm.commands.output import ANSWERED, NO_ANSWER, say, tell
from rlm.errors import LanguageModelError, VideoRLMError
from rlm.ui.chat.reader import PROMPT, Reader, unechoed
from rlm.ui.chat.words import Command, read
from rlm.ui.console import ConsoleView, answer_lines

if TYPE_CHECKING:
    from rlm.agent.chat import Chat, Spent
    from rlm.agent.place import Result
    from rlm.agent.transcript import Transcript

STEER = "interrupted> "
CHOICES = "Enter goes on, words steer it, /stop answers now, Ctrl-C ends the question"
UNREAD = "the question was over before it read your words; here they are again"
ENDING = 5.0
"""Most seconds that a question takes to end which is left."""
_PRESSED, _HELD, _FREE, _DONE = "pressed", "held", "free", "done"


class Talk:
    """Between a person and a chat. ``view`` shows what a question does, if it is to be shown."""

    def __init__(self, view: ConsoleView | None) -> None:
        self._view = view
        self._happened: SimpleQueue[str] = SimpleQueue()
        self._answer: ev.Answered | None = None
        self._unanswered = False
        self._showing = threading.Lock()
        self._reading = False
        self._late: list[ev.Event] = []
        self._unread = ""

    def hear(self, event: ev.Event) -> None:
        """A sink for the events of the chat."""
        if not event.session:
            if isinstance(event, ev.Paused | ev.Resumed):
                self._happened.put(_HELD if isinstance(event, ev.Paused) else _FREE)
            elif isinstance(event, ev.Answered):
                self._answer = event
        if self._view is None:
            return
        with self._showing:
            if self._reading:  # tools that a question left behind end when they are done
                self._late.append(event)
            else:
                self._view(event)

    def hear_again(self, event: ev.Event) -> None:
        """A sink for those of them that are gone through again."""
        if self._view is not None:
            self._view.skip(event)

    def run(self, chat: Chat, lines: Reader, commands: Commands) -> int:
        """Talk to the end; the exit code: that of the last question, where a pipe asks.

        Raises ``KeyboardInterrupt`` for Ctrl-C where a pipe asks: nobody could say what else.
        """
        if lines.interactive:
            say("ask about the video; /help lists the commands, Ctrl-D ends the chat")
        while True:
            try:
                _tell_news(commands)
                unread, self._unread = self._unread, ""
                if unread and lines.interactive:
                    say(UNREAD)
                elif unread:
                    say(f"not read any more: {one_line(unread)}")
                line = self._read(lines, PROMPT, unread)
                _tell_news(commands)
                if line.strip():
                    self._do(chat, lines, commands, line)
            except KeyboardInterrupt:
                if not lines.interactive:
                    raise
                say("(Ctrl-D or /quit ends the chat)")
            except (EOFError, Quit):
                break
        return NO_ANSWER if self._unanswered and not lines.interactive else ANSWERED

    def resume(self, chat: Chat, transcript: Transcript) -> None:
        """Go through an earlier chat again; told of it are its questions and answers."""
        chat.resume(transcript)
        for event in transcript.events:
            if event.session:
                continue
            if isinstance(event, ev.SessionStarted | ev.QuestionAsked):
                say(f"> {event.question}")
            elif isinstance(event, ev.Answered):
                say(event.answer)

    # ----

    def _read(self, lines: Reader, prompt: str, typed: str = "") -> str:
        """The next line; what happens while it is typed is shown after it."""
        with self._showing:
            self._reading = True
        try:
            return lines.read(prompt, typed)
        finally:
            with self._showing:
                self._reading = False
                late, self._late = self._late, []
                for event in late:
                    if self._view is not None:
                        self._view(event)

    def _do(self, chat: Chat, lines: Reader, commands: Commands, line: str) -> None:
        """One line; whatever goes wrong is told in one line, too."""
        with told_in_a_line(), unechoed():
            match read(line):
                case Command() as command:
                    asking = commands.do(command)
                case question:
                    asking = commands.question(question)
            if asking is not None:
                self._ask(chat, lines, commands, asking)

    def _ask(self, chat: Chat, lines: Reader, commands: Commands, asking: Asking) -> None:
        self._answer, self._unanswered = None, True
        began = time.monotonic()
        ended: list[Result | BaseException | None] = []

        def work() -> None:
            try:
                ended.append(asking(chat))
            except BaseException as error:  # noqa: BLE001 - raised on the main thread
                ended.append(error)
            self._happened.put(_DONE)

        while not self._happened.empty():
            self._happened.get()
        # A daemon: a call of a tool that never returns must not hold up the end of the program.
        thread = threading.Thread(target=work, name="question", daemon=True)
        with _presses(lambda: self._happened.put(_PRESSED)):
            thread.start()
            try:
                self._attend(chat, lines, commands)
            except EOFError:
                thread.join(ENDING)  # the transcript is to say how it ended
                raise
        if self._view is not None:
            self._view.rest()
        # A page may have let it go on, and to its end, while something was typed.
        self._unread = "\n".join(chat.control.take_words())
        end = ended[0]
        if isinstance(end, LanguageModelError):
            say(f"{one_line(str(end))}; /retry asks again, /model changes the model")
            return
        if isinstance(end, BaseException):
            raise end
        self._unanswered = self._answer is None
        self._tell(chat, end, time.monotonic() - began)

    def _attend(self, chat: Chat, lines: Reader, commands: Commands) -> None:
        """Until the question is done: act on what the person does.

        Raises ``KeyboardInterrupt`` at the end where there is no person to ask.
        """
        cut = held = False
        while (happened := self._happened.get()) != _DONE:
            if happened == _PRESSED:
                if self._view is not None:
                    self._view.rest()
                if cut or not lines.interactive:
                    say("ending the Python process ...")
                    chat.control.kill()
                    cut = True
                    continue
                cut = True
                if not held:
                    say("interrupting; once more ends the Python process")
                    chat.control.interrupt()
            elif happened in (_HELD, _FREE):
                held = happened == _HELD
                if held and not cut:
                    say("paused; Ctrl-C asks what to do")
            if held and cut:
                cut = held = False
                with _default_interrupt():
                    self._steer(chat, lines, commands)
        if cut and not lines.interactive:
            raise KeyboardInterrupt

    def _steer(self, chat: Chat, lines: Reader, commands: Commands) -> None:
        """Ask what to do with a question that is held."""
        if self._view is not None:
            self._view.rest()
        say(CHOICES)
        while True:
            try:
                line = self._read(lines, STEER)
            except KeyboardInterrupt:
                chat.control.kill()
                return
            except EOFError:
                chat.control.kill()
                raise
            match read(line):
                case Command("stop"):
                    chat.control.stop()
                    return
                case Command() as command:
                    with told_in_a_line():
                        commands.beside(command)
                case "":
                    chat.control.resume()
                    return
                case words:
                    chat.control.steer(words)
                    chat.control.resume()  # a page may have paused it as well
                    return

    def _tell(self, chat: Chat, result: Result | None, seconds: float) -> None:
        answer = self._answer
        if result is None:
            say("the chat is back there; ask on")
            return
        if answer is None:
            if result.status == "interrupted":
                say("the question is ended; its Python process was ended too, the chat goes on")
            else:
                say(f"no answer: {result.reason}")
            return
        if self._view is not None:
            say("")
        tell(answer.answer)
        for line in answer_lines(answer, _taken(chat.before, result, seconds)):
            say(line)
        if self._view is not None:
            say("")


def _tell_news(commands: Commands) -> None:
    if news := commands.news():
        say(news)


def _taken(before: Spent, result: Result, seconds: float) -> ev.SessionEnded:
    """What a question has taken, as of a session of its own."""
    tokens = (
        None if result.tokens is None or before.tokens is None else result.tokens - before.tokens
    )
    usd = None if result.usd is None or before.usd is None else result.usd - before.usd
    return ev.SessionEnded(
        at=seconds, status="answered", turns=result.turns - before.turns,
        frames=result.frames - before.frames, tokens=tokens, usd=usd,
    )  # fmt: skip


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """An error within is one line on stderr, and the chat goes on."""
    try:
        yield
    except (Quit, EOFError, BrokenPipeError):
        raise
    except (VideoRLMError, ValueError, TypeError, ArithmeticError, OSError) as error:
        say(one_line(str(error)))
    except Exception as error:
        if os.environ.get("VIDEORLM_DEBUG"):
            raise
        what = one_line(f"{type(error).__name__}: {error}")
        say(f"unexpected error, please report it (VIDEORLM_DEBUG=1 shows the traceback): {what}")


@contextmanager
def _presses(pressed: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C calls ``pressed``, and interrupts nothing by itself."""

    def handle(number: int, frame: FrameType | None) -> None:
        pressed()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _default_interrupt() -> Iterator[None]:
    """Ctrl-C raises ``KeyboardInterrupt``: a line is being read."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
