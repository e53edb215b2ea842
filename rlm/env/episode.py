"""One session, run in a thread of its own, whose model is whoever calls :meth:`Episode.step`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rlm.agent import events as ev
from rlm.agent.budget import Budget, Meter
from rlm.agent.llm import LanguageModel, Message, Picture, Reply
from rlm.agent.models import Models
from rlm.agent.place import Place, Result
from rlm.agent.record import Record
from rlm.agent.session import Jail, Session
from rlm.env.policy import Nobody, Policy
from rlm.errors import EpisodeFailed, JailError, VideoRLMError
from rlm.evaluation.items import Item
from rlm.tools import Tool
from sandbox import Sandbox, SandboxError

if TYPE_CHECKING:
    from rlm.index import VideoIndex


class Episode:
    """Asks ``item`` about ``index.video``; :meth:`start` it, :meth:`step` to its end, :meth:`stop`.

    ``meter`` is what was spent so far, ``events`` what the session emitted, ``failure`` how the
    code of the newest reply failed. Raises ``UsageError`` as ``Session`` does.
    """

    def __init__(
        self, index: VideoIndex, item: Item, budget: Budget, jail: Jail, sub: LanguageModel | None
    ) -> None:
        self.item = item
        self.meter = Meter(budget)
        self.events: list[ev.Event] = []
        self.failure: str | None = None
        self.result: Result | None = None
        self._jail = jail
        self._policy = Policy()
        self._messages: tuple[Message, ...] = ()
        self._observed: Message | None = None
        self._media: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._sandboxes: list[Sandbox] = []
        self._stopped = False
        self._session = Session(
            index=index,
            models=Models(self._policy, sub or Nobody()),
            question=item.question,
            options=item.options,
            budget=budget,
            jail=self._open,
            place=Place(Record([self._note], self._media.__setitem__), self.meter),
        )
        # A daemon: an episode that nobody ended must not hold up the end of the program.
        self._thread = threading.Thread(target=self._run, name="episode", daemon=True)

    def start(self) -> tuple[Message, ...]:
        """What the model reads first; raises as :meth:`step`."""
        self._thread.start()
        return self._next()

    def step(self, reply: Reply) -> tuple[Message, ...]:
        """Run the reply; what the model reads next, or last: then ``result`` is set.

        Raises ``JailError`` when the jail is lost, ``EpisodeFailed`` when the session broke or was
        stopped by another thread, and any ``VideoRLMError`` that ended the session.
        """
        self.failure, self._observed = None, None
        self._policy.say(reply)
        before = (*self._messages, Message("assistant", (reply.text,)))
        messages = self._next()
        if self.result is None:
            return messages
        return (*before, self._observed) if self._observed is not None else before

    def stop(self) -> None:
        """End the session, in whatever it is, and wait until it has; again does nothing.

        It then ends as interrupted. Cells that run are killed; a call to a ``sub_model`` under way
        is waited for.
        """
        with self._lock:
            self._stopped = True
            sandboxes = list(self._sandboxes)
        self._policy.say(None)
        for sandbox in sandboxes:
            sandbox.close()
        if self._thread.ident is not None:
            self._thread.join()

    # ---- in the thread of the caller

    def _next(self) -> tuple[Message, ...]:
        heard = self._policy.heard()
        if isinstance(heard, Result):
            self.result = heard
        elif self._stopped:  # whatever it says: nobody will hear a reply
            raise EpisodeFailed("the episode was closed while it ran")
        elif isinstance(heard, tuple):
            self._messages = heard
        elif isinstance(heard, SandboxError):
            raise JailError(str(heard)) from heard
        elif isinstance(heard, VideoRLMError):
            raise heard
        else:
            assert isinstance(heard, BaseException)
            raise EpisodeFailed(f"the episode broke: {type(heard).__name__}: {heard}") from heard
        return self._messages

    # ---- in the thread of the session

    def _run(self) -> None:
        try:
            self._policy.ended(self._session.run())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of the caller
            self._policy.ended(error)

    def _open(self, functions: Mapping[str, Tool], records: Sequence[type]) -> Sandbox:
        sandbox = self._jail(functions, records)
        with self._lock:
            self._sandboxes.append(sandbox)
            stopped = self._stopped
        if stopped:
            sandbox.close()
        return sandbox

    def _note(self, event: ev.Event) -> None:
        self.events.append(event)
        if isinstance(event, ev.Observed) and not event.session:
            self.failure = event.failure
            parts = [
                part.text
                if isinstance(part, ev.Text)
                else Picture(self._media[part.sha256], part.label)
                for part in event.parts
            ]
            self._observed = Message("user", tuple(parts))
