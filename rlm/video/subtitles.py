"""Subtitles: text with its times, from files beside the video and from packets inside it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rlm.errors import UsageError
from rlm.video.container import open_container

if TYPE_CHECKING:
    from rlm.video.video import Video

# The longest a cue without a length of its own stays on display, in seconds.
_LONGEST_GUESS = 5.0

# Roll-up captions repeat the line before; cues further apart than this (seconds) only agree.
_ROLLING_GAP = 0.1

# No text has so many bytes: ten hours of speech are about 1 MB.
_LARGEST_FILE = 64 * 2**20

# Characters of a line of times, and of one event with its drawings.
_LONGEST_TIMES = 200
_LONGEST_EVENT = 10_000

_SUFFIXES = (".srt", ".vtt")
_FLAGS = frozenset("forced sdh cc default full sub subs dub signs commentary".split())
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][a-z0-9]{2,8})*", re.IGNORECASE)

_STAMP = r"(-?)\s*(?:(\d+)\s*:\s*)?(\d{1,2})\s*:\s*(\d{1,2})(?:\s*[.,:]\s*(\d{1,9}))?"
_TIMES = re.compile(rf"\s*{_STAMP}\s*-+>\s*{_STAMP}(?!\d)")
_RUBY = re.compile(r"<rt\b[^<>]*>.*?(</rt>|$)", re.IGNORECASE | re.DOTALL)
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>", re.IGNORECASE)
_BREAK = re.compile(r"<\s*br\s*/?\s*>", re.IGNORECASE)
_TAG = re.compile(
    r"<\s*/?\s*(?:i|b|u|s|c|v|p|em|font|lang|ruby|rt|span|strong|div)(?:[\s.][^<>]*)?/?>"
    r"|<(?:\d+:)?\d+:\d+\.\d+>",
    re.IGNORECASE,
)
_POSITION = re.compile(r"\{\\[^{}]*\}")
_OVERRIDE = re.compile(r"\{[^{}]*\}")
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}.*?(?=\{[^{}]*\\p0|$)", re.DOTALL)
# Direction marks, zero-width spaces and stray byte order marks; joiners are part of words.
_UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\0]")


@dataclass(frozen=True, order=True, slots=True)
class Cue:
    """Text on display, or spoken, from ``start`` to ``end``: seconds on the video's clock.

    The video's clock is 0 at its first picture. ``text`` keeps its line breaks and has no markup.
    """

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Subtitles:
    """The cues of one ``source`` ("film.en.srt", "stream 3"), by start.

    ``language`` is as the source writes it (ISO 639 or BCP 47), ``None`` where it does not say.
    """

    source: str
    language: str | None
    cues: tuple[Cue, ...]

    @classmethod
    def gather(cls, source: str, language: str | None, cues: Iterable[Cue]) -> Self:
        """Put cues in order as they come from a file or a stream.

        Cues without text are left out. One whose end is not after its start lasts until the next
        one starts, 5 s at most. Lines that roll-up captions repeat from the cue before are kept
        once, and what a cue only repeats prolongs the one before.
        """
        ordered = sorted((cue for cue in cues if cue.text.strip()), key=lambda c: (c.start, c.end))
        return cls(source, language, tuple(_unrolled(_with_lengths(ordered))))

    def shifted(self, seconds: float) -> Self:
        """All cues later by ``seconds``; what then ends before the first picture is left out."""
        moved = (
            Cue(max(0.0, cue.start + seconds), cue.end + seconds, cue.text)
            for cue in self.cues
            if cue.end + seconds > 0
        )
        return replace(self, cues=tuple(moved))


def find_sidecars(video: Path) -> tuple[Path, ...]:
    """The .srt and .vtt files that belong to the file ``video``.

    They lie beside it and are called as it is, but for parts between dots and letter case:
    ``film.srt``, ``FILM.SRT``, ``film.en.srt``, ``film.en-US.forced.vtt`` and ``film.mp4.srt`` for
    ``film.mp4``. ``film.cut.srt`` belongs to ``film.cut.mp4`` when that is there. The plainest
    name comes first, forced subtitles, which translate only some of the speech, last.
    """
    try:
        beside = [path for path in video.absolute().parent.iterdir() if path.is_file()]
    except OSError:
        return ()
    stem = video.stem.casefold()
    longer = {
        path.stem.casefold()
        for path in beside
        if path.suffix.casefold() not in _SUFFIXES and path.stem.casefold().startswith(f"{stem}.")
    }
    found = []
    for path in beside:
        own = path.stem.casefold()
        belongs = own == stem or own.startswith(f"{stem}.")
        if path.suffix.casefold() not in _SUFFIXES or not belongs:
            continue
        if any(own == other or own.startswith(f"{other}.") for other in longer):
            continue
        parts = own.removeprefix(stem).split(".")
        found.append((("forced" in parts, len(parts), path.name.casefold(), path.name), path))
    return tuple(video.parent / path.name for _, path in sorted(found))


def read_sidecar(path: Path, video: Video | None = None) -> Subtitles:
    """Read a SubRip (.srt) or WebVTT (.vtt) file: UTF-8, UTF-16 or Windows-1252.

    Tags, entities, positions, notes and styles are taken out, a WebVTT voice (``<v Ann>``) becomes
    ``Ann: ``, and cues whose times cannot be read are skipped. The language is that of the file's
    name, or else of its WebVTT header.

    Times in such a file count from the start of the container, which is that of its first stream.
    With ``video`` they are put on its clock, which starts at its first picture; without, they are
    as the file has them.

    Raises ``UsageError`` when not one cue can be read.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UsageError(f"{path} is too large for subtitles; give a .srt or .vtt file")
        text = _decoded(path.read_bytes())
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise UsageError(f"the subtitles {path} cannot be read: {reason}") from None
    lines = re.split(r"\r\n|\r|\n", text)
    header = next((line for line in lines if line.strip()), "")
    is_vtt = header.startswith("WEBVTT") or path.suffix.casefold() == ".vtt"
    cues = list(_parsed(lines, is_vtt))
    if not cues:
        raise UsageError(f"{path} holds no subtitle that can be read; give a .srt or .vtt file")
    language = _language_of(path, video) or (_header_language(lines) if is_vtt else None)
    found = Subtitles.gather(path.name, language, cues)
    return found if video is None else found.shifted(_container_start(video))


