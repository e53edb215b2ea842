"""Memory of a long chat: the real session, jail, tools, view and transcript; a scripted model.

::

    python tests/bench/bench_chat.py [QUESTIONS]

Each question has two turns: one looks at frames, measures and prints, the next one answers. 120
questions are more than a person asks in ten minutes. What grows is what is kept on purpose, the
conversation with its pictures; it is told apart from the rest. Without a known context of the model
nothing of it is ever put into few words, so that is the worst case.
"""

from __future__ import annotations

import gc
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from machine import machine
from rich.console import Console

from rlm.agent.budget import Budget
from rlm.agent.chat import Chat
from rlm.agent.choose import Choice
from rlm.agent.llm import Message, ModelLimits, Reply, Usage
from rlm.agent.models import Models
from rlm.agent.preparing import Prepared
from rlm.config import Config
from rlm.index import VideoIndex
from rlm.ui.console import ConsoleView
from rlm.world.files import write_film
from rlm.world.film import make_film

QUESTIONS = 120
MOST_GROWTH = 10.0
"""MB from a third of the chat to its end, beside what is kept of the conversation."""
LOOK = """\
frames = extract_frames({at}, {at} + 2, fps=4, size=120)
print(frames.rgb.mean(axis=(1, 2, 3)), "x" * 500)
show(frames.rgb[:1])"""


class Scripted:
    """A model that looks, and then answers; it says its replies in pieces."""

    name = "scripted"
    limits = ModelLimits()

    def __init__(self) -> None:
        self._turns = 0

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """It is free."""
        return 0.0

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """One reply."""
        self._turns += 1
        source = LOOK.format(at=self._turns % 30) if self._turns % 2 else "answer('seen')"
        text = f"Next.\n```python\n{source}\n```"
        for at in range(0, len(text), 20):
            if on_text is not None:
                on_text(text[at : at + 20])
        return Reply(text, Usage(100, 10, 0.0))


def resident() -> float:
    """MB of this process that are in memory."""
    gc.collect()
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096 / 2**20


def kept(chat: Chat) -> float:
    """MB of the conversation: its words and its pictures."""
    assert chat.session is not None
    messages = [m for turn in chat.session._conversation.turns for m in turn.messages]
    words = sum(len(message.text) for message in messages)
    return (words + sum(len(p.jpeg) for m in messages for p in m.pictures)) / 2**20


def main() -> int:
    """Measure and print; 1 when it grows by more than is asked, else 0."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else QUESTIONS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = write_film(make_film(3, 40), folder, fps=10, side=128).film
        index = VideoIndex.build(film, "builtin", cache=folder / "cache")
        budget = Budget(calls=None)
        ready = Prepared(
            index.video, Choice("scripted", ""), None, Models(Scripted()), "builtin", budget,
            Config(), folder / "runs",
        )  # fmt: skip
        view = ConsoleView(Console(file=io.StringIO(), width=80))
        chat = Chat(ready, index, sinks=[view], store=view.store)
        rows, began = [], time.monotonic()
        for asked in range(1, number + 1):
            assert chat.ask(f"What is at {asked}?").answer is not None
            view._console.file = io.StringIO()  # a terminal keeps what was printed, not this
            if asked in (1, number // 3, 2 * number // 3, number):
                rows.append((asked, time.monotonic() - began, resident(), kept(chat)))
        chat.close()
    print(machine())
    for asked, seconds, memory, words in rows:
        print(f"question {asked}: {memory:.0f} MB after {seconds:.0f} s, "
              f"of these {words:.1f} MB conversation")  # fmt: skip
    _, third, *_, last = rows
    growth = (last[2] - last[3]) - (third[2] - third[3])
    holds = growth <= MOST_GROWTH
    print(f"growth beside the conversation: {growth:.1f} MB "
          f"({'goal' if holds else 'MISSED, goal'}: at most {MOST_GROWTH:g})")  # fmt: skip
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
