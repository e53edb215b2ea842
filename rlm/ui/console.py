"""A session in the terminal: a sink that prints events as they come, append only."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console

from rlm.agent import events as ev
from rlm.agent.answer import letter
from rlm.agent.prompting import is_wrap_up, without_code
from rlm.agent.text import counted
from rlm.spans import Span, format_time

if TYPE_CHECKING:
    from rich.status import Status

MAX_LINES = 14
"""Lines of a cell's output that are printed; the transcript has all the model saw."""
MAX_CODE = 30
"""Lines of a cell's code that are printed in a live view; a replay prints them all."""
MAX_LABELS = 4
"""Pictures of an observation that are named."""
MAX_CALLS = 6
"""Tool calls of a turn that are printed."""

_TOLD_ANYWAY = frozenset(
    ("answer", "note", "llm_query", "llm_query_batched", "rlm_query", "rlm_query_batched")
)  # by the events of what they do
# Text comes from models and from video: escape sequences in it must not reach the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """``text`` without control characters, newline and tab excepted."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


class Screen(Console):
    """A console that takes text as it is, and leaves a reader's going away to the caller."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False)

    def on_broken_pipe(self) -> None:
        """Raise ``BrokenPipeError``, where rich would end the program."""
        raise BrokenPipeError


class ConsoleView:
    """Prints a live or replayed session to ``console``.

    ``code_lines`` is how much of a cell's code is printed; ``None`` is all of it.
    """

    def __init__(self, console: Console, code_lines: int | None = MAX_CODE) -> None:
        self._code_lines = code_lines
        self._console = console
        self._calls: Counter[str] = Counter()
        self._turns: Counter[str] = Counter()
        self._session = ""
        self._written = 0
        self._status: Status | None = None

    def __call__(self, event: ev.Event) -> None:
        """Print what ``event`` adds; what sub-sessions do stands further to the right."""
        self._session = event.session
        match event:
            case ev.SessionStarted():
                self._started(event)
            case ev.SubSessionStarted():
                self._sub_started(event)
            case ev.ModelCalled():
                self._wait(f"turn {event.turn}: waiting for the model")
            case ev.ReplyDelta():
                self._written += len(event.text)
                self._wait(f"turn {event.turn}: {self._written} characters written")
            case ev.ModelReplied():
                self._wait(None)
                self._replied(event)
            case ev.CellStarted():
                self._code(event)
            case ev.ToolCalled():
                self._tool(event)
            case ev.ToolModelUsed(error=""):
                words = f"sub-answer ({event.seconds:.1f} s): {_shorten(event.reply)}"
                self._line(words, "magenta", indent=2)
            case ev.ToolModelUsed():
                self._line(f"no sub-answer: {_shorten(event.error)}", "red", indent=2)
            case ev.Noted():
                where = "" if event.span is None else f" ({Span(*event.span)})"
                self._line(f"noted: {_shorten(event.fact)}{where}", "yellow", indent=2)
            case ev.Compacted():
                words = (
                    f"{counted(len(event.summarised), 'earlier turn')} put into few words: "
                    f"{event.tokens_before} to {event.tokens_after} tokens"
                )
                self._line(words, "dim", indent=2)
            case ev.Observed():
                self._observed(event)
            case ev.Answered() if event.session:
                self._line(f"sub-session {event.session} answers: {event.answer}", "magenta")
            case ev.QuestionAsked():
                self._question(event)
            case ev.Prompted(role="user", parts=(ev.Text(text=text),)) if is_wrap_up(text):
                self._line("the budget is spent: wrapping up", "yellow")
            case ev.SessionEnded():
                self._wait(None)
                if event.status in ("failed", "interrupted"):
                    self._line(f"{event.status}: {event.reason}", "red")
            case _:
                pass

    def _wait(self, words: str | None) -> None:
        """One line below the rest, on a terminal, while a reply is awaited; ``None`` ends it."""
        if words is None:
            self._written = 0
            if self._status is not None:
                self._status.stop()
                self._status = None
        elif self._status is not None:
            self._status.update(words)
        elif self._console.is_terminal:
            self._status = self._console.status(words)
            self._status.start()

    def _started(self, event: ev.SessionStarted) -> None:
        self._question(event)
        video = event.video
        self._line(
            f"{video.name} · {format_time(video.duration)} · {video.width}x{video.height}", "dim"
        )
        self._line(
            f"model {event.model} · preset {event.preset} · sandbox {event.sandbox_level}", "dim"
        )

    def _question(self, event: ev.SessionStarted | ev.QuestionAsked) -> None:
        self._line(event.question, "bold")
        for index, option in enumerate(event.options):
            self._line(f"{letter(index)}. {option}", indent=2)

    def _sub_started(self, event: ev.SubSessionStarted) -> None:
        words = f"sub-session {event.session} over {Span(*event.span)}: {event.question}"
        self._line(words, "bold")

    def _replied(self, event: ev.ModelReplied) -> None:
        from rich.rule import Rule

        self._turns[event.session], self._calls[event.session] = event.turn, 0
        tokens = event.input_tokens, event.output_tokens
        cost = [f"{event.seconds:.1f} s"]
        if None not in tokens and tokens != (0, 0):
            cost.append(f"{tokens[0]} tokens in, {tokens[1]} out")
            if event.usd is not None:
                cost.append(f"${event.usd:.4f}")
        self._console.print()
        who = f"sub-session {event.session}, " if event.session else ""
        self._console.print(
            Rule(f"{who}turn {event.turn} · {' · '.join(cost)}", align="left", style="dim")
        )
        prose = without_code(event.text)
        if prose:
            self._line(prose)

    def _code(self, event: ev.CellStarted) -> None:
        lines = clean(event.code).splitlines()
        kept = lines[: self._code_lines]
        if self._console.is_terminal:
            from rich.padding import Padding
            from rich.syntax import Syntax

            code = Syntax(
                "\n".join(kept),
                "python",
                theme="ansi_dark",
                background_color="default",
                word_wrap=True,
            )
            self._console.print(Padding(code, (0, 0, 0, 2 + self._shift), expand=False))
        else:
            self._line("\n".join(kept), indent=2)
        if len(lines) > len(kept):
            self._line(f"... {len(lines) - len(kept)} more lines of code", "dim", indent=2)

    def _tool(self, event: ev.ToolCalled) -> None:
        self._calls[event.session] += 1
        calls = self._calls[event.session]
        if event.tool in _TOLD_ANYWAY and not event.failed:
            return
        width = self._console.width - 3
        call = _shorten(f"{event.tool}({event.arguments})", width // 2)
        result = f"failed: {event.result}" if event.failed else event.result
        words = f"· {call} {event.seconds * 1e3:.0f} ms {result}"
        if calls <= MAX_CALLS or event.failed:
            style = "red" if event.failed else "cyan"
            self._line(_shorten(words, width), style, indent=2)
        elif calls == MAX_CALLS + 1:
            self._line("· and more calls", "cyan", indent=2)

    def _observed(self, event: ev.Observed) -> None:
        images = [part for part in event.parts if isinstance(part, ev.Image)]
        labels = {f"[{image.label}]" for image in images}
        # The last text tells the model what is left of its budget.
        texts = [part.text for part in event.parts if isinstance(part, ev.Text)][:-1]
        lines = "\n".join(text for text in texts if text not in labels).splitlines()
        kept = lines if len(lines) == MAX_LINES + 1 else lines[:MAX_LINES]
        for line in kept:
            self._line(line, "red" if event.failure else "green", indent=2)
        if len(lines) > len(kept):
            self._line(f"... {len(lines) - len(kept)} more lines", "dim", indent=2)
        for image in images[:MAX_LABELS]:
            self._line(f"▣ {image.label}", "blue", indent=2)
        if len(images) > MAX_LABELS:
            self._line(f"▣ ... to {images[-1].label}, {len(images)} in all", "blue", indent=2)

    def _line(self, text: str, style: str = "", indent: int = 0) -> None:
        from rich.padding import Padding
        from rich.text import Text

        self._console.print(
            Padding(Text(clean(text), style=style), (0, 0, 0, indent + self._shift), expand=False)
        )

    @property
    def _shift(self) -> int:
        return 4 * len(self._session.split(".")) if self._session else 0


def answer_lines(event: ev.Answered, ended: ev.SessionEnded | None) -> list[str]:
    """The evidence, confidence and cost of an answer, in words."""
    lines = []
    if event.choice is not None:
        lines.append(f"option: {letter(event.choice)}")
    if event.evidence:
        lines.append("evidence: " + ", ".join(str(Span(*pair)) for pair in event.evidence))
    if event.confidence is not None:
        lines.append(f"confidence: {event.confidence:.2f}")
    if event.best_effort:
        lines.append("best effort: given when the budget was spent")
    if ended is not None:
        cost = [counted(ended.turns, "turn"), f"{counted(ended.frames, 'frame')} shown"]
        if ended.tokens != 0:
            cost.append("tokens unknown" if ended.tokens is None else f"{ended.tokens} tokens")
            cost.append("price unknown" if ended.usd is None else f"${ended.usd:.4f}")
        cost.append(f"{ended.at:.1f} s")
        lines.append("took: " + ", ".join(cost))
    return lines


def _shorten(text: str, width: int = 200) -> str:
    flat = text.replace("\n", " ")
    return flat if len(flat) <= width else flat[: width - 3] + "..."
