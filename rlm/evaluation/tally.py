"""What a question took, counted from the events of its session."""

from __future__ import annotations

from rlm.agent import events as ev


class Tally:
    """A sink that adds up what a session and those below it took; see :class:`ItemResult`.

    ``reply`` is the newest reply of the model that answers.
    """

    def __init__(self) -> None:
        self.begun = False
        self.reply = ""
        self.frames = 0
        self.turns = 0
        self.sub_calls = 0
        self.input_tokens: int | None = 0
        self.output_tokens: int | None = 0
        self.usd: float | None = 0.0
        self.model_seconds = 0.0
        self.tool_seconds = 0.0

    def __call__(self, event: ev.Event) -> None:
        """Count ``event``."""
        self.begun = True
        if isinstance(event, ev.ModelReplied | ev.ToolModelUsed):
            if not (isinstance(event, ev.ToolModelUsed) and event.error):
                self._count(event)
        elif isinstance(event, ev.Observed) and not event.session:
            self.tool_seconds += event.seconds
        elif isinstance(event, ev.SessionEnded) and not event.session:
            self.frames = event.frames  # those of sub-sessions are in it

    def _count(self, event: ev.ModelReplied | ev.ToolModelUsed) -> None:
        self.input_tokens = _sum(self.input_tokens, event.input_tokens)
        self.output_tokens = _sum(self.output_tokens, event.output_tokens)
        self.usd = None if self.usd is None or event.usd is None else self.usd + event.usd
        if isinstance(event, ev.ModelReplied) and not event.session:
            self.turns += 1
            self.reply = event.text
            self.model_seconds += event.seconds
        else:
            self.sub_calls += 1


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
