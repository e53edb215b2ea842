"""What a run may spend, and the meters that say when it is spent.

One call is always kept back: when the next call and a last one after it might go beyond a limit,
the session makes that last *wrap-up* call instead, so that a best answer comes back. What a call
will cost is not known before it is made: the dearest so far, or what the conversation has grown to,
is taken as the estimate.

The sessions of a run form a tree, and so do their meters. A child gets a share of what its parent
has left, and what it spends counts for its parent too. While little is left, or nothing is known
yet of what a call costs, calls go one at a time. So the whole tree exceeds its budget only by calls
that turn out more than twice as dear as the dearest before them, and by the wrap-up after them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace

from rlm.agent.llm import Usage
from rlm.agent.text import counted
from rlm.errors import UsageError

AT_ONCE = 8
"""Calls to language models that a run makes at the same moment."""
CHILD_TURNS = 8
"""Turns of a child, where its parent may take more."""


class BudgetSpent(Exception):
    """No further call may be made; the message says which limit is in the way.

    ``limits`` are those that are too low for a share, as :class:`Budget` calls them.
    """

    def __init__(self, message: str, limits: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.limits = limits


@dataclass(frozen=True)
class Budget:
    """Upper limits of a run; ``None`` is no limit.

    ``turns`` are replies of the model that answers, in each session for itself. ``calls`` are
    calls to any model, ``frames`` the frames shown to any, ``seconds`` wall-clock time, all of them
    of the session and those below it. ``depth`` is how many levels of sub-sessions there may be, 0
    for none. Turns and calls have limits by default: code that a model wrote after reading
    untrusted video must not spend without end.

    Raises ``UsageError`` for a limit that is not positive (``depth``: negative).
    """

    turns: int | None = 12
    calls: int | None = 64
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None
    frames: int | None = None
    depth: int = 1

    def __post_init__(self) -> None:
        for name, limit in asdict(self).items():
            if name == "depth":
                if not limit >= 0:
                    raise UsageError(f"the limit on depth is 0 or more, not {limit}")
            elif limit is not None and not limit > 0:
                raise UsageError(f"the limit on {name} must be positive, not {limit}")

    @classmethod
    def of(cls, limits: Mapping[str, float | None]) -> Budget:
        """The limits as events have them, numbers without a kind; other names are passed over."""
        named = {name: limits[name] for name in cls.__dataclass_fields__ if name in limits}
        return cls(
            **{
                name: limit if limit is None or name in ("usd", "seconds") else int(limit)
                for name, limit in named.items()
            }  # type: ignore[arg-type]
        )

    def as_dict(self) -> dict[str, float | None]:
        """The limits by name."""
        return asdict(self)


class Meter:
    """What a session and those below it have spent so far, against ``budget``.

    ``tokens`` and ``usd`` become ``None`` for good once a call's share is unknown: a sum with an
    unknown part is unknown. The known parts still count against the budget, and an unknown number
    exhausts a budget in tokens or dollars, which could not be kept any more. ``clock`` gives the
    seconds that count, and is the parent's where there is one.
    """

    def __init__(
        self,
        budget: Budget,
        parent: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget = budget
        self.turns = 0
        self.calls = 0
        self.frames = 0
        self.tokens: int | None = 0
        self.usd: float | None = 0.0
        self._parent = parent
        self._root: Meter = parent._root if parent else self
        self._changed: threading.Condition = parent._changed if parent else threading.Condition()
        self._children: list[Meter] = []
        self._under_way = 0
        self._ahead: list[int] = []
        self._counted = 0
        self._known_tokens = 0
        self._known_usd = 0.0
        self._most_tokens = 0
        self._most_usd = 0.0
        self._turns_before = 0
        self._clock: Callable[[], float] = parent._clock if parent else clock
        self._started = self._clock()

    @property
    def seconds(self) -> float:
        """Seconds since the question was asked."""
        return self._clock() - self._started

    @contextmanager
    def call(self, tokens: int = 0, *, last: bool = False) -> Iterator[None]:
        """Room for one call of about so many ``tokens``; waits while too many are under way.

        Within, :meth:`add` what it cost. ``last`` is the wrap-up call, for which room was kept; a
        sub-session has none where the first session's would not fit after it, nor has a further
        question that finds no room for a single call.

        Raises ``BudgetSpent`` when no room is left.
        """
        root = self._root
        with self._changed:
            while root._crowded(tokens):
                self._changed.wait()
            spent = self._in_the_way(tokens, last)
            if spent is not None:
                raise BudgetSpent(spent)
            root._ahead.append(tokens)
            for meter in self._line():
                meter.calls += 1
                meter._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                root._ahead.remove(tokens)
                for meter in self._line():
                    meter._under_way -= 1
                self._changed.notify_all()

    def add(self, usage: Usage) -> None:
        """Count what one call cost."""
        with self._changed:
            for meter in self._line():
                meter._count(usage)

    def begin(self) -> None:
        """Count turns and seconds against the budget from now on: another question is asked."""
        with self._changed:
            self._turns_before, self._started = self.turns, self._clock()

    def change(self, budget: Budget) -> None:
        """Have other limits from now on; shares that were given stay as they are."""
        with self._changed:
            self.budget = budget

    def add_frames(self, frames: int) -> int | None:
        """Count frames that a model is shown, all of them or none.

        Returns how many may still be shown where that is too few, else ``None``.
        """
        with self._changed:
            left = self.frames_left()
            if left is not None and frames > left:
                return left
            for meter in self._line():
                meter.frames += frames
            return None

    def exhausted(self, tokens: int = 0) -> str | None:
        """Which limit leaves room for no more than the wrap-up call, in words, or ``None``.

        ``tokens`` is about what the next call would take.
        """
        with self._changed:
            return self._spent(tokens, turns=True)

    def frames_left(self) -> int | None:
        """How many more frames may be shown; ``None`` for any number."""
        left = [m.budget.frames - m.frames for m in self._line() if m.budget.frames is not None]
        return max(0, min(left)) if left else None

    def child(self, among: int = 1, *, alike: bool = False) -> Meter:
        """A meter with one of ``among`` equal shares of what is left; :meth:`close` gives it back.

        An ``alike`` one may take as many turns and go as deep as this one. Raises ``BudgetSpent``
        when a share would be too small for an answer.
        """
        with self._changed:
            budget = replace(self.budget, depth=self.budget.depth + 1) if alike else self.budget
            most = None if alike else CHILD_TURNS
            meter = Meter(self._share(budget, among, most), self)
            self._children.append(meter)
            return meter

    def children(self, number: int, *, alike: bool = False) -> list[Meter]:
        """So many meters with equal shares of what is left; see :meth:`child`.

        Raises ``BudgetSpent``, with no share taken, when they would be too small for an answer.
        """
        made: list[Meter] = []
        try:
            for among in range(number, 0, -1):
                made.append(self.child(among, alike=alike))
        except BudgetSpent:
            for meter in made:
                meter.close()
            raise
        return made

    def room(self) -> int:
        """For how many children there is enough left, counted up to as many as run at once."""
        with self._changed:
            for number in range(AT_ONCE, 0, -1):
                with suppress(BudgetSpent):
                    self._share(self.budget, number, CHILD_TURNS)
                    return number
            return 0

    def close(self) -> None:
        """Give what a child did not spend back to its parent."""
        if self._parent is not None:
            with self._changed:
                self._parent._children.remove(self)

    def left(self, *, anew: bool = False) -> str:
        """What remains, as the model reads it; ``anew`` for a question yet to be asked."""
        b, words = self.budget, []
        turns, seconds = (0, 0.0) if anew else (self._turns_taken, self.seconds)
        if b.turns is not None:
            words.append(counted(max(0, b.turns - turns), "turn"))
        if b.calls is not None and self.calls > turns:
            words.append(counted(max(0, b.calls - self.calls), "model call"))
        if b.tokens is not None:
            words.append(f"{max(0, b.tokens - self._known_tokens)} tokens")
        if b.usd is not None:
            words.append(f"${max(0.0, b.usd - self._known_usd):.3f}")
        if b.seconds is not None:
            words.append(f"{max(0.0, b.seconds - seconds):.0f} s")
        if (frames := self.frames_left()) is not None:
            words.append(f"{counted(frames, 'frame')} to show")
        return ", ".join(words) or "no limit"

    @property
    def _turns_taken(self) -> int:
        """Turns for the question at hand."""
        return self.turns - self._turns_before

    # ---- all below with the lock held

    def _line(self) -> Iterator[Meter]:
        """This meter and those above it."""
        meter: Meter | None = self
        while meter is not None:
            yield meter
            meter = meter._parent

    def _in_the_way(self, tokens: int, last: bool) -> str | None:
        """Which limit leaves no room for the next call, in words."""
        root = self._root
        if not last:
            found = (meter._spent(tokens, turns=False) for meter in self._line())
            return next((spent for spent in found if spent is not None), None)
        if self is not root:  # the first session's own wrap-up comes after those of the ones below
            return root._spent(tokens, turns=False)
        if self._turns_before == 0 or self._turns_taken:
            return None
        return self._spent(tokens, turns=False, calls=1)

    def _count(self, usage: Usage) -> None:
        self._counted += 1
        tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        self._known_tokens += tokens
        self._known_usd += usage.usd or 0.0
        self._most_tokens = max(self._most_tokens, tokens)
        self._most_usd = max(self._most_usd, usage.usd or 0.0)
        known = self.tokens is not None and usage.tokens is not None
        self.tokens = self._known_tokens if known else None
        known = self.usd is not None and usage.usd is not None
        self.usd = self._known_usd if known else None

    def _dearest(self, tokens: int = 0) -> tuple[float, float]:
        """Tokens and dollars of the dearest call that is to be expected."""
        root = self._root
        most = max(root._most_tokens, tokens, *root._ahead)
        grown = most / root._most_tokens if root._most_tokens else 1.0
        return most, root._most_usd * grown

    def _spent(self, tokens: int, *, turns: bool, calls: int = 2) -> str | None:
        """Which limit leaves no room for so many ``calls``."""
        b = self.budget
        if any(m.budget.usd is not None and m.usd is None for m in self._line()):
            return "dollars: a call came back without its price"
        if any(m.budget.tokens is not None and m.tokens is None for m in self._line()):
            return "tokens: a call came back without their number"
        most, usd = self._dearest(tokens)
        ahead = calls + self._under_way
        spent: tuple[tuple[str, float, float, float | None], ...] = (
            ("turns", self._turns_taken, 0, b.turns if turns else None),
            ("calls", self.calls, calls, b.calls),
            ("tokens", self._known_tokens, ahead * most, b.tokens),
            ("dollars", self._known_usd, ahead * usd, b.usd),
            ("seconds", self.seconds, 0, b.seconds),
        )
        for name, used, reserve, limit in spent:
            if limit is not None and used > 0 and (used >= limit or used + reserve > limit):
                return f"{name}: {used:g} of {limit:g} spent"
        return None

    def _crowded(self, tokens: int) -> bool:
        """Whether another call has to wait: too many are under way for what is left."""
        b, ahead = self.budget, self._under_way
        if ahead == 0:
            return False
        if self._counted == 0 and (b.tokens is not None or b.usd is not None):
            return True
        most, usd = self._dearest(tokens)
        calls = 2 * (ahead + 1)  # a call may turn out dearer than any before it
        return (
            ahead >= AT_ONCE
            or (b.tokens is not None and self._known_tokens + calls * most > b.tokens)
            or (b.usd is not None and self._known_usd + calls * usd > b.usd)
        )

    def _share(self, b: Budget, among: int, most_turns: int | None) -> Budget:
        if b.depth == 0:
            raise BudgetSpent(
                "sub-sessions are as deep as they may be: look for yourself, or use llm_query()"
            )
        spent = self._spent(0, turns=False)
        if spent is not None:
            raise BudgetSpent(spent)
        most, usd = self._dearest()
        open_ = self._children

        def part(limit: float | None, used: float, reserve: float, given: float) -> float | None:
            return None if limit is None else (limit - used - reserve - given) / among

        calls = part(b.calls, self.calls, 2, sum((c.budget.calls or 0) - c.calls for c in open_))
        tokens = part(
            b.tokens, self._known_tokens, 2 * most,
            sum((c.budget.tokens or 0) - c._known_tokens for c in open_),
        )  # fmt: skip
        dollars = part(
            b.usd, self._known_usd, 2 * usd,
            sum((c.budget.usd or 0.0) - c._known_usd for c in open_),
        )  # fmt: skip
        frames = part(
            b.frames, self.frames, 0, sum((c.budget.frames or 0) - c.frames for c in open_)
        )
        least: tuple[tuple[str, float | None, float], ...] = (
            ("calls", calls, 3),
            ("tokens", tokens, 3 * most),
            ("usd", dollars, 3 * usd),
            ("frames", frames, 1),
        )
        short = tuple(name for name, share, need in least if share is not None and share < need)
        if short:
            raise BudgetSpent(
                f"what is left ({self.left()}) is too little for {among} more: ask fewer at once, "
                "or answer now",
                short,
            )
        return Budget(
            turns=min((n for n in (b.turns, most_turns) if n is not None), default=None),
            calls=None if calls is None else int(calls),
            tokens=None if tokens is None else int(tokens),
            usd=dollars,
            seconds=None if b.seconds is None else max(0.1, 0.8 * (b.seconds - self.seconds)),
            frames=None if frames is None else int(frames),
            depth=b.depth - 1,
        )
