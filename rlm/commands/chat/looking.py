"""Looking at the video beside the conversation of a chat: frames, search, scenes, transcript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlm.agent.llm import Picture
from rlm.commands.output import say
from rlm.errors import UsageError
from rlm.spans import Span, format_time
from rlm.ui.chat.words import moment
from rlm.ui.console import Screen, clean
from rlm.ui.pictures import Pictures, across_for

if TYPE_CHECKING:
    from rlm.agent.chat import Chat
    from rlm.tools import ToolContext
    from rlm.ui.pictures import Setting

MOST_FRAMES = 8
"""Frames of a span; one about every second."""
HITS = 5
ROWS = 8
"""Lines of the screen of a frame among others."""


class Looking:
    """On stdout, with frames as the terminal has them."""

    def __init__(self, chat: Chat, setting: Setting | None) -> None:
        self._chat = chat
        self._screen = Screen()
        self._pictures = Pictures.on(self._screen, setting)

    def frames(self, words: str) -> list[Picture]:
        """Frames of the moment that ``words`` name, shown, and as pictures for a model."""
        from rlm.tools.extract_frames import extract_frames
        from rlm.video import encode_jpeg, fit_within

        if not words:
            raise UsageError("which frames? as in /frames @1:04-1:10")
        span = moment(words)
        count = max(1, min(MOST_FRAMES, round(span.duration)))
        frames = extract_frames(self._context, span.start, span.end, count=count)
        side = self._chat.models.main.limits.picture_side
        shown = [
            Picture(encode_jpeg(fit_within(rgb, side)), f"frame at {time:.2f} s")
            for rgb, time in zip(frames.rgb, frames.times.tolist(), strict=True)
        ]
        if self._pictures:
            across, columns = across_for(self._screen.width)
            for at in range(0, len(shown), across):
                row = [(picture.jpeg, picture.label) for picture in shown[at : at + across]]
                self._screen.print(self._pictures.row(row, columns, ROWS))
        else:
            for picture in shown:
                print(picture.label)
        say(f"the next question comes with {len(shown)} frames of {span}")
        return shown

    def find(self, words: str) -> None:
        """The moments most like ``words``, or like the moment that they name."""
        from rlm.tools.search import search

        if not words:
            raise UsageError("find what? as in /find a red car, or /find @1:04-1:10 for the like")
        query: str | tuple[float, float] = words
        if words.startswith("@") and " " not in words:
            start, end = moment(words)
            query = start, end
        hits = search(self._context, query, k=HITS)
        for hit in hits:
            print(f"@{Span(hit.start, hit.end)}  {hit.score:.3f}")
        if not hits:
            print("nothing is like that")
            return
        fields = list(dict.fromkeys(part for hit in hits for part in hit.source.split(" + ")))
        how = "words" if query is words else "example"
        joined = " (joined by rank)" if len(fields) > 1 else ""
        say(f"searched by {how} in {' and '.join(fields)}{joined}")
        if query is words and self._chat.index.preset == "builtin":
            say("builtin reads words of moving coloured shapes alone; /find @1:04 takes an example")

    def scenes(self) -> None:
        """Where the scenes begin."""
        for number, scene in enumerate(self._chat.index.scenes(), start=1):
            print(f"{number:4}  @{scene.span}  {scene.span.duration:.1f} s")

    def transcript(self, words: str) -> None:
        """What is said, in all of the video or in a part."""
        from rlm.tools.get_transcript import get_transcript

        start, end = moment(words) if words else (None, None)
        for cue in get_transcript(self._context, start, end):
            print(f"@{format_time(cue.start)}  {clean(cue.text)}")

    @property
    def _context(self) -> ToolContext:
        from rlm.tools import ToolContext

        index = self._chat.index
        return ToolContext(index.video, index, None)  # type: ignore[arg-type] # none reaches it
