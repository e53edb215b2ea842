"""What is said, by time and by words: inflected, mistyped, in any script, across two cues."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.index.spoken.transcript import Transcript
from rlm.video.subtitles import Cue, Subtitles

LINES = """\
This is the optical and science segment of the Webb
space telescope in one of the largest cleanrooms in the world
at NASA’s Goddard Space Flight Center in Greenbelt, Maryland.
This half of the observatory element successfully
passed acoustic and vibration testing.
I went running at night in the bright light.
Die Häuser sind sehr schön gelegen.
望遠鏡は宇宙に行きます
水が好き
The year was 1995.
The year was 1996.
Привет, как дела? Телескопы летают.
L’eau est froide aujourd’hui.
♪ ♪"""


def transcript(lines: list[str], seconds: float = 3.0, gap: float = 0.0) -> Transcript:
    cues = (
        Cue(n * (seconds + gap), n * (seconds + gap) + seconds, line)
        for n, line in enumerate(lines)
    )
    return Transcript(Subtitles("film.srt", None, tuple(cues)))


@pytest.fixture(scope="module")
def spoken() -> Transcript:
    return transcript(LINES.split("\n"))


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("telescope", 1),
        ("TELESCOPES", 1),
        ("telescpoe", 1),
        ("clean", 1),
        ("nasa", 2),
        ("testing vibrations", 4),
        ("light", 5),
        ("haus schon", 6),
        ("宇宙", 7),
        ("水", 8),
        ("1995", 9),
        ("телескоп", 11),
        ("eau", 12),
    ],
)
def test_the_first_hit_says_it(spoken: Transcript, query: str, line: int) -> None:
    hits = spoken.search(query, 3)
    assert hits[0][1] == spoken.cues[line]
    assert all(0 < score <= 1 for score, _ in hits)
    assert [score for score, _ in hits] == sorted((score for score, _ in hits), reverse=True)


def test_the_exact_phrase_scores_1(spoken: Transcript) -> None:
    ((score, cue),) = spoken.search("Goddard space flight", 1)
    assert cue == spoken.cues[2]
    assert score == pytest.approx(1.0)


def test_a_phrase_across_two_cues_is_one_hit(spoken: Transcript) -> None:
    hits = spoken.search("the Webb space telescope", 5)
    assert hits[0][1] == Cue(0.0, 6.0, "\n".join(LINES.split("\n")[:2]))
    assert all(cue.start >= 6.0 for _, cue in hits[1:])


def test_a_phrase_does_not_run_across_a_long_pause() -> None:
    apart = transcript(["the Webb", "space telescope"], gap=10.0)
    found = [cue.text for _, cue in apart.search("the Webb space telescope", 5)]
    assert sorted(found) == ["space telescope", "the Webb"]


def test_words_in_order_are_better_than_out_of_order() -> None:
    said = transcript(["dog bites man", "man bites dog", "man and dog"], gap=10.0)
    hits = said.search("man bites dog", 3)
    assert [cue.text for _, cue in hits] == ["man bites dog", "dog bites man", "man and dog"]
    assert hits[0][0] > hits[1][0] > hits[2][0]


def test_rare_words_weigh_more() -> None:
    said = transcript(["the the the one", "a zebra", *["the other"] * 20], gap=10.0)
    assert said.search("the zebra", 1)[0][1].text == "a zebra"


@pytest.mark.parametrize("query", ["zzz", "1997", "xylophone", "火"])
def test_what_nobody_says_is_no_hit(spoken: Transcript, query: str) -> None:
    assert spoken.search(query, 5) == []


def test_equal_hits_come_by_time() -> None:
    said = transcript(["yes", "no", "yes", "maybe", "yes"], gap=10.0)
    assert [cue.start for _, cue in said.search("yes", 2)] == [0.0, 26.0]
    assert said.search("yes", 5) == said.search("yes", 5)


def test_wishes_that_make_no_sense_are_refused(spoken: Transcript) -> None:
    for query in ("", "  ?! "):
        with pytest.raises(UsageError, match="needs a word"):
            spoken.search(query, 5)
    with pytest.raises(UsageError, match="k is at least 1"):
        spoken.search("x", 0)
    with pytest.raises(UsageError, match="ends before it starts"):
        spoken.between(5, 4)


def test_without_words_nothing_is_found() -> None:
    assert transcript([]).search("telescope") == []
    assert transcript(["♪", "..."]).search("telescope") == []


def test_between_gives_what_is_on_display(spoken: Transcript) -> None:
    assert spoken.between(0, 3) == spoken.cues[:1]
    assert spoken.between(2.9, 6.1) == spoken.cues[:3]
    assert spoken.between(3, 3) == spoken.cues[1:2]
    assert spoken.between(100, 200) == ()


_cues = st.lists(
    st.tuples(
        st.floats(0, 1000),
        st.floats(0.1, 5),
        st.lists(st.sampled_from("red green blue cats dogs run the a 水曜日".split()), min_size=1),
    ),
    max_size=15,
)


@settings(deadline=None)
@given(
    _cues, st.sampled_from(["red dogs", "the cats", "水", "running", "green"]), st.integers(1, 9)
)
def test_hits_do_not_overlap_and_are_cues_of_the_transcript(cues, query: str, k: int) -> None:
    made = sorted(Cue(start, start + length, " ".join(words)) for start, length, words in cues)
    said = Transcript(Subtitles("film.srt", None, tuple(made)))
    hits = said.search(query, k)
    assert len(hits) <= k
    lines = [line for _, cue in hits for line in cue.text.split("\n")]
    left = [cue.text for cue in made]
    for line in lines:
        left.remove(line)
    assert all(0 < score <= 1 + 1e-9 for score, _ in hits)
    asked = query.split()
    if all(word in " ".join(cue.text for cue in made).split() for word in asked):
        assert hits


@settings(deadline=None)
@given(_cues, st.floats(0, 1000), st.floats(0, 50))
def test_between_agrees_with_the_definition(cues, start: float, length: float) -> None:
    made = sorted(Cue(begin, begin + long, " ".join(words)) for begin, long, words in cues)
    said = Transcript(Subtitles("film.srt", None, tuple(made)))
    end = start + length
    inside = said.between(start, end)
    for cue in made:
        if end > start:
            assert (cue in inside) == (max(cue.start, start) < min(cue.end, end))
