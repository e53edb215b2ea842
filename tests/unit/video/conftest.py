"""Films made on the spot: every picture carries its own number, so it can be told which one came.

A picture is a row of eight vertical bars, black or white: the binary digits of its number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

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


SHORT = {"g": "12", "bf": "3"}
LONG = {"rate": 10, "options": {"g": "15", "bf": "3"}}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}


def uneven() -> list[int]:
    """Ticks of varying steps."""
    steps = np.random.default_rng(7).choice([20, 33, 40, 100, 400], size=89)
    return [0, *np.cumsum(steps).tolist()]


# The kinds of clock there are: constant, varying, starting late, coarse, stored or not.
KINDS: dict[str, tuple[str, Sequence[int] | int, dict[str, Any]]] = {
    "mp4": ("constant.mp4", 90, {"options": SHORT}),
    "one key frame": ("single.mp4", 90, {"options": {"g": "1000", "bf": "2"}}),
    "open gop": ("open.mp4", 90, {"options": {**SHORT, "x264-params": "open-gop=1"}}),
    "varying": ("varying.mp4", uneven(), {"base": Fraction(1, 1000), "options": SHORT}),
    "varying mkv": ("varying.mkv", uneven(), {"base": Fraction(1, 1000), "options": SHORT}),
    "late mp4": ("late.mp4", range(150, 240), {"options": SHORT}),
    "late mkv": ("late.mkv", range(150, 240), {"rate": 25, "options": SHORT}),
    "ts": ("stream.ts", range(300, 390), {"options": SHORT}),
    "flv": ("flash.flv", 90, {"rate": 25, "options": SHORT}),
    "avi": ("packed.avi", 90, {"options": SHORT}),
    "raw": ("raw.h264", 90, {"options": SHORT, "form": "h264"}),
    "vp9": (
        "nine.webm",
        60,
        {
            "rate": 25,
            "codec": "libvpx-vp9",
            "options": {"g": "20", "deadline": "realtime", "cpu-used": "8"},
        },
    ),
    "fragmented": ("fragments.mp4", 90, {"options": SHORT, "muxer": FRAGMENTS}),
    "long": ("long.mp4", 900, LONG),
    "long mkv": ("long.mkv", 900, LONG),
    "long fragmented": ("fragments2.mp4", 900, {**LONG, "muxer": FRAGMENTS}),
    "long ts": ("long.ts", 900, LONG),
}


class Films:
    """Films by kind, each made when first asked for.

    No dict, because a report of a failure would print every time of each.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._made: dict[str, Film] = {}

    def __getitem__(self, kind: str) -> Film:
        if kind not in self._made:
            name, ticks, how = KINDS[kind]
            self._made[kind] = self._studio.film(name, ticks, **how)
        return self._made[kind]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a ``kind``, and does not say which, runs for each."""
    said = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "kind" in metafunc.fixturenames and not any("kind" in names for names in said):
        metafunc.parametrize("kind", list(KINDS))


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def number_of() -> Callable[[np.ndarray], int]:
    return read_number


@pytest.fixture(scope="session")
def films(studio: Studio) -> Films:
    return Films(studio)
