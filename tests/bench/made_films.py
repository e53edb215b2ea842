"""Films to measure shot boundaries on: known cuts, dissolves and fades, and what resembles them.

Shots are drawn (landscapes under a moving camera, slides, scrolling text, plain grounds with a
shape) or taken from real clips of a single shot. They hold what a detector may fall for: flashes,
strobes, changes of exposure, objects that cross or appear, camera shake, noise. A film and its
truth follow from a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from rlm.spans import Span
from rlm.video import Video

WIDTH, HEIGHT = 192, 108
RATES = (Fraction(25), Fraction(24), Fraction(30000, 1001), Fraction(50), Fraction(12))
JOINS = ("cut", "dissolve", "fade")

Pictures = np.ndarray
"""float32[T, HEIGHT, WIDTH, 3], red, green and blue from 0 to 255."""


@dataclass(frozen=True)
class Boundary:
    """Where two shots part, from ``start`` to ``end`` in seconds: the same for a cut."""

    kind: str
    start: float
    end: float


@dataclass(frozen=True)
class RealClip:
    """A file that holds a single shot."""

    path: Path
    seconds: float


def make_film(
    path: Path, seed: int, clips: Sequence[RealClip] = (), *, shots: int = 7, joined: bool = True
) -> list[Boundary]:
    """Write a film to ``path`` and give back its boundaries; one long shot where not ``joined``."""
    rng = np.random.default_rng(seed)
    rate = RATES[rng.integers(len(RATES))]
    fps = float(rate)
    film = _shot(rng, fps, clips)
    boundaries: list[Boundary] = []
    for _ in range(shots - 1 if joined else 0):
        new, now = _shot(rng, fps, clips), len(film)
        # A transition has to leave something to be seen of both shots.
        room = now - int((boundaries[-1].end if boundaries else 0.0) * fps) - int(0.6 * fps)
        kind = JOINS[rng.choice(3, p=[0.35, 0.4, 0.25])]
        if kind == "dissolve":
            length = min(int(rng.uniform(0.3, 2.5) * fps), room, len(new) - int(0.8 * fps))
            share = _ramp(length)
            mixed = film[-length:] * (1 - share) + new[:length] * share
            boundaries.append(Boundary(kind, (now - length) / fps, now / fps))
            film = np.concatenate([film[:-length], mixed, new[length:]])
        elif kind == "fade":
            out, hold, back = (
                max(1, int(seconds * fps))
                for seconds in (rng.uniform(0.2, 1.4), rng.uniform(0.0, 1.6), rng.uniform(0.2, 1.4))
            )
            out, back = min(out, room), min(back, len(new) // 2)
            colour = np.float32(
                ((0, 0, 0), (0, 0, 0), (255, 255, 255), (40, 60, 90))[rng.integers(4)]
            )
            film[-out:] += (colour - film[-out:]) * _ramp(out)
            new[:back] = colour + (new[:back] - colour) * _ramp(back)
            plain = np.broadcast_to(colour, (hold, HEIGHT, WIDTH, 3))
            boundaries.append(Boundary(kind, (now - out) / fps, (now + hold + back) / fps))
            film = np.concatenate([film, plain, new])
        else:
            boundaries.append(Boundary(kind, now / fps, now / fps))
            film = np.concatenate([film, new])
    noise = float(rng.choice([0, 0, 2, 6]))
    crf = str(rng.choice([18, 26, 32]))
    _write(path, film, rate, noise, crf, rng)
    return boundaries


def _ramp(length: int) -> np.ndarray:
    return (np.arange(1, length + 1, dtype=np.float32) / (length + 1))[:, None, None, None]


def _write(
    path: Path, film: Pictures, rate: Fraction, noise: float, crf: str, rng: np.random.Generator
) -> None:
    options = {"crf": crf, "preset": "veryfast"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, picture in enumerate(film):
            if noise:
                picture = picture + rng.normal(0, noise, picture.shape)
            rgb = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _shot(rng: np.random.Generator, fps: float, clips: Sequence[RealClip]) -> Pictures:
    length = int(rng.uniform(2.0, 6.0) * fps)
    if clips and rng.random() < 0.5:
        pictures = _real(rng, clips[rng.integers(len(clips))], length, fps)
    else:
        drawn = (_landscape, _landscape, _landscape, _slide, _text, _ground)[rng.integers(6)]
        pictures = drawn(rng, length, fps)
    if rng.random() < 0.5:
        _disturb(rng, pictures, fps)
    return pictures


def _real(rng: np.random.Generator, clip: RealClip, length: int, fps: float) -> Pictures:
    start = rng.uniform(0.0, max(0.01, clip.seconds - length / fps))
    span = Span(float(start), min(clip.seconds, float(start) + length / fps))
    video = Video.open(clip.path)
    pictures = [frame.rgb for frame in video.frames(fps=fps, span=span, size=(WIDTH, HEIGHT))]
    mirrored = -1 if rng.random() < 0.5 else 1
    return np.stack(pictures).astype(np.float32)[:, :, ::mirrored].copy()


def _landscape(rng: np.random.Generator, length: int, fps: float) -> Pictures:
    """A picture with a spectrum like that of nature, under a camera that may move."""
    side = 256
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    frequency[0, 0] = 1.0
    spectrum = np.fft.fft2(rng.normal(size=(3, side, side))) / frequency ** rng.uniform(0.8, 1.8)
    spectrum[:, 0, 0] = 0.0
    wild = np.fft.ifft2(spectrum).real
    wild /= wild.std(axis=(1, 2), keepdims=True)
    mix = rng.uniform(0.0, 1.0, (3, 3)) + np.eye(3)
    deep = np.tensordot(wild, mix, axes=(0, 0)) * rng.uniform(10, 35) + rng.uniform(50, 190, 3)
    picture = np.clip(deep, 0, 255).astype(np.float32)

    time = np.arange(length) / fps
    zoom, x, y = np.ones(length), np.zeros(length), np.zeros(length)
    move = rng.choice(["still", "pan", "zoom", "shake"], p=[0.3, 0.3, 0.2, 0.2])
    if move == "pan":
        x, y = rng.uniform(-60, 60) * time, rng.uniform(-15, 15) * time
    elif move == "zoom":
        zoom = np.exp(rng.uniform(-0.3, 0.3) * time)
    elif move == "shake":
        x, y = (np.convolve(rng.normal(0, 12, length + 8), np.ones(9) / 9, "valid") for _ in "xy")
    rows = np.rint(zoom[:, None] * (np.arange(HEIGHT) - HEIGHT / 2) + y[:, None]).astype(int) % side
    columns = np.rint(zoom[:, None] * (np.arange(WIDTH) - WIDTH / 2) + x[:, None]).astype(int)
    shown: np.ndarray = picture[rows[:, :, None], columns[:, None, :] % side]
    return shown


def _page(rng: np.random.Generator, height: int) -> np.ndarray:
    paper, ink = ((250.0, 20.0), (30.0, 220.0))[rng.integers(2)]
    page = np.full((height, WIDTH, 3), paper, np.float32)
    for top in range(6, height - 6, 9):
        width = int(rng.integers(40, WIDTH - 20))
        page[top : top + 4, 10 : 10 + width][rng.random((4, width)) < 0.5] = ink
    return page


def _slide(rng: np.random.Generator, length: int, fps: float) -> Pictures:
    page = _page(rng, HEIGHT)
    if rng.random() < 0.7:
        top, left = int(rng.integers(5, 50)), int(rng.integers(5, 90))
        page[top : top + 50, left : left + 90] = _landscape(rng, 1, fps)[0, :50, :90]
    return np.repeat(page[None], length, axis=0)


def _text(rng: np.random.Generator, length: int, fps: float) -> Pictures:
    speed = rng.uniform(8, 40)
    page = _page(rng, HEIGHT + int(speed * length / fps) + 1)
    return np.stack([page[int(speed * n / fps) :][:HEIGHT] for n in range(length)])


def _ground(rng: np.random.Generator, length: int, fps: float) -> Pictures:
    """A shape that moves over a plain ground."""
    pictures = np.empty((length, HEIGHT, WIDTH, 3), np.float32)
    pictures[:] = rng.uniform(30, 200, 3)
    place, speed = rng.uniform(20, 80, 2), rng.uniform(-20, 20, 2)
    colour, size = rng.uniform(0, 255, 3), int(rng.integers(16, 40))
    for number in range(length):
        top, left = (int(max(0, each)) for each in place + speed * number / fps)
        pictures[number, top : top + size, left : left + size] = colour
    return pictures


def _disturb(rng: np.random.Generator, pictures: Pictures, fps: float) -> None:
    """Put something into the middle of a shot that is no boundary."""
    length = len(pictures)
    middle = length // 2
    kind = rng.choice(["flash", "strobe", "exposure", "cross", "appear", "flicker"])
    if kind == "flash":
        pictures[middle : middle + int(rng.integers(1, 5))] += 170.0
    elif kind == "strobe":
        for number in range(middle, min(length - 3, middle + 18), 6):
            pictures[number : number + 3] += 150.0
    elif kind == "exposure":
        share = np.clip((np.arange(length) - middle) / (rng.uniform(0.2, 2.0) * fps) + 0.5, 0, 1)
        gain = float(np.exp(rng.uniform(0.2, 0.8) * rng.choice([-1, 1])))
        pictures *= (1 + (gain - 1) * share.astype(np.float32))[:, None, None, None]
    elif kind == "cross":
        size, colour = int(rng.integers(30, 100)), np.float32(rng.uniform(0, 255, 3))
        speed = (WIDTH + size) / (rng.uniform(0.6, 2.5) * fps)
        for number in range(middle, length):
            left = int((number - middle) * speed) - size
            pictures[number, 5 : 5 + size, max(0, left) : max(0, left + size)] = colour
    elif kind == "appear":
        size = int(rng.integers(30, 65))
        pictures[middle:, 20 : 20 + size, 40 : 40 + size] = np.float32(rng.uniform(0, 255, 3))
    else:
        pictures += rng.normal(0, 7, (length, 1, 1, 1)).astype(np.float32)
    np.clip(pictures, 0, 255, out=pictures)
