"""Subtitles as they are found: tidy, broken, in old encodings, beside films and inside them."""

from __future__ import annotations

import codecs
import random
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.video import Video
from rlm.video.subtitles import Cue, Subtitles, find_sidecars, parse_packet, read_sidecar


def read(folder: Path, text: str | bytes, name: str = "film.srt") -> tuple[Cue, ...]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_sidecar(path).cues


def texts(cues: tuple[Cue, ...]) -> list[str]:
    return [cue.text for cue in cues]


def test_a_tidy_subrip_file(tmp_path: Path) -> None:
    cues = read(
        tmp_path,
        "1\n00:00:01,000 --> 00:00:02,500\nOne\n\n2\n01:00:03,250 --> 01:00:04,000\nTwo\nlines\n",
    )
    assert cues == (Cue(1.0, 2.5, "One"), Cue(3603.25, 3604.0, "Two\nlines"))


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("<i>Hi</i> <b>there</b>", "Hi there"),
        ('<font color="#fff">f</font> 1 <3 you', "f 1 <3 you"),
        ("5 < 6 > 2", "5 < 6 > 2"),
        ("{\\an8}Up", "Up"),
        ("Tom &amp; Ann&nbsp;say &lt;b&gt;", "Tom & Ann say <b>"),
        ("a<br>b", "a\nb"),
        ("<ruby>漢<rt>かん</rt></ruby>字", "漢字"),
        ("\u202bשלום\u202c", "שלום"),
        ("- Yes.\n\n- No.", "- Yes.\n- No."),
        ("  many   spaces ", "many spaces"),
    ],
)
def test_markup_is_taken_out(tmp_path: Path, written: str, read_as: str) -> None:
    cues = read(tmp_path, f"1\n00:00:01,000 --> 00:00:02,000 X1:10\n{written}\n\n")
    assert texts(cues) == [read_as]


def test_broken_subrip_loses_only_what_is_broken(tmp_path: Path) -> None:
    cues = read(
        tmp_path,
        "00:00:03.5 --> 00:00:04.25\nno number\n\n"
        "3\n0:0:5,1-->0:0:6,200\nno blank line after\n"
        "4\n00:00:07,000 --> 00:00:08,000\nblank\n\nline inside\n\n"
        "5\n00:00:08,000 --> garbage\nlost\n\n"
        "6\n00:00:09,000 --> 00:00:08,000\nbackwards\n\n"
        "7\n00:00:10,000 --> 00:00:11,000\n42\n\n"
        "8\n00:00:11,000 --> 00:00:12,000\n\n"
        "9\n00:00:12,000 --> 00:00:13,000\nlast\n\n10",
    )
    assert cues == (
        Cue(3.5, 4.25, "no number"),
        Cue(5.1, 6.2, "no blank line after"),
        Cue(7, 8, "blank\nline inside"),
        Cue(10, 11, "42"),
        Cue(12, 13, "last"),
    )


def test_webvtt_with_everything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "film.vtt"
    path.write_text(
        "WEBVTT - a title\nKind: captions\nLanguage: nl\n\nNOTE hello\nsecond line\n\n"
        "STYLE\n::cue { color: red }\n\nREGION\nid:fred\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start position:10%\n"
        "<v.loud Ann>Hi &amp; <00:01.500><c.red>there</c>\n\n"
        "NOTE in the middle\ncomment\n\n"
        "100:00:02.000 --> 100:00:03.000\n<lang nl>Dag</lang>\n"
    )
    found = read_sidecar(path)
    assert found == Subtitles(
        "film.vtt", "nl", (Cue(1, 2, "Ann: Hi & there"), Cue(360002, 360003, "Dag"))
    )