def parse_packet(codec: str, payload: bytes) -> str:
    """The text of one packet of an embedded subtitle stream, ``""`` where it has none.

    ``codec`` is FFmpeg's name: subrip (srt), text, webvtt, ass (ssa) or mov_text. Pictures and
    whatever else holds no text give ``""``.
    """
    match codec:
        case "mov_text":
            # 3GPP TS 26.245, 5.17: a length, the text, and boxes that style it.
            length = int.from_bytes(payload[:2], "big")
            return _plain(_decoded(payload[2 : 2 + length]), markup=False)
        case "subrip" | "srt" | "text":
            return _plain(_decoded(payload))
        case "webvtt":
            return _plain(_decoded(_webvtt_payload(payload)))
        case "ass" | "ssa":
            return _ass_text(_decoded(payload))
        case _:
            return ""


def _container_start(video: Video) -> float:
    """Seconds on the video's clock at which its container starts, as players show it: 0 or less.

    Where a format stores no presentation times its first picture is at the start.
    """
    if not video.timing.stamped:
        return 0.0
    with open_container(video.path) as container:
        start = container.start_time
    return 0.0 if start is None else min(0.0, start / 1_000_000 - video.origin)


def _decoded(data: bytes) -> str:
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    # Digits and spaces of UTF-16 without a mark show as zeros on one side.
    head = data[:1000]
    for side, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) >= 4 and head[side::2].count(0) > len(head) // 4:
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _parsed(lines: list[str], is_vtt: bool) -> Iterator[Cue]:
    """The cues of a file. A line with an arrow begins a cue, whether or not its times are sound."""
    # Times stand at the beginning; what is longer holds none, and would take long to search.
    times_of = [_TIMES.match(line[:_LONGEST_TIMES]) for line in lines]
    arrows = [n for n, line in enumerate(lines) if times_of[n] or "-->" in line]
    for here, following in pairwise([*arrows, len(lines)]):
        times = times_of[here]
        if times is None:
            continue
        start, end = _seconds(times.groups()[:5]), _seconds(times.groups()[5:])
        body = lines[here + 1 : following]
        if is_vtt:
            # A blank line ends a cue; what follows is a note, a style or the next one's name.
            blank = next((n for n, line in enumerate(body) if not line.strip()), len(body))
            body = body[:blank]
        else:
            body = _without_number(body, more=following < len(lines))
        text = _plain("\n".join(body))
        if text and end >= start and end > 0:
            yield Cue(max(0.0, start), end, text)


