"""What an object head that errs now and then would say of a made film: truth with noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlm.index.scenes import Scene
from rlm.index.seen import Detection
from rlm.spans import Span
from rlm.tools.base import Frames, VideoFacts
from rlm.world.draw import pictures
from rlm.world.scene import COLOURS, SHAPES, Film
from rlm.world.tracks import NUDGE, tracks

IN_SIGHT = 0.55  # of a thing, for it to be seen at all


@dataclass(frozen=True)
class Noise:
    """Standard deviations in fractions of the picture (a second), and shares of the sights."""

    place: float = 0.025
    pace: float = 0.1
    size: float = 0.01
    looks: float = 0.05
    lost: float = 0.02


EXACT = Noise(0.0, 0.0, 0.0, 0.0, 0.0)


def film_tools(film: Film, noise: Noise = EXACT, seed: int = 0) -> Mapping[str, Callable[..., Any]]:
    """The tools of a session about ``film``, without a file, an index or weights."""
    scenes = [Scene(shot.span.start, shot.span.end) for shot in film.shots]

    def get_scenes(level: int = 0) -> list[Scene]:
        return scenes

    def detect_objects(
        start: float = 0.0, end: float | None = None, fps: float = 4.0
    ) -> list[Detection]:
        seen: list[Detection] = []
        end = film.span.end if end is None else end
        for scene in scenes:
            if max(start, scene.start) < min(end, scene.end):
                seen += _sights(film, max(start, scene.start), min(end, scene.end), fps)
        return seen

    def _sights(film: Film, start: float, end: float, fps: float) -> list[Detection]:
        rng = np.random.default_rng((seed, round(1000 * start), round(10 * fps)))
        shot, told = film.shot_at(start + NUDGE), []
        count = max(1, int((end - start - NUDGE) * fps) // 2)
        begins = start + 2 / fps * np.arange(count)
        first, second = tracks(shot, begins), tracks(shot, np.minimum(begins + 1 / fps, end))
        dark = np.array(
            [_light(shot.span, shot.fade_in, shot.fade_out, b + 0.5 / fps) < 0.5 for b in begins]
        )
        for k, n in np.ndindex(count, len(shot.things)):
            if min(first.seen[k, n], second.seen[k, n]) < IN_SIGHT or dark[k]:
                continue
            if rng.random() < noise.lost:
                continue
            ground = second.position[k, n] + second.camera[k] - first.position[k, n]
            pace = (ground - first.camera[k]) * fps + noise.pace * rng.standard_normal(2)
            place = (first.position[k, n] + second.position[k, n]) / 2
            place = place + noise.place * rng.standard_normal(2)
            size = first.radius[k, n] + noise.size * rng.standard_normal()
            colour, shape = COLOURS[second.colour[k, n]], shot.things[n].shape
            told.append(_sight(begins[k], fps, _other(rng, noise, colour, COLOURS),
                               _other(rng, noise, shape, SHAPES), place, pace, size))  # fmt: skip
        for begin in begins[rng.random(count) < noise.lost]:
            looks = str(rng.choice(COLOURS)), str(rng.choice(SHAPES))
            told.append(_sight(begin, fps, *looks, rng.random(2), rng.normal(0, 0.1, 2), 0.12))
        return sorted(told, key=lambda sight: sight.start)

    def extract_frames(
        start: float = 0.0,
        end: float | None = None,
        fps: float | None = None,
        count: int | None = None,
        size: Any = 360,
    ) -> Frames:
        span = Span(start, min(end or film.span.end, film.span.end))
        if count is not None:
            times = span.start + (np.arange(count) + 0.5) / count * span.duration
        else:
            times = span.start + np.arange(math.ceil(span.duration * (fps or 2.0))) / (fps or 2.0)
        side = size if isinstance(size, int) else size[0]
        rgb = [pictures(film.shot_at(t + NUDGE), [t], side, film.marks)[0] for t in times]
        return Frames(span.start, span.end, times, np.array(rgb))

    return {
        "get_scenes": get_scenes,
        "detect_objects": detect_objects,
        "extract_frames": extract_frames,
        "video_info": lambda: VideoFacts(
            name="film.mp4",
            duration=film.span.end,
            width=320,
            height=320,
            frame_rate=25.0,
            scenes=len(scenes),
            windows=1,
            window_seconds=4.0,
            search_fields=(),
            search_by_text=False,
            transcript=False,
            damage=(),
        ),
        "contact_sheet": lambda *args, **kwargs: None,
        "show": lambda *args, **kwargs: None,
    }


def _light(span: Span, fade_in: float, fade_out: float, time: float) -> float:
    lit = [(time - span.start) / fade_in] if fade_in else []
    lit += [(span.end - time) / fade_out] if fade_out else []
    return min(1.0, *lit) if lit else 1.0


def _other(rng: np.random.Generator, noise: Noise, said: str, names: tuple[str, ...]) -> str:
    return str(rng.choice(names)) if rng.random() < noise.looks else said


def _sight(
    begin: float,
    fps: float,
    colour: str,
    shape: str,
    place: np.ndarray,
    pace: np.ndarray,
    size: float,
) -> Detection:
    (x, y), (dx, dy) = place.tolist(), pace.tolist()
    span = float(begin), float(begin + 2 / fps)
    sure = max(0.02, float(size)), 0.9
    return Detection(*span, colour, shape, x, y, dx, dy, *sure, space="film", method="truth")