def test_lines_that_captions_roll_up_are_kept_once(tmp_path: Path) -> None:
    cues = read(
        tmp_path,
        "WEBVTT\n\n00:00.000 --> 00:02.000\none\n\n00:02.000 --> 00:02.010\none\n\n"
        "00:02.010 --> 00:04.000\none\ntwo\n\n00:04.000 --> 00:06.000\ntwo\nthree\n\n"
        "00:09.000 --> 00:10.000\nthree\n",
        "film.vtt",
    )
    assert cues == (
        Cue(0, 2.01, "one"),
        Cue(2.01, 4, "two"),
        Cue(4, 6, "three"),
        Cue(9, 10, "three"),
    )


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode("cp1252"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, encode) -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\nCafé – naïve\n\n2\n00:00:02,000 --> 00:00:03,000\nœuf\n"
    )
    assert texts(read(tmp_path, encode(text))) == ["Café – naïve", "œuf"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "hostile",
    [" " * 300_000, "<" + " " * 300_000, "<rt>" * 50_000, "{\\p1" * 50_000, "<i" * 90_000],
)
def test_text_made_to_be_slow_is_not(tmp_path: Path, hostile: str) -> None:
    text = f"1\n00:00:01,000 --> 00:00:02,000\nx\n\n{hostile}\n{hostile} --> \n"
    assert read(tmp_path, text)[0].start == 1.0
    for codec in ("ass", "subrip", "webvtt"):
        parse_packet(codec, f"0,0,Default,,0,0,0,,{hostile}".encode())


def test_a_cue_without_a_length_lasts_until_the_next() -> None:
    given_cues = [Cue(1, 1, "a"), Cue(3, 3, "b"), Cue(60, 60, "c"), Cue(2, 2, " ")]
    found = Subtitles.gather("stream 3", None, given_cues)
    assert found.cues == (Cue(1, 3, "a"), Cue(3, 8, "b"), Cue(60, 65, "c"))


@pytest.mark.parametrize("data", [b"", b"hello\n", b"\0" * 50, b"1\n00:00:01 --> nothing\nx\n"])
def test_a_file_without_subtitles_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UsageError, match=r"^[^\n]*film.srt holds no subtitle[^\n]*$"):
        read(tmp_path, data)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: no such file"):
        read_sidecar(tmp_path / "none.srt")
    with pytest.raises(UsageError, match="cannot be read: is a directory"):
        read_sidecar(tmp_path)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    start = b"1\n00:00:01,000 --> 00:00:02,000\nfirst\n\n2\n"
    cues = read(folder, start + data)
    assert cues[0].start == 1.0
    assert all(cue.start < cue.end and cue.text for cue in cues)
    for codec in ("mov_text", "subrip", "webvtt", "ass", "dvd_subtitle"):
        assert "\n\n" not in parse_packet(codec, data)


_words = st.text(alphabet="abcdefgh é漢", min_size=1, max_size=20).filter(str.strip)


@settings(deadline=None)
@given(st.lists(_words, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], chance: random.Random
) -> None:
    """Cues with gaps between them, in any order in the file, come back whole and in order."""
    starts = [n * 3 for n in range(len(lines))]
    blocks = [
        f"{n}\n00:00:{start},000 --> 00:00:{start + 1},500\n{line}\n"
        for n, (start, line) in enumerate(zip(starts, lines, strict=True))
    ]
    chance.shuffle(blocks)
    cues = read(tmp_path_factory.mktemp("written"), "\n".join(blocks))
    assert texts(cues) == [" ".join(line.split()) for line in lines]
    assert [cue.start for cue in cues] == starts


def test_sidecars_are_found_by_name(tmp_path: Path) -> None:
    for name in (
        "film.mp4", "film.srt", "FILM.SRT", "film.en.srt", "film.en-US.forced.vtt", "Film.nl.VTT",
        "film.mp4.srt", "films.srt", "film2.srt", "film.cut.mp4", "film.cut.srt", "film.txt",
        "film.cut.en.srt",
    ):  # fmt: skip
        (tmp_path / name).write_text("x")
    (tmp_path / "film.folder.srt").mkdir()
    found = [path.name for path in find_sidecars(tmp_path / "film.mp4")]
    assert found == [
        "FILM.SRT", "film.srt", "film.en.srt", "film.mp4.srt", "Film.nl.VTT",
        "film.en-US.forced.vtt",
    ]  # fmt: skip
    cut = [path.name for path in find_sidecars(tmp_path / "film.cut.mp4")]
    assert cut == ["film.cut.srt", "film.cut.en.srt"]
    assert find_sidecars(tmp_path / "gone" / "film.mp4") == ()


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("mp4.srt", None),
        ("mp4.en.srt", "en"),
        ("mp4.en-US.forced.srt", "en-US"),
        ("mp4.forced.srt", None),
        ("mp4.sdh.por.srt", "por"),
        ("mp4.mp4.srt", None),
        ("mp4.English.srt", None),
    ],
)
def test_the_language_is_read_from_the_name(films, tmp_path: Path, name: str, language) -> None:
    film = tmp_path / "mp4.mp4"
    film.symlink_to(films["mp4"].path)
    (tmp_path / name).write_text("1\n00:00:01,000 --> 00:00:02,000\nx\n")
    assert read_sidecar(tmp_path / name, Video.open(film)).language == language


