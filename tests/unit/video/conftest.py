"""Films made on the spot: every picture carries its own number, so it can be told which one came.

A picture is a row of eight vertical bars, black or white: the binary digits of its number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

BITS = 10


def draw(number: int, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    digits = [(number >> bit) & 1 for bit in range(BITS)]
    bars = np.array(digits, dtype=np.uint8)[np.arange(width) * BITS // width] * 255
    return np.broadcast_to(bars[None, :, None], (height, width, 3)).copy()


def read_number(rgb: np.ndarray) -> int:
    height, width = rgb.shape[:2]
    centres = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    digits = rgb[height // 2, centres].astype(int).mean(axis=-1) > 127
    return int(sum(1 << bit for bit in range(BITS) if digits[bit]))


@dataclass(frozen=True)
class Film:
    """A file and the truth about it: the pictures' own times in seconds, by number."""

    path: Path
    times: tuple[float, ...] = field(repr=False)

    def on_display(self, time: float, tolerance: float) -> int:
        return max((k for k, t in enumerate(self.times) if t <= time + tolerance), default=0)


@dataclass(frozen=True)
class Studio:
    folder: Path

    def film(
        self,
        name: str,
        ticks: Sequence[int] | int,
        *,
        rate: int = 30,
        base: Fraction | None = None,
        codec: str = "libx264",
        size: tuple[int, int] = (80, 48),
        pix_fmt: str = "yuv420p",
        options: dict[str, str] | None = None,
        muxer: dict[str, str] | None = None,
        rotation: tuple[int, bool] = (0, False),
        aspect: Fraction | None = None,
        form: str | None = None,
        picture: Callable[[int, tuple[int, int]], np.ndarray] = draw,
        sound: float = 0.0,
    ) -> Film:
        """``ticks`` are the pictures' stamps in units of ``base`` (default: 1 / rate)."""
        base = base or Fraction(1, rate)
        stamps = list(range(ticks)) if isinstance(ticks, int) else list(ticks)
        path = self.folder / name
        with av.open(str(path), "w", format=form, options=muxer or {}) as container:
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.width, stream.height = size
            stream.pix_fmt = pix_fmt
            stream.codec_context.time_base = base
            if rotation != (0, False):
                stream.set_display_rotation(rotation[0], hflip=rotation[1])
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            if sound:
                audio = container.add_stream("aac", rate=8000, layout="mono")
            for number, stamp in enumerate(stamps):
                frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24")
                frame.pts, frame.time_base = stamp, base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if sound:
                silence = np.zeros((1, int(sound * 8000)), dtype=np.float32)
                frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
                frame.rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
                container.mux(audio.encode(frame))
                container.mux(audio.encode(None))
        return Film(path, tuple(float((stamp - stamps[0]) * base) for stamp in stamps))


class Films:
    """Films by name; no dict, because a report of a failure would print every time of each."""

    def __init__(self, films: dict[str, Film]) -> None:
        self._films = films

    def __getitem__(self, name: str) -> Film:
        return self._films[name]


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def number_of() -> Callable[[np.ndarray], int]:
    return read_number


@pytest.fixture(scope="session")
def films(studio: Studio) -> Films:
    """The kinds of clock there are: constant, varying, starting late, coarse, stored or not."""
    short = {"g": "12", "bf": "3"}
    uneven = [0]
    for step in np.random.default_rng(7).choice([20, 33, 40, 100, 400], size=89):
        uneven.append(uneven[-1] + int(step))
    films = {
        "mp4": studio.film("constant.mp4", 90, options=short),
        "one key frame": studio.film("single.mp4", 90, options={"g": "1000", "bf": "2"}),
        "open gop": studio.film("open.mp4", 90, options={**short, "x264-params": "open-gop=1"}),
        "varying": studio.film("varying.mp4", uneven, base=Fraction(1, 1000), options=short),
        "varying mkv": studio.film("varying.mkv", uneven, base=Fraction(1, 1000), options=short),
        "late mp4": studio.film("late.mp4", range(150, 240), options=short),
        "late mkv": studio.film("late.mkv", range(150, 240), rate=25, options=short),
        "ts": studio.film("stream.ts", range(300, 390), options=short),
        "flv": studio.film("flash.flv", 90, rate=25, options=short),
        "avi": studio.film("packed.avi", 90, options=short),
        "raw": studio.film("raw.h264", 90, options=short, form="h264"),
        "vp9": studio.film(
            "nine.webm",
            60,
            rate=25,
            codec="libvpx-vp9",
            options={"g": "20", "deadline": "realtime", "cpu-used": "8"},
        ),
        "fragmented": studio.film(
            "fragments.mp4", 90, options=short, muxer={"movflags": "frag_keyframe+empty_moov"}
        ),
        "long": studio.film("long.mp4", 900, rate=10, options={"g": "15", "bf": "3"}),
        "long mkv": studio.film("long.mkv", 900, rate=10, options={"g": "15", "bf": "3"}),
        "long fragmented": studio.film(
            "fragments2.mp4",
            900,
            rate=10,
            options={"g": "15", "bf": "3"},
            muxer={"movflags": "frag_keyframe+empty_moov"},
        ),
        "long ts": studio.film("long.ts", 900, rate=10, options={"g": "15", "bf": "3"}),
    }
    return Films(films)
