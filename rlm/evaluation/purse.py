"""The dollars of a whole run: what an item may take is set aside before it begins."""

from __future__ import annotations

import threading

SHARE = 4.0
"""What one item may take when nobody says: so many times its equal share of the whole."""


class Purse:
    """``limit`` dollars (``None``: any number), of which each item may take up to ``item``.

    ``spent`` is what earlier sittings took. Several threads share one.
    """

    def __init__(self, limit: float | None, item: float | None, spent: float = 0.0) -> None:
        self.limit = limit
        self.item = item
        self._spent = spent
        self._aside = 0
        self._changed = threading.Condition()

    @property
    def spent(self) -> float:
        """Dollars so far; an item whose price is not known counts with all it might have taken."""
        return self._spent

    def take(self) -> bool:
        """Set aside what one item may take; waits while others might still give some back.

        ``False`` when there is not enough left for one more.
        """
        if self.limit is None or self.item is None:
            return True
        with self._changed:
            while self._spent + (self._aside + 1) * self.item > self.limit + 1e-9:
                if self._aside == 0:
                    self._changed.notify_all()
                    return False
                self._changed.wait()
            self._aside += 1
            return True

    def settle(self, usd: float | None) -> None:
        """Count what the item took in the end, ``None`` if unknown; the rest goes back."""
        with self._changed:
            if usd is None:
                usd = self.item if self.limit is not None and self.item is not None else 0.0
            self._spent += usd
            self._aside = max(0, self._aside - 1)
            self._changed.notify_all()


def item_cap(limit: float | None, item: float | None, items: int) -> float | None:
    """What one of so many ``items`` may take, where the run may take ``limit`` dollars."""
    if item is not None or limit is None:
        return item
    return min(limit, SHARE * limit / max(1, items))
