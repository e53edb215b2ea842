"""What lines of a chat mean, what a TAB offers, and what the bar says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.ui.chat.bar import State, line
from rlm.ui.chat.completion import ChatCompleter
from rlm.ui.chat.words import Command, moment, read, without_moment


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("/find a red  car ", Command("find", "a red  car")),
        ("/help", Command("help", "")),
        ("/note two\nlines", Command("note", "two\nlines")),
        ("/tmp/x.png looks like what?", "/tmp/x.png looks like what?"),
        ("  Who / what? ", "Who / what?"),
    ],
)
def test_a_line_is_a_command_or_a_question(typed: str, means: Command | str) -> None:
    assert read(typed) == means


def test_moments() -> None:
    assert moment("@1:04-1:10.5") == Span(64, 70.5)
    assert moment("64") == Span(64, 66)
    assert without_moment("a red car @0:03-0:05 turns") == ("a red car turns", Span(3, 5))
    assert without_moment("mail a@b.c") == ("mail a@b.c", None)
    for bad in ("@soon", "@9-3", "@"):
        with pytest.raises(UsageError):
            moment(bad)


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    scenes = [Span(0, 6.2), Span(6.2, 64), Span(64, 75)]
    completer = ChatCompleter(
        {"find": "by text", "frames": "show"}, {"upgrade": ["1", "2", "3"]}, lambda: scenes
    )

    def offer(text: str) -> list[str]:
        found = completer.get_completions(Document(text), CompleteEvent())
        return [text[: len(text) + each.start_position] + each.text for each in found]

    return offer


def test_what_a_tab_offers(offered) -> None:
    assert offered("/f") == ["/find", "/frames"]
    assert offered("/upgrade ") == ["/upgrade 1", "/upgrade 2", "/upgrade 3"]
    assert offered("/frames @") == ["/frames @0:00.0", "/frames @0:06.2", "/frames @1:04.0"]
    assert offered("what is at @14") == ["what is at @1:04.0"]  # fuzzy
    assert offered("/frames @0:06-") == ["/frames @0:06-0:06.2", "/frames @0:06-1:04.0",
                                         "/frames @0:06-1:15.0"]  # fmt: skip
    assert offered("/save ./no") == ["/save ./notes.txt"]
    assert offered("who is ") == offered("") == offered("/nope") == []


STATE = State("openai/gpt", "builtin", 2, 7, (1200, 4000), 0.0312, False, "5 turns, $0.219")


def test_the_bar_leaves_out_what_matters_least() -> None:
    whole = line(STATE, 200)
    assert whole == (
        " openai/gpt · builtin tier 2 · turn 7 · context 30% · $0.0312 · left: 5 turns, $0.219 "
    )
    for width in range(20, 100):
        assert len(line(STATE, width)) <= width
    assert line(STATE, len(whole) - 1).endswith("· left: 5 turns ")
    assert line(STATE, len(whole) - 10).endswith("· $0.0312 ")
    narrow = line(replace(STATE, doing="encoding 40%"), 46)
    assert narrow == " openai/gpt · turn 7 · $0.0312 · encoding 40% "


def test_an_unknown_price_is_never_nothing() -> None:
    assert "price unknown" in line(replace(STATE, usd=None), 200)
    assert "free" in line(replace(STATE, usd=0.0, free=True), 200)
    assert "$0.0000" in line(replace(STATE, usd=0.0), 200)
    assert "context 1.2k tokens" in line(replace(STATE, context=(1200, None)), 200)
