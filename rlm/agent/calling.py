"""A call of a language model that can be cut short, however silent the model is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from rlm.agent.control import Control
from rlm.agent.llm import LanguageModel, Message, Reply


class CutShort(Exception):
    """The call was cut short; ``text`` is what had come of the reply."""

    def __init__(self, text: str) -> None:
        super().__init__("the reply was cut short")
        self.text = text


class _Unheard(Exception):
    """Nobody listens to the reply any more."""


def complete(
    model: LanguageModel,
    messages: Sequence[Message],
    control: Control,
    on_text: Callable[[str], None] = lambda text: None,
) -> Reply:
    """What ``model`` replies; ``on_text`` gets its pieces, on the thread of the call.

    Raises ``CutShort`` when ``control`` cuts it short, at once: the call, on a thread of its own,
    is left to itself and ends when the next piece arrives. Raises also what the model raises.
    """
    ended: SimpleQueue[Reply | BaseException] = SimpleQueue()
    over = threading.Event()
    said: list[str] = []

    def hear(text: str) -> None:
        if over.is_set():
            raise _Unheard
        if text:
            said.append(text)
            on_text(text)

    def ask() -> None:
        try:
            ended.put(model.complete(messages, hear))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            ended.put(error)

    def cut() -> None:
        over.set()
        ended.put(CutShort("".join(said)))

    try:
        with control.running(cut):
            # A daemon: a model that stays silent must not hold up the end of the program.
            threading.Thread(target=ask, name="model-call", daemon=True).start()
            end = ended.get()
        if isinstance(end, Reply):
            return end
        raise end
    finally:
        over.set()
