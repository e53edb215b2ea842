"""What a session looks like in the terminal, event by event."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from rlm.agent import events as ev
from rlm.ui.console import MAX_CALLS, MAX_EVIDENCE, ConsoleView, answer_lines, clean

START = ev.SessionStarted(
    at=0, videorlm="0", started="2030-01-01T00:00:00+00:00", question="What [bold]moves[/bold]?",
    options=("a car", "a dog"),
    video=ev.VideoInfo(name="a.mp4", sha256="0", duration=61, width=640, height=360, frame_rate=25),
    model="m", preset="builtin", index_key="k", sandbox_level="bubblewrap", limits={},
    prompt_sha256="0",
)  # fmt: skip


def show(*events: ev.Event, width: int = 80) -> str:
    out = io.StringIO()
    view = ConsoleView(Console(file=out, width=width, highlight=False, color_system=None))
    for event in events:
        view(event)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def reply(text: str, turn: int = 1, usd: float | None = 0.01) -> ev.ModelReplied:
    return ev.ModelReplied(
        at=1, turn=turn, text=text, seconds=1.25, input_tokens=900, output_tokens=40, usd=usd
    )


def call(**changes: object) -> ev.ToolCalled:
    values: dict = {
        "at": 1, "turn": 1, "tool": "search", "arguments": "'a car'", "result": "[Hit(start=4)]",
        "seconds": 0.0123,
    }  # fmt: skip
    return ev.ToolCalled(**(values | changes))


def observed(*texts: str, images: int = 0, failure: str | None = None) -> ev.Observed:
    parts: list = [ev.Text(text=text) for text in texts]
    for n in range(images):
        parts += [
            ev.Text(text=f"[frame at {n}.00 s]"),
            ev.Image(sha256="0", label=f"frame at {n}.00 s"),
        ]
    parts.append(ev.Text(text="[turn 1 done; left: 3 turns]"))
    return ev.Observed(
        at=2, turn=1, parts=tuple(parts), frames=images, failure=failure, seconds=0, host_seconds=0
    )


def test_header() -> None:
    assert show(START) == (
        "What [bold]moves[/bold]?\n  A. a car\n  B. a dog\na.mp4 · 1:01.0 · 640x360\n"
        "model m · preset builtin · sandbox bubblewrap"
    )


def test_a_turn() -> None:
    told = show(
        reply("I look.\n```python\nx = 1\n```"),
        ev.CellStarted(at=1, turn=1, code="x = 1"),
        call(),
        observed("one\ntwo", images=2),
    )
    assert told.splitlines() == [
        "",
        "turn 1 · 1.2 s · 900 tokens in, 40 out · $0.0100 " + "─" * 31,
        "I look.",
        "  x = 1",
        "  · search('a car') 12 ms [Hit(start=4)]",
        "  one",
        "  two",
        "  ▣ frame at 0.00 s",
        "  ▣ frame at 1.00 s",
    ]


def test_an_unknown_price_is_not_shown_as_zero() -> None:
    assert "$" not in show(reply("x", usd=None))
    end = ev.SessionEnded(at=3, status="answered", turns=1, frames=2, tokens=940, usd=None)
    answer = ev.Answered(
        at=3, turn=1, answer="x", choice=None, evidence=((1, 2.5),), confidence=0.5
    )
    assert answer_lines(answer, end) == [
        "evidence: 0:01.0-0:02.5",
        "confidence: 0.50",
        "took: 1 turn, 2 frames shown, 940 tokens, price unknown, 3.0 s",
    ]


def test_much_is_cut() -> None:
    told = show(reply("x"), *[call() for _ in range(30)], observed("\n".join(map(str, range(100)))))
    assert told.count("· search") == MAX_CALLS
    assert "· and more calls" in told
    assert "... 86 more lines" in told
    assert "... to frame at 9.00 s, 10 in all" in show(observed("", images=10))


def test_long_code_is_cut_unless_all_is_wanted() -> None:
    cell = ev.CellStarted(at=1, turn=1, code="\n".join(f"x{n} = {n}" for n in range(100)))
    assert "... 70 more lines of code" in show(cell)
    out = io.StringIO()
    ConsoleView(Console(file=out, width=80, color_system=None), code_lines=None)(cell)
    assert "x99 = 99" in out.getvalue()


def test_failures_are_always_shown() -> None:
    told = show(
        reply("x"), *[call() for _ in range(30)], call(failed=True, result="ValueError: no")
    )
    assert "failed: ValueError: no" in told


def test_what_is_broken_hangs_where_its_line_begins() -> None:
    code = "for hit in hits:\n    if hit:\n        print('a', 'long', 'line', hit.span)\n\tx = 1"
    cell = ev.CellStarted(at=1, turn=1, code=code)
    broken = [
        "  for hit in hits:",
        "      if hit:",
        "          print('a', 'long',",
        "          'line', hit.span)",
        "          x = 1",
    ]
    assert show(cell, width=30).splitlines() == broken
    out = io.StringIO()
    console = Console(file=out, width=30, force_terminal=True, color_system="256")
    ConsoleView(console)(cell)
    assert Text.from_ansi(out.getvalue()).plain.splitlines() == broken
    told = show(observed("{'a': 1,\n '" + "b" * 30 + "': 2}"), width=30)
    assert told.splitlines() == ["  {'a': 1,", "   '" + "b" * 26, "   bbbb': 2}"]
    deep = ev.CellStarted(at=1, turn=1, code=" " * 40 + "x = " + "1 + " * 9 + "1")
    assert all(line.startswith(" " * 16) for line in show(deep, width=30).splitlines())


def test_of_much_evidence_the_first_is_told() -> None:
    def told(number: int) -> str:
        spans = tuple((float(n), n + 1.0) for n in range(number))
        answer = ev.Answered(at=3, turn=1, answer="x", choice=None, evidence=spans, confidence=None)
        return answer_lines(answer, None)[0]

    assert told(MAX_EVIDENCE + 1).count(", ") == MAX_EVIDENCE
    assert told(40).endswith("0:05.0-0:06.0 and 34 more")


def test_every_line_fits() -> None:
    events = (START, reply("word " * 60), call(arguments="'" + "y" * 300), observed("z" * 500))
    for width in (60, 200):
        assert max(map(len, show(*events, width=width).splitlines())) <= width


def test_no_escape_sequence_reaches_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2Jred\x9b31m\r\x08\tkept\n"
    told = show(
        reply(evil), ev.CellStarted(at=1, turn=1, code=evil), call(result=evil), observed(evil)
    )
    assert not set(told) & set("\x1b\x07\x08\x9b\r")
    assert clean("a\r\nb\tc") == "a\nb\tc"


def test_how_a_run_ends() -> None:
    wrap = ev.Prompted(at=9, role="user", parts=(ev.Text(text="The budget is spent (turns)."),))
    end = ev.SessionEnded(
        at=3, status="failed", reason="the endpoint is down", turns=1, frames=0, tokens=0, usd=0
    )
    told = show(reply("x"), wrap, end)
    assert "the budget is spent: wrapping up" in told
    assert "failed: the endpoint is down" in told