def _without_number(body: list[str], more: bool) -> list[str]:
    """``body`` without the number of the cue after it, where blank lines may be missing."""
    while not more and body and not body[-1].strip():
        body = body[:-1]
    numbered = bool(body) and body[-1].strip().isdecimal()
    if numbered and (more or (len(body) > 1 and not body[-2].strip())):
        return body[:-1]
    return body


def _seconds(stamp: tuple[str | None, ...]) -> float:
    sign, hours, minutes, seconds, fraction = stamp
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return (-1 if sign else 1) * float(f"{whole}.{fraction or 0}")


def _plain(text: str, markup: bool = True) -> str:
    """``text`` as it is read: without markup, spaces made one, blank lines left out."""
    text = _tidy(text)
    if markup:
        text = _VOICE.sub(lambda voice: f"{voice[1].strip()}: ", _RUBY.sub("", text))
        text = _POSITION.sub("", _TAG.sub("", _BREAK.sub("\n", text)))
        text = html.unescape(text)
    return _tidy(_UNSEEN.sub("", text))


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _webvtt_payload(payload: bytes) -> bytes:
    """The text of a WebVTT sample: plain, or in the boxes of ISO/IEC 14496-30, 7.5."""
    if payload[4:8] not in (b"vttc", b"vtte", b"vtta"):
        return payload
    texts = []
    for kind, body in _boxes(payload):
        if kind == b"vttc":
            texts += [text for inner, text in _boxes(body) if inner == b"payl"]
    return b"\n".join(texts)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8:
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _ass_text(event: str) -> str:
    """The last field of an event, which alone may hold commas.

    Inside Matroska an event has 8 fields before its text, and a file's own lines, in which it
    begins with "Dialogue:", have 9.
    """
    event = event.split("\n")[0] if event.startswith("Dialogue:") else event
    fields = event.split(",", 9 if event.startswith("Dialogue:") else 8)
    if len(fields) < 9:
        return ""
    text = _OVERRIDE.sub("", _DRAWING.sub("", fields[-1][:_LONGEST_EVENT]))
    text = text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    return _plain(text, markup=False)


def _language_of(path: Path, video: Video | None) -> str | None:
    container = "" if video is None else video.path.suffix[1:].casefold()
    stem = "" if video is None else video.path.stem
    for part in path.stem.split(".")[1 + stem.count(".") :]:
        known = part.casefold() in _FLAGS or part.casefold() == container
        if not known and _LANGUAGE.fullmatch(part):
            return part
    return None


def _header_language(lines: list[str]) -> str | None:
    for line in lines[:20]:
        name, colon, value = line.partition(":")
        if "-->" in line:
            return None
        if colon and name.strip().casefold() == "language":
            return value.strip() or None
    return None


def _with_lengths(cues: list[Cue]) -> Iterator[Cue]:
    for number, cue in enumerate(cues):
        if cue.end > cue.start:
            yield cue
            continue
        later = (other.start for other in cues[number + 1 :] if other.start > cue.start)
        end = min(next(later, cue.start + _LONGEST_GUESS), cue.start + _LONGEST_GUESS)
        yield replace(cue, end=end)


def _unrolled(cues: Iterable[Cue]) -> list[Cue]:
    kept: list[Cue] = []
    before: list[str] = []
    for cue in cues:
        lines = cue.text.split("\n")
        follows = bool(kept) and abs(cue.start - kept[-1].end) <= _ROLLING_GAP
        shared = 0
        if follows:
            longest = min(len(lines), len(before))
            shared = next((n for n in range(longest, 0, -1) if before[-n:] == lines[:n]), 0)
        before = lines
        if shared < len(lines):
            kept.append(replace(cue, text="\n".join(lines[shared:])))
        else:
            kept[-1] = replace(kept[-1], end=max(kept[-1].end, cue.end))
    return kept
