"""A made-up run in which every kind of event comes up, to look at what renderers make of them."""

from __future__ import annotations

from typing import Any

from rlm.agent import events as ev

OPTIONS = ("a red car", "a bus that turns right at the crossing, then stops beside the blue kiosk")
LIMITS = {"turns": 12, "calls": 64, "tokens": None, "usd": 0.25, "seconds": 600.0, "frames": None,
          "depth": 1}  # fmt: skip
CODE = """import numpy as np

scenes = get_scenes()
found = [hit for hit in search("a car that turns", k=5, modality="visual") if hit.score > 0.25 and hit.span.end < 31]
for hit in found:
    show(extract_frames(hit.start, hit.end, count=3))
print(len(scenes), "scenes", [round(hit.score, 2) for hit in found])"""  # noqa: E501
WRAP_UP = "The budget is spent (turns: 12 of 12 spent). Answer now."


def _reply(turn: int, text: str, at: float, **more: Any) -> ev.ModelReplied:
    usage: dict[str, Any] = {"input_tokens": 5200, "output_tokens": 310, "usd": 0.0203}
    return ev.ModelReplied(at=at, turn=turn, text=text, seconds=2.31, **(usage | more))


def _observed(turn: int, at: float, *texts: str, pictures: tuple[str, ...] = (), **more: Any):
    parts: list[ev.Text | ev.Image] = [ev.Text(text=text) for text in texts]
    for label in pictures:
        parts += [ev.Text(text=f"[{label}]"), ev.Image(sha256="ab", label=label)]
    parts.append(ev.Text(text=f"[turn {turn} done; left: 9 turns]"))
    return ev.Observed(
        at=at, turn=turn, parts=tuple(parts), frames=len(pictures), seconds=0.4, **more
    )


def _tool(turn: int, at: float, tool: str, arguments: str, result: str, **more: Any):
    values: dict[str, Any] = {"seconds": 0.0213} | more
    return ev.ToolCalled(at=at, turn=turn, tool=tool, arguments=arguments, result=result, **values)


def _sub(place: str, question: str, start: float, end: float, at: float) -> ev.SubSessionStarted:
    return ev.SubSessionStarted(
        at=at, session=place, turn=2, question=question, options=(), span=(start, end), model="m",
        limits=LIMITS,
    )  # fmt: skip


def _ended(at: float, status: Any, place: str = "", reason: str = "") -> ev.SessionEnded:
    return ev.SessionEnded(
        at=at, session=place, status=status, reason=reason, turns=3, frames=7, tokens=16530,
        usd=0.0609,
    )  # fmt: skip


