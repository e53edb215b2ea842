"""The transcript as the model reads it, through a real jail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from jailed import raised, run
from no_host import NoHost

from rlm.index.spoken.transcript import TextHit
from rlm.tools.base import ToolContext, bind, describe
from rlm.tools.get_transcript import get_transcript
from rlm.tools.search_transcript import search_transcript
from rlm.video import Video
from rlm.video.subtitles import Cue, Subtitles, find_sidecars, read_sidecar
from sandbox import Sandbox

TOOLS = (get_transcript, search_transcript)


@dataclass(frozen=True)
class Spoken:
    """All that these tools ask of an index."""

    transcripts: tuple[Subtitles, ...]


def context(video: Video, *transcripts: Subtitles) -> ToolContext:
    return ToolContext(video, Spoken(transcripts), NoHost())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def talkie(film: Path) -> ToolContext:
    """The procedural film of 40 s with subtitles beside it."""
    sidecar = film / "film.en.srt"
    sidecar.write_text(
        "1\n00:00:01,000 --> 00:00:03,000\nA red ball rolls\n\n"
        "2\n00:00:03,000 --> 00:00:06,000\ninto the <i>dark</i> corner.\n\n"
        "3\n00:00:20,000 --> 00:00:22,000\nNothing happens.\n\n"
        "4\n00:00:39,000 --> 00:00:50,000\nThe balls are gone.\n"
    )
    video = Video.open(film / "film.mp4")
    (found,) = find_sidecars(video.path)
    other = Subtitles("stream 3", "nl", (Cue(1.0, 3.0, "Een rode bal rolt"),))
    yield context(video, read_sidecar(found, video), other)
    sidecar.unlink()


@pytest.fixture(scope="module")
def jail(talkie: ToolContext) -> Iterator[Sandbox]:
    with Sandbox(bind(TOOLS, talkie), records=(Cue, TextHit)) as sandbox:
        yield sandbox


def test_the_transcript_in_the_jail(jail: Sandbox) -> None:
    said = run(jail, "for c in get_transcript(): print(c.start, c.end, c.text)")
    assert said.split("\n") == [
        "1.0 3.0 A red ball rolls",
        "3.0 6.0 into the dark corner.",
        "20.0 22.0 Nothing happens.",
        "39.0 50.0 The balls are gone.",
    ]
    assert run(jail, "print([c.text for c in get_transcript(5, 20)])") == (
        "['into the dark corner.']"
    )
    assert run(jail, "print(get_transcript(get_transcript()[2]) == get_transcript(20, 21))") == (
        "True"
    )


def test_a_search_in_the_jail(jail: Sandbox) -> None:
    found = run(jail, "h = search_transcript('ball', k=2)\nprint([(x.start, x.end) for x in h])")
    assert found == "[(1.0, 3.0), (39.0, 50.0)]"
    across = run(jail, "h = search_transcript('rolls into')[0]\nprint(h.start, h.end, h.text)")
    assert across.split("\n") == ["1.0 6.0 A red ball rolls", "into the dark corner."]
    assert run(jail, "print(search_transcript('zebra'), h.score > 0.8)") == "[] True"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("search_transcript('  ')", "ValueError: a query needs a word to look for"),
        ("search_transcript(3)", "TypeError: a query is text, not int"),
        ("search_transcript('ball', 0)", "ValueError: k is a whole number of at least 1"),
        ("search_transcript('ball', k=True)", "ValueError: k is a whole number of at least 1"),
        ("get_transcript(50, 60)", "ValueError: 50 to 60 s holds nothing of the video"),
        ("get_transcript('a', 3)", "TypeError: times are numbers"),
    ],
)
def test_calls_that_make_no_sense(jail: Sandbox, call: str, error: str) -> None:
    shown = raised(jail, call)
    assert shown.startswith(error)


def test_without_a_transcript_the_error_says_so(talkie: ToolContext) -> None:
    silent = context(talkie.video)
    for call in (lambda: get_transcript(silent), lambda: search_transcript(silent, "ball")):
        with pytest.raises(ValueError, match=r"^film.mp4 has no transcript: only its pictures"):
            call()


def test_the_tools_are_described_with_an_example() -> None:
    text = describe(TOOLS)
    for tool in TOOLS:
        assert f"{tool.__name__}(" in (tool.__doc__ or "").split("Example:")[1]
        assert f"{tool.__name__}(" in text
