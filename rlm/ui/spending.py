"""What a run has taken so far, told from its events alone."""

from __future__ import annotations

from collections.abc import Mapping

from rlm.agent import events as ev


def dollars(usd: float | None) -> str:
    """A cost as it is told everywhere; unknown is never nothing."""
    return "price unknown" if usd is None else f"${usd:.4f}"


def used(tokens: int | None) -> str:
    """Tokens, likewise."""
    return "tokens unknown" if tokens is None else f"{tokens} tokens"


class Spending:
    """A sink that adds up a run and the sessions below it, against the limits in its header.

    ``tokens`` and ``usd`` are ``None`` once a part of them is unknown.
    """

    def __init__(self) -> None:
        self.tokens: int | None = 0
        self.usd: float | None = 0.0
        self.frames = 0
        self._limits: Mapping[str, float | None] = {}
        self._calls = 0
        self._turns = self._turns_before = 0
        self._began = 0.0

    def __call__(self, event: ev.Event) -> None:
        """Count what ``event`` tells."""
        match event:
            case ev.SessionStarted():
                self._limits, self._began = event.limits, event.at
            case ev.LimitsChanged():
                self._limits = event.limits
            case ev.QuestionAsked():
                self._turns_before, self._began = self._turns, event.at
            case ev.ModelReplied():
                self._count(event)
                if not event.session:
                    self._turns = event.turn
            case ev.ToolModelUsed() | ev.Interrupted(what="reply"):
                self._count(event)
            case ev.Observed():
                self.frames += event.frames
            case _:
                pass

    def cost(self) -> str:
        """In dollars; nothing for models that use no tokens."""
        return dollars(self.usd) if self.usd is None or self.usd or self.tokens != 0 else ""

    def elapsed(self, at: float) -> float:
        """Seconds that the newest question has taken ``at`` seconds into the run."""
        return at - self._began

    def share(self, at: float) -> str:
        """How much of the limit that is nearest is spent ``at`` seconds into the run."""
        used: tuple[tuple[str, float | None], ...] = (
            ("turns", self._turns - self._turns_before),
            ("calls", self._calls),
            ("tokens", self.tokens),
            ("usd", self.usd),
            ("seconds", self.elapsed(at)),
            ("frames", self.frames),
        )
        shares = [
            (number / limit, name, limit)
            for name, number in used
            if number is not None and (limit := self._limits.get(name))
        ]
        if not shares:
            return ""
        share, name, limit = max(shares, key=lambda each: each[0])
        whole = f"${limit:g}" if name == "usd" else f"{limit:g} {name}"
        return f"{share:.0%} of {whole}"

    def _count(self, event: ev.ModelReplied | ev.ToolModelUsed | ev.Interrupted) -> None:
        self._calls += 1
        tokens = event.input_tokens, event.output_tokens
        if self.tokens is not None:
            known = None not in tokens
            self.tokens = self.tokens + sum(n or 0 for n in tokens) if known else None
        if self.usd is not None:
            self.usd = None if event.usd is None else self.usd + event.usd
