"""Search as the model calls it, through a real jail, with the built-in weights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from jailed import raised, run
from no_host import NoHost

from rlm.index import VideoIndex
from rlm.tools import RECORDS, ToolContext, bind
from rlm.tools.embed import embed
from rlm.tools.extract_frames import extract_frames
from rlm.tools.get_scenes import get_scenes
from rlm.tools.search import search
from rlm.tools.search_by_embedding import search_by_embedding
from rlm.tools.video_info import video_info
from rlm.video import Video
from sandbox import Sandbox

TOOLS = (video_info, get_scenes, extract_frames, embed, search, search_by_embedding)


@pytest.fixture(scope="module")
def silent(film: Path, index: VideoIndex) -> ToolContext:
    """The procedural film of 40 s."""
    return ToolContext(index.video, index, NoHost())


@pytest.fixture(scope="module")
def talkie(film: Path, tmp_path_factory: pytest.TempPathFactory) -> ToolContext:
    """The same with subtitles beside it."""
    folder = tmp_path_factory.mktemp("talkie")
    shutil.copy(film / "film.mp4", folder)
    (folder / "film.srt").write_text(
        "1\n00:00:01,000 --> 00:00:03,000\nA telescope unfolds.\n\n"
        "2\n00:00:20,000 --> 00:00:22,000\nNothing happens.\n\n"
        "3\n00:00:30,000 --> 00:00:50,000\nThe telescope is in the dark.\n"
    )
    video = Video.open(folder / "film.mp4")
    index = VideoIndex.build(video, "builtin", cache=folder / "cache")
    return ToolContext(video, index, NoHost())


@pytest.fixture(scope="module")
def jail(talkie: ToolContext) -> Iterator[Sandbox]:
    with Sandbox(bind(TOOLS, talkie), records=RECORDS) as sandbox:
        yield sandbox


def test_the_fields_are_told(jail: Sandbox, silent: ToolContext) -> None:
    assert run(jail, "print(video_info().search_fields)") == "('motion', 'visual', 'text')"
    assert video_info(silent).search_fields == ("motion", "visual")


def test_an_example_is_searched_in_motion_and_looks(jail: Sandbox) -> None:
    run(jail, "scene = get_scenes()[1]\nhits = search(scene, k=3)")
    assert run(jail, "print(len(hits), {h.space.split(' of ')[0] for h in hits})") == "3 {'fusion'}"
    method = run(jail, "print(hits[0].method)")
    assert method.startswith("reciprocal rank fusion: ") and "example in " in method
    assert run(jail, "print([h for h in hits if h.start < scene.end and h.end > scene.start])") == (
        "[]"
    )
    for query in (
        "(8, 12)",
        "hits[0]",
        "extract_frames(8, 12, fps=4)",
        "hits[0].start, hits[0].end",
    ):
        fused = run(jail, f"print(search(({query}), k=1)[0].method)")
        assert fused.startswith("reciprocal rank fusion: "), query
    picture = "extract_frames(8, 9, count=1).rgb[0]"
    assert run(jail, f"print(search({picture}, 'visual', k=1)[0].method)") == "example in look"
    assert run(jail, "print(search((8, 12), 'motion', k=1)[0].method)") == "example in vjepa"


def test_a_text_is_searched_in_motion_and_words(jail: Sandbox) -> None:
    words = run(
        jail, "for h in search('telescope', 'text'): print(h.start, h.end, h.method, h.space)"
    )
    assert words.split("\n") == [
        "1.0 3.0 words in film.srt words in film.srt",
        "30.0 40.0 words in film.srt words in film.srt",
    ]
    inside = run(jail, "print([h.start for h in search('telescope', 'text', span=(10, 35))])")
    assert inside == "[30.0]"
    fused = run(jail, "for h in search('telescope', k=9): print(h.method)").split("\n")
    assert any("text 1 (words in film.srt)" in method for method in fused)
    assert any("motion 1 (text to joint)" in method for method in fused)
    # Words that nobody says, and no words at all, leave motion alone.
    for query in ("zebra", "?"):
        only = run(jail, f"print({{x.method.split(' (')[0][:-2] for x in search('{query}', k=9)}})")
        assert "text" not in only and "fusion: motion" in only


def test_where_one_field_can_take_the_query_the_hit_says_so(silent: ToolContext) -> None:
    hit = search(silent, "a red circle", k=1)[0]
    assert hit.method == "text to joint; motion is the only field for this query"
    assert hit.space == silent.index.text_space and hit.score < 1
    assert search(silent, "a red circle", "motion", k=1)[0].method == "text to joint"


def test_plain_hits_are_in_order_of_score(silent: ToolContext) -> None:
    hits = search(silent, (0, 4), "motion", k=9, diverse=False)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert search(silent, (0, 4), "motion", k=1)[0] == hits[0]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("search('a', 'smell')", "UsageError: this index has no field 'smell'; it has: motion"),
        ("search('a', 'visual')", "UsageError: a text cannot be compared in the field 'visual'"),
        ("search((0, 4), 'text')", "UsageError: an example cannot be compared in the field 'text'"),
        ("search('  ')", "ValueError: the text is empty"),
        ("search('?', 'text')", "UsageError: a search needs a word to look for"),
        ("search('a', k=True)", "ValueError: k is a whole number from 1 to 1000"),
        ("search(3)", "TypeError: a query is text, a span, a hit, a scene or frames, not int"),
        ("search_by_embedding(embed((0, 4)), 'smell')", "UsageError: this index has no field"),
        ("search_by_embedding(embed((0, 4)), 'text')", "UsageError: the field 'text' is searched"),
    ],
)  # fmt: skip
def test_calls_that_make_no_sense(jail: Sandbox, call: str, error: str) -> None:
    shown = raised(jail, call)
    assert shown.startswith(error)


def test_a_field_that_is_not_there_names_those_that_are(silent: ToolContext) -> None:
    with pytest.raises(Exception, match=r"no field 'text'; it has: motion, visual, all$"):
        search(silent, "a red circle", "text")
    with pytest.raises(Exception, match=r"in the field 'visual' here, but in: motion, all$"):
        search(silent, "a red circle", "visual")


def test_an_embedding_of_another_space_names_both(jail: Sandbox, talkie: ToolContext) -> None:
    own, looks = talkie.index.spaces["vjepa"], talkie.index.spaces["look"]
    shown = run(
        jail,
        "e = embed((0, 4))\nfor s, f in ((e.space, 'visual'), ('other/space', None)):\n"
        "    try:\n        search_by_embedding(type(e)(s, e.vector), f)\n"
        "    except Exception as error:\n        print(type(error).__name__, error)",
    ).split("\n")
    assert shown[0].startswith(f"SpaceMismatch {own} ") and looks in shown[0]
    assert shown[1].startswith("SpaceMismatch other/space ") and own in shown[1]
    assert run(jail, "print(search_by_embedding(e, 'motion', k=1)[0].space)") == own
