"""What a run may spend, and the meter that says when it is spent.

One call is always kept back: when the meter is exhausted the session makes a last *wrap-up* call,
so that a best answer comes back. A run therefore exceeds its budget by one call at most.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field

from rlm.agent.llm import Usage
from rlm.errors import UsageError


@dataclass(frozen=True)
class Budget:
    """Upper limits of a run; ``None`` is no limit. ``seconds`` is wall-clock time.

    Raises ``UsageError`` for a limit that is not positive.
    """

    turns: int | None = 12
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
    unknown part is unknown. The known parts still count against the budget.
    """

    budget: Budget
    turns: int = 0
    frames: int = 0
    tokens: int | None = 0
    usd: float | None = 0.0
    _known_tokens: int = 0
    _known_usd: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since the meter was made."""
        return time.monotonic() - self._started

    def add(self, usage: Usage) -> None:
        """Count one call to a language model."""
        self._known_tokens += (usage.input_tokens or 0) + (usage.output_tokens or 0)
        self._known_usd += usage.usd or 0.0
        known = self.tokens is not None and usage.tokens is not None
        self.tokens = self._known_tokens if known else None
        known = self.usd is not None and usage.usd is not None
        self.usd = self._known_usd if known else None

    def exhausted(self) -> str | None:
        """Which limit is reached, in words, or ``None``."""
        spent: tuple[tuple[str, float, float | None], ...] = (
            ("turns", self.turns, self.budget.turns),
            ("tokens", self._known_tokens, self.budget.tokens),
            ("dollars", self._known_usd, self.budget.usd),
            ("seconds", self.seconds, self.budget.seconds),
        )
        for name, used, limit in spent:
            if limit is not None and used >= limit:
                return f"{name}: {used:g} of {limit:g} spent"
        return None

    def left(self) -> str:
        """What remains, as the model reads it."""
        words = []
        if self.budget.turns is not None:
            words.append(f"{self.budget.turns - self.turns} turns")
        if self.budget.tokens is not None:
            words.append(f"{max(0, self.budget.tokens - self._known_tokens)} tokens")
        if self.budget.usd is not None:
            words.append(f"${max(0.0, self.budget.usd - self._known_usd):.3f}")
        if self.budget.seconds is not None:
            words.append(f"{max(0.0, self.budget.seconds - self.seconds):.0f} s")
        return ", ".join(words) or "no limit"
