"""The status bar of a chat: what answers, how far it is, what it has cost."""

from __future__ import annotations

from dataclasses import dataclass

from rlm.ui.spending import dollars


@dataclass(frozen=True)
class State:
    """What the bar tells. ``context`` is tokens and how many the model reads, if known.

    ``usd`` is ``None`` where a price is unknown, and the model ``free`` where it is nothing;
    ``budget`` is what is left in words, ``doing`` what goes on in the background.
    """

    model: str
    preset: str
    tier: int
    turn: int
    context: tuple[int, int | None]
    usd: float | None
    free: bool
    budget: str
    doing: str = ""


def line(state: State, width: int) -> str:
    """The bar in at most ``width`` columns; what matters least is left out first."""
    used, most = state.context
    context = f"context {used / most:.0%}" if most else f"context {_short(used)} tokens"
    parts = [
        (0, _cut(state.model, 28)),
        (3, f"{_cut(state.preset, 12)} tier {state.tier}"),
        (2, f"turn {state.turn}"),
        (4, context),
        (1, cost(state)),
        (5, f"left: {state.budget}"),
        (1, state.doing),
    ]
    shown = [(rank, words) for rank, words in parts if words]
    while len(words := " · ".join(words for _, words in shown)) > width - 2 and len(shown) > 1:
        least = max(range(len(shown)), key=lambda n: shown[n][0])
        rank, part = shown.pop(least)
        if ", " in part:  # of several limits the first ones are left
            shown.insert(least, (rank, part.rpartition(", ")[0]))
    return f" {words[: width - 2]} "


def cost(state: State) -> str:
    """Dollars so far; unknown is never nothing."""
    return "free" if state.free and state.usd == 0 else dollars(state.usd)


def _short(number: int) -> str:
    return f"{number / 1000:.1f}k" if number >= 1000 else str(number)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"…{text[1 - most :]}"
