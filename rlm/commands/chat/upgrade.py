"""A better index, built in the background of a chat and taken into use between two questions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rlm.agent.text import one_line
from rlm.errors import UsageError

if TYPE_CHECKING:
    from rlm.agent.chat import Chat
    from rlm.index import VideoIndex


class _GivenUp(Exception):
    """The chat has ended, or the person has thought better of it."""


class Upgrade:
    """At most one building at a time, for ``chat``."""

    def __init__(self, chat: Chat) -> None:
        self.doing = ""
        self._chat = chat
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._built: VideoIndex | None = None
        self._failure = ""

    def begin(self, tier: int) -> None:
        """Build the index of ``tier``; raises ``UsageError`` for none, or while one is built."""
        if self._thread is not None:
            raise UsageError(f"an upgrade is under way: {self.doing}")
        if not 1 <= tier <= 3:
            raise UsageError(f"tiers are 1 (scan), 2 (index) and 3 (deep), not {tier}")
        self._over.clear()
        self.doing = f"tier {tier}: beginning"
        # A daemon: one step of an encoder may take long, and is not to hold up the end.
        self._thread = threading.Thread(
            target=self._build, args=(tier,), name="upgrade", daemon=True
        )
        self._thread.start()

    def news(self) -> str | None:
        """Take what was built into use, and say so; or why it could not be built."""
        if self._thread is None or self._thread.is_alive():
            return None
        self._thread, self.doing = None, ""
        if self._built is None:
            return f"the upgrade failed: {self._failure}" if self._failure else None
        built, self._built = self._built, None
        self._chat.use(built)
        return f"index: tier {built.tier} is in use now"

    def close(self) -> None:
        """Give up what is being built."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    def _build(self, tier: int) -> None:
        self._built, self._failure = None, ""
        try:
            self._built = self._chat.build(tier, self._progress)
            self.doing = f"tier {tier} is ready"
        except _GivenUp:
            pass
        except Exception as error:  # noqa: BLE001 - told in one line; the chat goes on
            self._failure = one_line(str(error) or type(error).__name__)

    def _progress(self, what: str, done: float, total: float) -> None:
        if self._over.is_set():
            raise _GivenUp
        self.doing = f"{what} {done / total:.0%}" if total else what
