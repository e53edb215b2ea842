"""Long conversations stay within what their model reads."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rlm.agent.compaction import AIM, MOST_DRIFT, NEAR, RECENT, TextSpace, compact
from rlm.agent.conversation import PICTURE, Conversation, Turn
from rlm.agent.llm import Message, Picture
from rlm.agent.opening import next_question
from rlm.spans import Span


def words(texts: list[str]) -> NDArray[np.float32]:
    """A unit vector of how often each letter comes."""
    counts = np.array(
        [[text.lower().count(chr(97 + n)) + 1e-3 for n in range(26)] for text in texts]
    )
    return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


SPACE = TextSpace("letters", words)


def conversation(*observed: str) -> Conversation:
    made = Conversation([Message("system", ("s" * 400,)), Message("user", ("Question: q",))])
    for number, text in enumerate(observed, start=1):
        reply = Message("assistant", (f"Turn {number}.\n```python\nprint(1)\n```",))
        seen = Message("user", (text, f"[turn {number} done; left: 9 turns]"))
        made.turns.append(Turn(number, reply, seen))
    return made


def test_nothing_is_done_while_there_is_room() -> None:
    talk = conversation("a" * 400, "b" * 400, "c" * 400)
    assert compact(talk, "q", 10_000, SPACE) is None
    assert all(turn.whole for turn in talk.turns)


def test_what_is_near_the_question_stays_whole() -> None:
    rows = ["zebra " * 200, "mmm nnn " * 150, "zzz ebra " * 130, "ooo ppp " * 150, "qqq " * 9, "r"]
    talk = conversation(*rows)
    before = talk.tokens()
    done = compact(talk, "zebra zebra", int(before / NEAR) - 1, SPACE)
    assert done is not None
    assert done.tokens_before == before > done.tokens_after
    assert done.space == "letters"
    assert {5, 6} <= set(done.kept)
    whole = [turn.number for turn in talk.turns if turn.whole]
    assert whole == list(done.kept)
    assert 1 in whole or done.drift > MOST_DRIFT
    told = talk.messages()[2].text
    for number in done.summarised:
        assert f"turn {number}: Turn {number}." in told


def test_notes_are_told_and_everything_can_be_read_again() -> None:
    talk = conversation(*["x" * 2000] * 6)
    talk.notes.append(("the door opens", Span(3, 4)))
    compact(talk, "q", 2000, None)
    told = talk.messages()[2].text
    assert "the door opens (3 to 4 s)" in told
    assert "x" * 2000 in talk.history(1)
    assert talk.history(None).count("--- turn") == 6


def test_without_a_text_space_the_newest_stay() -> None:
    talk = conversation(*["x" * 2000] * 6)
    done = compact(talk, "q", 2400, None)
    assert done is not None
    assert done.kept[-RECENT:] == (5, 6)
    assert list(done.kept) == sorted(done.kept)
    assert min(done.kept) > max(done.summarised)
    assert (done.drift, done.space) == (None, None)


def test_a_model_teaches_how_it_counts() -> None:
    talk = conversation("a" * 4000)
    messages = talk.messages()
    first = talk.tokens()
    talk.learn(messages, 2 * first)
    assert abs(talk.tokens() - 2 * first) <= 2
    talk.learn(messages, 0)
    assert abs(talk.tokens() - 2 * first) <= 2


def test_the_question_at_hand_is_never_put_into_few_words() -> None:
    talk = conversation(*["x" * 2000] * 6)
    talk.asked = Message(
        "user", (next_question("Where does the heron land?", ["pond", "roof"], [], "9 turns"),)
    )
    talk.turns[1].before = (talk.asked,)
    compact(talk, "q", 2000, None)
    assert not talk.turns[1].whole
    messages = talk.messages()
    assert messages[3] is talk.asked
    assert "turn 2: asked: Where does the heron land?" in messages[2].text
    talk.asked = Message("user", ("Question: another",))
    assert all("Another question about" not in message.text for message in talk.messages())


def test_pictures_that_are_not_sent_do_not_weigh() -> None:
    talk = conversation(*"abcd")
    for turn in talk.turns:
        turn.observed = Message("user", ("seen", Picture(b"jpeg", "frame"), "[turn done]"))
    every = talk.tokens()
    talk.most_pictures = 1
    assert every - talk.tokens() > 2 * PICTURE
    assert [len(m.pictures) for m in talk.messages()][-3:] == [0, 0, 1]


def test_pictures_after_those_that_were_too_many_are_shown() -> None:
    talk = conversation(*"ab")
    shown = Message("user", ("seen", Picture(b"jpeg", "frame"), "[turn done]"))
    talk.turns[0].observed = shown
    talk.drop_pictures()
    talk.reply(3, "More.")
    talk.turns[2].observed = shown
    assert sum(len(message.pictures) for message in talk.messages()) == 1
    assert talk.messages()[-1] == shown


def test_pictures_weigh_and_their_labels_stay() -> None:
    talk = conversation("a", "b", "c", "d")
    picture = Picture(b"jpeg", "frame at 2.00 s")
    for turn in talk.turns:
        turn.observed = Message("user", ("seen", picture, "[turn done]"))
    done = compact(talk, "q", 3000, None)
    assert done is not None
    assert "saw 1 picture: frame at 2.00 s" in talk.messages()[2].text


@settings(max_examples=40)
@given(
    st.lists(st.text("abcdefg \n", max_size=3000), min_size=1, max_size=12),
    st.integers(500, 5000),
    st.booleans(),
)
def test_it_always_ends_and_never_grows(rows: list[str], context: int, embeds: bool) -> None:
    talk = conversation(*rows)
    done = compact(talk, "a question", context, SPACE if embeds else None)
    if done is None:
        return
    assert set(done.kept) | set(done.summarised) == {turn.number for turn in talk.turns}
    whole = sum(turn.whole for turn in talk.turns)
    assert whole >= min(RECENT, len(rows))
    if whole > RECENT:
        assert done.tokens_after <= NEAR * context
    if done.drift is not None and done.drift <= MOST_DRIFT and whole > RECENT:
        assert done.tokens_after <= max(AIM, NEAR) * context
    assert compact(talk, "a question", 10 * done.tokens_before, None) is None
