"""What a run may spend, and the meter that says when it is spent.

One call is always kept back: when the next call and a last one after it might go beyond a limit,
the session makes that last *wrap-up* call instead, so that a best answer comes back. What a call
will cost is not known before it is made; the dearest so far is taken as the estimate, so a run
exceeds its budget by no more than one call costs.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field

from rlm.agent.llm import Usage
from rlm.errors import UsageError


@dataclass(frozen=True)
class Budget:
    """Upper limits of a run; ``None`` is no limit.

    ``turns`` are replies of the model that answers, ``calls`` are calls to any model,
    sub-questions included, and ``seconds`` is wall-clock time. Turns and calls have limits by
    default: code that a model wrote after reading untrusted video must not spend without end.

    Raises ``UsageError`` for a limit that is not positive.
    """

    turns: int | None = 12
    calls: int | None = 64
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, limit in asdict(self).items():
            if limit is not None and not limit > 0:
                raise UsageError(f"the limit on {name} must be positive, not {limit}")

    def as_dict(self) -> dict[str, float | None]:
        """The limits by name."""
        return asdict(self)


@dataclass
class Meter:
    """What has been spent so far.

    ``tokens`` and ``usd`` become ``None`` for good once a call's share is unknown: a sum with an
    unknown part is unknown. The known parts still count against the budget, and an unknown price
    exhausts a budget in dollars, which could not be kept any more.
    """

    budget: Budget
    turns: int = 0
    calls: int = 0
    frames: int = 0
    tokens: int | None = 0
    usd: float | None = 0.0
    _known_tokens: int = 0
    _known_usd: float = 0.0
    _most_tokens: int = 0
    _most_usd: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since the meter was made."""
        return time.monotonic() - self._started

    def add(self, usage: Usage) -> None:
        """Count one call to a language model."""
        self.calls += 1
        tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        self._known_tokens += tokens
        self._known_usd += usage.usd or 0.0
        self._most_tokens = max(self._most_tokens, tokens)
        self._most_usd = max(self._most_usd, usage.usd or 0.0)
        known = self.tokens is not None and usage.tokens is not None
        self.tokens = self._known_tokens if known else None
        known = self.usd is not None and usage.usd is not None
        self.usd = self._known_usd if known else None

    def exhausted(self) -> str | None:
        """Which limit leaves room for no more than the wrap-up call, in words, or ``None``."""
        if self.budget.usd is not None and self.usd is None:
            return "dollars: a call came back without its price"
        spent: tuple[tuple[str, float, float, float | None], ...] = (
            ("turns", self.turns, 0, self.budget.turns),
            ("calls", self.calls, 2, self.budget.calls),
            ("tokens", self._known_tokens, 2 * self._most_tokens, self.budget.tokens),
            ("dollars", self._known_usd, 2 * self._most_usd, self.budget.usd),
            ("seconds", self.seconds, 0, self.budget.seconds),
        )
        for name, used, reserve, limit in spent:
            if limit is not None and used > 0 and (used >= limit or used + reserve > limit):
                return f"{name}: {used:g} of {limit:g} spent"
        return None

    def left(self) -> str:
        """What remains, as the model reads it."""
        words = []
        if self.budget.turns is not None:
            words.append(f"{max(0, self.budget.turns - self.turns)} turns")
        if self.budget.calls is not None and self.calls > self.turns:
            words.append(f"{max(0, self.budget.calls - self.calls)} model calls")
        if self.budget.tokens is not None:
            words.append(f"{max(0, self.budget.tokens - self._known_tokens)} tokens")
        if self.budget.usd is not None:
            words.append(f"${max(0.0, self.budget.usd - self._known_usd):.3f}")
        if self.budget.seconds is not None:
            words.append(f"{max(0.0, self.budget.seconds - self.seconds):.0f} s")
        return ", ".join(words) or "no limit"