EVENTS: tuple[ev.Event, ...] = (
    ev.SessionStarted(
        at=0, videorlm="0", started="2030-01-01T00:00:00+00:00", question="What turns at 0:30?",
        options=OPTIONS, model="anthropic/claude-sonnet-4-6", preset="builtin", index_key="k",
        video=ev.VideoInfo(
            name="a street.mp4", sha256="0", duration=61, width=640, height=360, frame_rate=25
        ),
        sandbox_level="bubblewrap", limits=LIMITS, prompt_sha256="0",
    ),
    ev.Prompted(at=0.1, role="system", parts=(ev.Text(text="You answer questions."),)),
    ev.Prompted(at=0.1, role="user", parts=(ev.Text(text="What turns at 0:30?"),)),
    ev.ModelCalled(at=0.1, turn=1),
    ev.ReplyDelta(at=1.5, turn=1, text="I look for it first."),
    _reply(1, f"I look for it first.\n```python\n{CODE}\n```", 2.4, reasoning="First\nthe cars."),
    ev.CellStarted(at=2.4, turn=1, code=CODE),
    _tool(1, 2.5, "get_scenes", "", "[Scene(start=0, end=6.2), Scene(start=6.2, end=12.4), ...]"),
    _tool(1, 2.6, "search", "'a car that turns', k=5, modality='visual'", "[Hit(start=28.1, end=3"
          "2.4, score=0.31, source='visual'), Hit(start=4, end=8, score=0.28, source='visual')]"),
    _tool(1, 14.7, "detect_objects", "0, 61", "12 sights", seconds=12.08),
    *(_tool(1, 14.8, "extract_frames", f"{n}, {n + 4}", "Frames(times=3)") for n in range(4)),
    _tool(1, 14.9, "show", "Frames(times=3)", "ValueError: 48 pictures are over 32", failed=True),
    ev.Noted(at=15, turn=1, fact="a car turns right", span=(28.125, 32.4)),
    ev.Noted(at=15, turn=1, fact="nobody crosses the street in all of the video", span=None),
    _observed(1, 15.1, "13 scenes [0.31, 0.28]", *(f"line {n}" for n in range(20)),
              pictures=("frame at 28.12 s", "frame at 30.00 s", "frame at 32.00 s")),
    ev.Compacted(at=15.2, turn=1, tokens_before=91000, tokens_after=30400, kept=(),
                 summarised=(1,), drift=None, space=None),
    ev.ModelCalled(at=15.2, turn=2),
    _reply(2, "```python\nanswers = rlm_query_batched(...)\n```", 17.5, usd=None,
           model="openai/gpt-5.4", cached=True),
    ev.CellStarted(at=17.5, turn=2, code="answers = rlm_query_batched(...)"),
    ev.ToolModelUsed(
        at=18.1, turn=2, prompt="Which way does it turn?\nOne word.", reply="Right.", seconds=0.6,
        images=(ev.Image(sha256="ab", label="frame at 30.00 s"),), input_tokens=900,
        output_tokens=3, usd=0.001,
    ),
    ev.ToolModelUsed(
        at=18.9, turn=2, prompt="And then?", images=(), reply="", error="the endpoint is down",
        seconds=0.8, input_tokens=None, output_tokens=None, usd=None,
    ),
    _sub("1", "Does the car stop beside the kiosk, or go on?", 0, 30.5, 19),
    _sub("2", "車は曲がりますか。交差点で右に曲がるのは赤い車ですか、バスですか。", 30.5, 61, 19),
    ev.ModelCalled(at=19.1, session="1", turn=1),
    ev.ModelCalled(at=19.1, session="2", turn=1),
    _reply(1, "Look.\n```python\nshow(extract_frames(3))\n```", 21, session="1"),
    ev.CellStarted(at=21, session="1", turn=1, code="show(extract_frames(3))"),
    _reply(1, "```python\n1 / 0\n```", 21.2, session="2"),
    ev.CellStarted(at=21.2, session="2", turn=1, code="1 / 0"),
    _tool(1, 21.3, "extract_frames", "3, count=1, size=(1280, 720), span=(0, 30.5)",
          "Frames(start=3, end=3.04, times=1, rgb=1x720x1280x3)", session="1"),
    _observed(1, 21.4, "ZeroDivisionError: division by zero", session="2", failure="error"),
    _observed(1, 21.5, pictures=("frame at 3.00 s",), session="1"),
    _sub("1.1", "What stands beside the kiosk?", 0, 3, 21.6),
    _ended(22.5, "no_answer", "1.1", "turns: 8 of 8 spent"),
    ev.Answered(at=23, session="1", turn=2, answer="it goes on", choice=None,
                evidence=((2.5, 3.5),), confidence=0.8),
    _ended(23, "answered", "1"),
    _ended(24, "failed", "2", "the endpoint is down"),
    _observed(2, 24, "[SubAnswer(text='it goes on'), SubAnswer(text=None)]"),
    ev.Prompted(at=24.1, role="user", parts=(ev.Text(text=WRAP_UP),)),
    ev.ModelCalled(at=24.1, turn=3),
    _reply(3, "```python\nanswer('A')\n```", 26, usd=None),
    ev.CellStarted(at=26, turn=3, code="answer('A', evidence=[(28.1, 32.4)], confidence=0.9)"),
    _tool(3, 26, "answer", "'A'", ""),
    _observed(3, 26.1),
    ev.Answered(at=26.1, turn=3, answer="a red car", choice=0, evidence=((28.1, 32.4),),
                confidence=0.9, best_effort=True),
    ev.QuestionAsked(at=60, turn=3, question="And what does it do next?", options=()),
    ev.Prompted(at=60, role="user", parts=(ev.Text(text="And what does it do next?"),)),
    ev.ModelCalled(at=60, turn=4),
    ev.Interrupted(at=61, turn=4, what="reply", text="I would", input_tokens=900, output_tokens=2),
    ev.Paused(at=61, turn=3),
    ev.LimitsChanged(at=61.5, turn=3, limits={"turns": 20, "calls": 64, "usd": None}),
    ev.ModelChanged(at=62, turn=3, model="local/model"),
    ev.IndexChanged(at=62, turn=3, preset="fast", index_key="d" * 16, tier=3),
    ev.Resumed(at=62.5, turn=3),
    ev.Prompted(at=62.5, role="user", parts=(
        ev.Text(text="The person who asked says:"), ev.Text(text="Only the red one."))),
    ev.ToolStarted(at=63, turn=4, tool="search", arguments="'a red car'"),
    _ended(64, "interrupted", reason="interrupted by the user"),
)  # fmt: skip