@pytest.mark.parametrize("kind", ["mp4", "late mp4", "late mkv", "ts", "avi", "raw"])
def test_a_film_without_sound_starts_with_its_subtitles(films, tmp_path: Path, kind: str) -> None:
    """Whatever its first stamp is, players show the first picture at 0 if it comes first."""
    path = tmp_path / "film.srt"
    path.write_text("1\n00:00:06,500 --> 00:00:07,000\nx\n")
    video = Video.open(films[kind].path)
    (cue,) = read_sidecar(path, video).cues
    assert cue.start == pytest.approx(6.5, abs=1e-6)


def test_sound_that_starts_first_starts_the_clock_of_subtitles(studio, tmp_path: Path) -> None:
    """The pictures start 2 s after the sound: what is said at 5 s is said 3 s into the video."""
    film = studio.film("sound_first.mp4", range(60, 150), sound=5.0)
    path = tmp_path / "film.srt"
    path.write_text(
        "1\n00:00:00,500 --> 00:00:01,500\nbefore\n\n2\n00:00:01,500 --> 00:00:03,000\nacross\n\n"
        "3\n00:00:05,000 --> 00:00:06,000\nin\n"
    )
    video = Video.open(film.path)
    assert video.origin == pytest.approx(2.0, abs=0.01)
    across, inside = read_sidecar(path, video).cues
    assert (across.start, across.text) == (0.0, "across")
    assert across.end == pytest.approx(1.0, abs=0.2)  # AAC starts up to a frame early
    assert inside.start == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize(
    ("codec", "payload", "text"),
    [
        ("mov_text", b"\x00\x00", ""),
        ("mov_text", b"\x00\x05Hello\x00\x00\x00\x08styl", "Hello"),
        ("mov_text", b"\x00\x06\xff\xfeH\0i\0", "Hi"),
        ("mov_text", b"\x00\x05<b>Hi", "<b>Hi"),
        ("subrip", b"<i>Hi</i>\r\nyou", "Hi\nyou"),
        ("text", "Grüße".encode(), "Grüße"),
        ("webvtt", b"<v Ann>Hi &lt;", "Ann: Hi <"),
        ("webvtt", b"\0\0\0\x16vttc\0\0\0\x0epayl<b>Hi\0\0", "Hi"),
        ("webvtt", b"\0\0\0\x08vtte", ""),
        ("ass", b"0,0,Default,Ann,0,0,0,,{\\i1}Hi, you{\\i0}\\Nthere\\hnow", "Hi, you\nthere now"),
        ("ass", b"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hi, you\r\n", "Hi, you"),
        ("ass", b"0,0,Default,,0,0,0,,{\\p1}m 0 0 l 10 10{\\p0}after", "after"),
        ("ass", b"broken, event", ""),
        ("hdmv_pgs_subtitle", b"\x16\x00", ""),
        ("subrip", b"", ""),
    ],
)
def test_packets(codec: str, payload: bytes, text: str) -> None:
    assert parse_packet(codec, payload) == text


def test_packets_of_a_real_file(shared_videos: Path) -> None:
    with av.open(str(shared_videos / "nasa_jwst" / "nasa_13013.mp4")) as container:
        stream = container.streams.subtitles[0]
        found = [
            parse_packet(stream.codec_context.name, bytes(packet))
            for packet in container.demux(stream)
        ]
    assert list(filter(None, found)) == [
        "NAR: This is the optical and science segment of the Webb",
        "space telescope in one of the largest cleanrooms in the world",
        "at NASA’s Goddard Space Flight Center in Greenbelt, Maryland.",
        "This half of the observatory element successfully",
    ]
