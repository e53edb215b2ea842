"""A session in the terminal: a sink that prints events as they come, append only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console

from rlm.agent import events as ev
from rlm.agent.answer import letter
from rlm.agent.prompting import is_wrap_up, was_asked_for, without_code
from rlm.agent.text import counted
from rlm.errors import VideoRLMError
from rlm.spans import Span, format_time
from rlm.ui.lines import Hanging, Indented
from rlm.ui.pictures import Pictures, across_for, cut
from rlm.ui.spending import dollars, used
from rlm.ui.status import StatusLine

if TYPE_CHECKING:
    from rich.console import RenderableType

MAX_LINES = 14
"""Lines of a cell's output that are printed; the transcript has all the model saw."""
MAX_CODE = 30
"""Lines of a cell's code that are printed in a live view; a replay prints them all."""
MAX_LABELS = 4
"""Pictures of an observation that are named, where they are not shown."""
MAX_CALLS = 6
"""Tool calls of a turn that are printed."""
MAX_EVIDENCE = 6
"""Moments that prove an answer which are named; the transcript and ``--json`` have all."""

_ONE, _SEVERAL = (48, 14), 8  # columns and rows of a picture by itself; rows of one among others
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
    """Prints a live or replayed session to ``console``, its status in one line below all else.

    ``code_lines`` is how much of a cell's code is printed; ``None`` is all of it. Frames are shown
    as ``pictures`` can, those that :meth:`store` was given or that ``media`` finds by their hash,
    which may raise ``OSError`` or ``VideoRLMError``. Without ``questions`` these are not printed,
    nor how it ended: who asks has them on the screen.
    """

    def __init__(
        self,
        console: Console,
        code_lines: int | None = MAX_CODE,
        *,
        pictures: Pictures | None = None,
        media: Callable[[str], bytes] | None = None,
        questions: bool = True,
    ) -> None:
        self._questions = questions
        self._answer = ""
        self._code_lines = code_lines
        self._console = console
        self._pictures = pictures or Pictures()
        self._media = media
        self._kept: dict[str, bytes] = {}
        self._calls: Counter[str] = Counter()
        self._session = ""
        self._status = StatusLine(console)

    def store(self, sha256: str, jpeg: bytes) -> None:
        """Keep a picture until the event that names it has been shown."""
        if self._pictures:
            self._kept[sha256] = jpeg

    def skip(self, event: ev.Event) -> None:
        """Count what ``event`` tells, without showing any of it."""
        self._status.skip(event)

    def rest(self) -> None:
        """Take the status line away until a model is called: something else uses the terminal."""
        self._status.hide()

    def __call__(self, event: ev.Event) -> None:
        """Print what ``event`` adds; each line of a sub-session begins with its place."""
        self._session = event.session
        self._status(event)
        match event:
            case ev.SessionStarted() | ev.QuestionAsked() | ev.SessionEnded() if (
                not self._questions and not event.session
            ):
                pass
            case ev.SessionStarted():
                self._started(event)
            case ev.SubSessionStarted():
                self._sub_started(event)
            case ev.ModelReplied():
                self._replied(event)
            case ev.CellStarted():
                self._code(event)
            case ev.ToolCalled():
                self._tool(event)
            case ev.ToolModelUsed():
                self._model_used(event)
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
            case ev.Answered():
                self._answer = event.answer
            case ev.QuestionAsked():
                if self._answer:
                    self._line(f"answer: {self._answer}", "bold green")
                self._answer = ""
                self._console.print()
                self._question(event)
            case ev.Prompted(role="user", parts=(_, ev.Text(text=text))) if self._questions:
                self._line(f"> {text}", "bold")
            case ev.Prompted(role="user", parts=(ev.Text(text=text),)) if is_wrap_up(text):
                why = "asked to answer" if was_asked_for(text) else "the budget is spent"
                self._line(f"{why}: wrapping up", "yellow")
            case ev.Interrupted():
                self.rest()
                self._line(f"the {event.what} was cut short", "yellow")
            case ev.Paused():
                self.rest()
                if self._questions:
                    self._line("paused", "yellow")
            case ev.Resumed() if self._questions:
                self._line("going on", "yellow")
            case ev.ModelChanged() if self._questions:
                self._line(f"model {event.model} from here on", "dim")
            case ev.IndexChanged() if self._questions:
                self._line(f"index {event.preset}, tier {event.tier} from here on", "dim")
            case ev.SessionEnded() if event.status in ("failed", "interrupted"):
                self._line(f"{event.status}: {event.reason}", "red")
            case _:
                pass

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
        self._options(event.options)

    def _options(self, options: Sequence[str]) -> None:
        for index, option in enumerate(options):
            self._line(f"{letter(index)}. {option}", indent=2)

    def _sub_started(self, event: ev.SubSessionStarted) -> None:
        words = f"sub-session {event.session} over {Span(*event.span)}: {event.question}"
        self._line(words, "bold")
        self._options(event.options)

    def _replied(self, event: ev.ModelReplied) -> None:
        self._calls[event.session] = 0
        tokens = event.input_tokens, event.output_tokens
        parts = [f"turn {event.turn}", f"{event.seconds:.1f} s"]
        if None not in tokens and tokens != (0, 0):
            parts.append(f"{tokens[0]} tokens in, {tokens[1]} out")
        if tokens != (0, 0):
            parts.append(dollars(event.usd))
        if event.model:
            parts.append(event.model)
        if event.cached:
            parts.append("recorded")
        title = clean(" · ".join(parts))
        self._line("")
        room = self._console.width - cell_len(self._gutter)
        rule = "─" * (room - cell_len(title) - 1)
        self._line(f"{title} {rule}" if rule else title, "dim")
        if event.reasoning.strip():
            self._line(f"thinks: {_shorten(event.reasoning.strip())}", "dim italic")
        prose = without_code(event.text)
        if prose:
            self._line(prose)

    def _code(self, event: ev.CellStarted) -> None:
        from rich.text import Text

        lines = clean(event.code).splitlines()
        kept = lines[: self._code_lines]
        if self._console.is_terminal and not self._console.no_color:
            from rich.syntax import Syntax

            code = Syntax("", "python", theme="ansi_dark", background_color="default", tab_size=8)
            text = code.highlight("\n".join(kept))
            text.rstrip()
        else:
            text = Text("\n".join(kept))
        self._print(Hanging(text), indent=2)
        if len(lines) > len(kept):
            self._line(f"... {len(lines) - len(kept)} more lines of code", "dim", indent=2)

    def _tool(self, event: ev.ToolCalled) -> None:
        self._calls[event.session] += 1
        calls = self._calls[event.session]
        if event.tool in _TOLD_ANYWAY and not event.failed:
            return
        width = self._console.width - cell_len(self._gutter) - 3
        call = _shorten(f"{event.tool}({event.arguments})", width // 2)
        result = f"failed: {event.result}" if event.failed else event.result
        words = f"· {call} {_duration(event.seconds)} {result}"
        if calls <= MAX_CALLS or event.failed:
            style = "red" if event.failed else "cyan"
            self._line(_shorten(words, width), style, indent=2)
        elif calls == MAX_CALLS + 1:
            self._line("· and more calls", "cyan", indent=2)

    def _model_used(self, event: ev.ToolModelUsed) -> None:
        seen = f" ({counted(len(event.images), 'picture')})" if event.images else ""
        self._line(f"sub-question{seen}: {_shorten(event.prompt)}", "magenta", indent=2)
        if event.error:
            self._line(f"no sub-answer: {_shorten(event.error)}", "red", indent=2)
        else:
            words = f"sub-answer ({event.seconds:.1f} s): {_shorten(event.reply)}"
            self._line(words, "magenta", indent=2)
        for image in event.images:
            self._kept.pop(image.sha256, None)

    def _observed(self, event: ev.Observed) -> None:
        images = [part for part in event.parts if isinstance(part, ev.Image)]
        labels = {f"[{image.label}]" for image in images}
        # The last text tells the model what is left of its budget.
        texts = [part.text for part in event.parts if isinstance(part, ev.Text)][:-1]
        lines = "\n".join(text for text in texts if text not in labels).splitlines()
        kept = lines if len(lines) == MAX_LINES + 1 else lines[:MAX_LINES]
        for line in kept:
            self._line(line, "red" if event.failure else "green", indent=2, hangs=True)
        if len(lines) > len(kept):
            self._line(f"... {len(lines) - len(kept)} more lines", "dim", indent=2)
        if images and not self._show(images):
            for image in images[:MAX_LABELS]:
                self._line(f"▣ {image.label}", "blue", indent=2)
            if len(images) > MAX_LABELS:
                self._line(f"▣ ... to {images[-1].label}, {len(images)} in all", "blue", indent=2)
        for image in images:
            self._kept.pop(image.sha256, None)

    def _show(self, images: Sequence[ev.Image]) -> bool:
        """Print a row of pictures, spread over all ``images``; whether that could be done."""
        if not self._pictures:
            return False
        room = self._console.width - cell_len(self._gutter) - 2
        number, columns = across_for(room)
        number = min(number, len(images))
        columns, rows = (min(room, _ONE[0]), _ONE[1]) if len(images) == 1 else (columns, _SEVERAL)
        chosen = [images[i * (len(images) - 1) // max(1, number - 1)] for i in range(number)]
        try:
            found = [(self._picture(image.sha256), clean(image.label)) for image in chosen]
            drawn = self._pictures.row(found, columns, rows)
        except (OSError, VideoRLMError):
            return False
        self._print(drawn, indent=2)
        if len(images) > number:
            self._line(f"▣ {number} of {len(images)} pictures", "blue", indent=2)
        return True

    def _picture(self, sha256: str) -> bytes:
        if (jpeg := self._kept.get(sha256)) is not None:
            return jpeg
        if self._media is None:
            raise FileNotFoundError(sha256)
        return self._media(sha256)

    def _line(self, text: str, style: str = "", indent: int = 0, *, hangs: bool = False) -> None:
        from rich.text import Text

        line = Text(clean(text), style=style)
        self._print(Hanging(line) if hangs else line, indent)

    def _print(self, what: RenderableType, indent: int = 0) -> None:
        self._console.print(Indented(what, self._gutter, indent))

    @property
    def _gutter(self) -> str:
        """What each line of a sub-session begins with: lines of several come mixed."""
        if not self._session:
            return ""
        return f"{'  ' * len(self._session.split('.'))}{self._session} │ "


def answer_lines(event: ev.Answered, ended: ev.SessionEnded | None) -> list[str]:
    """The evidence, confidence and cost of an answer, in words."""
    lines = []
    if event.choice is not None:
        lines.append(f"option: {letter(event.choice)}")
    if event.evidence:
        most = len(event.evidence)
        most = most if most <= MAX_EVIDENCE + 1 else MAX_EVIDENCE
        named = ", ".join(str(Span(*pair)) for pair in event.evidence[:most])
        more = len(event.evidence) - most
        lines.append(f"evidence: {named}" + (f" and {more} more" if more else ""))
    if event.calibrated is not None:
        told = f"calibrated; the model said {event.confidence:.2f}"
        lines.append(f"confidence: {event.calibrated:.2f} ({told})")
    elif event.confidence is not None:
        lines.append(f"confidence: {event.confidence:.2f}")
    if event.best_effort:
        lines.append("best effort: given when it had to answer")
    if ended is not None:
        cost = [counted(ended.turns, "turn"), f"{counted(ended.frames, 'frame')} shown"]
        if ended.tokens != 0:
            cost.append(used(ended.tokens))
            cost.append(dollars(ended.usd))
        cost.append(f"{ended.at:.1f} s")
        lines.append("took: " + ", ".join(cost))
    return lines


def _duration(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def _shorten(text: str, width: int = 200) -> str:
    return cut(clean(text).replace("\n", " "), width, "...")
