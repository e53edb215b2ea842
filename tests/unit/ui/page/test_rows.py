"""What the page is told of each event."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import UNKNOWN, answered, call, ended, header, observed, reply

from rlm.agent import events as ev
from rlm.ui.page.code import highlighted
from rlm.ui.page.rows import Rows


def row(event: ev.Event) -> dict:
    made = Rows()(event)
    assert made is not None
    return made


def test_code_is_apart_from_words_and_in_colours() -> None:
    told = row(reply(1, "I look.\n```python\nx = len('a')  # how long\n```\n```python\nno\n```"))
    assert (told["prose"], told["blocks"], told["turn"]) == ("I look.", 2, 1)
    assert told["code"] == [
        "",
        "x = ",
        "b",
        "len",
        "",
        "(",
        "s",
        "'a'",
        "",
        ")  ",
        "c",
        "# how long",
    ]
    assert "text" not in told


@given(st.text())
def test_the_pieces_of_code_are_all_of_it(code: str) -> None:
    pieces = highlighted(code)
    assert "".join(pieces[1::2]) == code.replace("\r\n", "\n").replace("\r", "\n")
    assert set(pieces[::2]) <= set("csnkfb") | {""}


def test_output_is_apart_from_labels_and_from_what_is_left() -> None:
    told = row(observed(1, "one\ntwo", ev.Image(sha256="ab", label="frame at 1.00 s")))
    assert told["text"] == "one\ntwo"
    assert told["left"] == "9 turns"
    assert told["images"] == [{"id": "ab", "label": "frame at 1.00 s"}]
    assert row(ev.Observed(at=0, turn=1, parts=(), seconds=0))["text"] == ""


@pytest.mark.parametrize(
    ("tool", "lane"),
    [("extract_frames", "looked"), ("search", "found"), ("predict_future", "foretold"),
     ("surprise_curve", "curve"), ("note", None)],
)  # fmt: skip
def test_where_a_call_is_drawn(tool: str, lane: str | None) -> None:
    told = row(call(1, tool, (1, 2)))
    assert told["lane"] == lane
    assert told["spans"] == ([[1, 2]] if lane else [])


def test_older_runs_tell_spans_in_words() -> None:
    result = "Frames(start=527.5, end=532, times=60, rgb=60x96x96x3)"
    assert row(call(1, "extract_frames", result=result))["spans"] == [[527.5, 532.0]]
    assert row(call(1, "extract_frames", result=result, failed=True))["spans"] == []


def test_an_unknown_price_stays_unknown() -> None:
    told = row(reply(1, "x", **UNKNOWN))
    assert (told["usd"], told["input_tokens"]) == (None, None)
    assert row(ended(1))["usd"] is None


def test_choices_have_letters() -> None:
    assert row(header(options=("a", "b")))["options"] == [["A", "a"], ["B", "b"]]
    assert row(answered(1, "b", choice=1))["choice"] == "B"
    assert row(answered(1, "b"))["choice"] is None


def test_a_system_prompt_is_told_once() -> None:
    rows = Rows()
    prompt = ev.Prompted(at=0, role="system", parts=(ev.Text(text="rules"),))
    assert rows(prompt) is not None
    assert rows(prompt.model_copy(update={"session": "1"})) is None
    assert rows(ev.Prompted(at=0, role="user", parts=(ev.Text(text="rules"),))) is not None


def test_the_order_to_wrap_up_is_known() -> None:
    text = ev.Text(text="The budget is spent (12 turns). Answer.")
    assert row(ev.Prompted(at=0, role="user", parts=(text,)))["wrap_up"]


def test_every_row_is_json_and_shows_its_order() -> None:
    wild = "\x1b[2J\u202eevil\x00"
    events = [
        header(question=wild, video={"name": wild, "duration": float("inf")}),
        reply(1, f"```python\n'{wild}'\n```", seconds=float("nan")),
        call(1, wild, arguments=wild),
        observed(1, wild),
        ev.Noted(at=1, turn=1, fact=wild, span=None),
        ev.ToolModelUsed(at=1, turn=1, prompt=wild, images=(), reply=wild, seconds=1, **UNKNOWN),
        ev.SubSessionStarted(
            at=1, session="1", turn=1, question=wild, options=(wild,), span=(0, 1), model=wild,
            limits={},
        ),
    ]  # fmt: skip
    for event in events:
        text = json.dumps(row(event), ensure_ascii=False, allow_nan=False)
        assert not set(text) & set("\x1b\x00\u202e")
        assert "[2J\\\\u202eevil" in text
