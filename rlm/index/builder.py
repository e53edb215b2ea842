"""Building the parts of a plan that are not there: one pass, encoders running beside it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Encoder
from rlm.errors import IndexDamaged, VideoDamaged
from rlm.index.ahead import ahead
from rlm.index.plan import DEEP, SCAN, Encoding, Plan, grid_of
from rlm.index.reading import (
    BASE_FPS,
    Boundaries,
    KnownBoundaries,
    Progress,
    cut_windows,
    read_kept,
    read_video,
)
from rlm.index.scenes import scene_levels
from rlm.index.shots import Pictures, Shots, look_part
from rlm.index.storage import store
from rlm.index.storage.journal import Journal, Vectors
from rlm.index.storage.rows import RowWriter
from rlm.index.storage.store import Part, PartId, Track
from rlm.index.windows import Window
from rlm.video import Video

KEEP_BYTES = 2 * 2**30
"""Frames are kept for later tiers when they take no more than this."""

_SCAN_SPACING = 0.5
_AHEAD_BYTES = 2**29


def find_parts(root: Path, plan: Plan) -> dict[str, Part] | None:
    """All parts of ``plan`` by key, or ``None`` when one is not there or cannot be trusted."""
    found = {}
    for part in plan.parts:
        read = store.find(root, part)
        if read is None:
            return None
        found[part.key] = read
    return found


def find_or_build(
    root: Path,
    video: Video,
    plan: Plan,
    load: Callable[[Encoding], Encoder],
    progress: Progress | None,
    keep_bytes: int,
) -> dict[str, Part]:
    """All parts of ``plan`` by key; those that are missing are built, by one process at a time.

    Raises what ``build_parts`` raises, ``EncoderError`` when ``root`` cannot be written to.
    """
    parts = find_parts(root, plan)
    if parts is None:
        with store.exclusive(root, video.sha256):
            try:
                build_parts(root, video, plan, load, progress, keep_bytes)
            except BrokenPipeError:  # of whoever is told of the progress
                raise
            except OSError as error:
                raise store.unwritable(root, error) from error
            parts = find_parts(root, plan)
    if parts is None:
        raise IndexDamaged(f"the index in {root} cannot be read back: check the disk")
    return parts


def without_missing_companions(root: Path, plan: Plan) -> Plan:
    """``plan`` with those companions whose vectors are there: the rest is whole without them."""
    there = tuple(each for each in plan.companions if store.find(root, each.part) is not None)
    return replace(plan, companions=there)


def build_parts(
    root: Path,
    video: Video,
    plan: Plan,
    load: Callable[[Encoding], Encoder],
    progress: Progress | None = None,
    keep_bytes: int = KEEP_BYTES,
) -> None:
    """Make the parts of ``plan`` that are missing; call it inside ``store.exclusive``.

    What is there is used: with the shots known and the frames kept, nothing is decoded. A build
    that is stopped keeps the windows it has encoded, and the next one goes on from there.

    Raises ``VideoDamaged`` when not one picture can be decoded or the file changes meanwhile.
    """
    if plan.tier == SCAN:
        _scan(root, video, plan, progress)
        return
    shots = store.find(root, plan.shots)
    missing = [each for each in plan.encodings if store.find(root, each.part) is None]
    if shots is not None:
        frames = _kept_frames(root, missing)
        kept = [each for each in missing if frames and _same_grid(each, frames)]
        if frames is not None and kept:
            _encode_kept(root, video, kept, shots, frames, load, progress)
            missing = [each for each in missing if each not in kept]
    if missing or shots is None:
        _read_and_encode(root, video, plan, missing, shots, load, progress, keep_bytes)


def _scan(root: Path, video: Video, plan: Plan, progress: Progress | None) -> None:
    """Tier 1: what key frames tell."""
    if store.find(root, plan.scan) is not None:
        return
    duration = video.span.end
    with ExitStack() as stack:
        folder = stack.enter_context(_scratch(root, plan.scan, video))
        pictures = stack.enter_context(closing(Pictures(folder, thumbnail_step=2.0)))
        for view in video.key_frames(_SCAN_SPACING):
            pictures.add(view)
            if progress is not None:
                progress("scanning", view.time, duration)
        _check_seen(video, len(pictures.times))
        spans = pictures.spans(duration)
        part = look_part(plan.scan, video.path.name, duration, pictures, {})
        scenes = _scene_timelines(spans, part.tracks["look"].vectors, [], duration)
        store.write(root, replace(part, timelines={**part.timelines, **scenes}))
    if progress is not None:
        progress("scanning", duration, duration)


def _read_and_encode(
    root: Path,
    video: Video,
    plan: Plan,
    missing: Sequence[Encoding],
    known: Part | None,
    load: Callable[[Encoding], Encoder],
    progress: Progress | None,
    keep_bytes: int,
) -> None:
    """Decode the video for the encodings that are missing, and for the shots unless ``known``."""
    duration = video.span.end
    encoders = [load(each) for each in missing]
    with ExitStack() as stack:
        shots = None
        boundaries: Boundaries = KnownBoundaries(_shot_starts(known))
        if known is None:
            folder = stack.enter_context(_scratch(root, plan.shots, video))
            shots = stack.enter_context(closing(Shots(folder, duration, 1 / BASE_FPS)))
            boundaries = shots
        keeper = None
        if _worth_keeping(video, plan, missing, keep_bytes):
            frames = grid_of(missing[0], video.sha256)
            side = missing[0].spec.preset.crop
            folder = stack.enter_context(_scratch(root, frames, video))
            keeper = RowWriter(folder / "frames.npy", (side, side, 3), np.uint8)
            stack.enter_context(closing(keeper))
        samples = read_video(video, encoders, shots, keeper, progress)
        stack.enter_context(closing(samples))
        jobs = [
            stack.enter_context(_job(root, each, encoder, video))
            for each, encoder in zip(missing, encoders, strict=True)
        ]
        plans = [each.windows for each in missing]
        windows = cut_windows(samples, boundaries, plans, duration, video.timing.tolerance)
        _encode(windows, jobs, duration, progress)
        if shots is not None:
            _check_seen(video, shots.samples)
            store.write(root, shots.part(plan.shots, video.path.name))
        video.check_unchanged()
        if keeper is not None:
            part = Part(frames, video.path.name, duration, arrays={"frames": keeper.array()})
            store.write(root, part)
        for job in jobs:
            store.write(root, job.part(video, list(boundaries.times)))


def _encode_kept(
    root: Path,
    video: Video,
    wanted: Sequence[Encoding],
    shots: Part,
    frames: Part,
    load: Callable[[Encoding], Encoder],
    progress: Progress | None,
) -> None:
    encoders = [load(each) for each in wanted]
    times = shots.timelines["pictures"][:, 0].tolist()
    boundaries = _shot_starts(shots)
    windows = cut_windows(
        read_kept(frames.arrays["frames"], times, encoders),
        KnownBoundaries(boundaries),
        [each.windows for each in wanted],
        video.span.end,
        video.timing.tolerance,
    )
    with ExitStack() as stack:
        jobs = [
            stack.enter_context(_job(root, each, encoder, video))
            for each, encoder in zip(wanted, encoders, strict=True)
        ]
        _encode(windows, jobs, video.span.end, progress)
        for job in jobs:
            store.write(root, job.part(video, boundaries))


def _encode(
    windows: Generator[tuple[int, Window], None, None],
    jobs: Sequence[_Job],
    duration: float,
    progress: Progress | None,
) -> None:
    """Give every window to its encoder, decoding ahead while an encoder computes."""
    depth = max((job.depth for job in jobs), default=1)
    with closing(ahead(windows, depth)) as made:
        for number, window in made:
            job = jobs[number]
            job.add(window)
            if progress is not None:
                progress(f"encoding {job.name}", job.done, duration)
    for job in jobs:
        job.finish()
        if progress is not None:
            progress(f"encoding {job.name}", duration, duration)


@contextmanager
def _job(root: Path, encoding: Encoding, encoder: Encoder, video: Video) -> Iterator[_Job]:
    with closing(Journal(store.workplace(root, encoding.part, video.path.name))) as journal:
        yield _Job(encoding, encoder, journal)


class _Job:
    """Vectors of one encoder in the making: windows in, batches through the model, rows kept."""

    def __init__(self, encoding: Encoding, encoder: Encoder, journal: Journal) -> None:
        self.name = encoding.spec.preset.name
        self.batch = encoder.batch
        self.done = 0.0
        preset = encoding.spec.preset
        window_bytes = preset.frames * preset.crop**2 * 3
        # Two batches keep the encoder busy; what waits takes no more than so much memory.
        self.depth = max(2, min(4 + 2 * self.batch, _AHEAD_BYTES // window_bytes))
        self._encoding = encoding
        self._encoder = encoder
        self._journal = journal
        self._spans: list[tuple[float, float]] = []
        self._moments: list[NDArray[np.float64]] = []
        self._keys: list[bytes] = []
        self._rows: dict[bytes, Vectors] = {}
        self._waiting: list[tuple[bytes, Window]] = []

    def add(self, window: Window) -> None:
        """Take the next window; it is encoded with others, unless that was done before."""
        key = hashlib.blake2b(window.pictures.data, digest_size=16, salt=_salt(window)).digest()
        self._spans.append((window.span.start, window.span.end))
        self._moments.append(window.moments)
        self._keys.append(key)
        known = self._journal.get(key)
        if known is not None:
            self._rows[key] = known
            self.done = max(self.done, window.span.end)
        else:
            self._waiting.append((key, window))
            if len(self._waiting) == self.batch:
                self.finish()

    def finish(self) -> None:
        """Encode what waits."""
        if not self._waiting:
            return
        windows = [window for _, window in self._waiting]
        encoded = self._encoder.encode(
            [window.pictures for window in windows], [window.keep for window in windows]
        )
        starts = dict.fromkeys(encoded, 0)
        for key, window in self._waiting:
            rows = {}
            for track, vectors in encoded.items():
                count = len(window.moments) if self._is_fine(track) else 1
                rows[track] = vectors[starts[track] : starts[track] + count]
                starts[track] += count
            self._journal.put(key, rows)
            self._rows[key] = rows
        self.done = windows[-1].span.end
        self._waiting.clear()

    def part(self, video: Video, boundaries: Sequence[float]) -> Part:
        """All rows, in the order of the windows, as a part."""
        spec, duration = self._encoding.spec, video.span.end
        timelines = {"windows": np.array(self._spans)}
        if spec.per_tubelet:
            timelines["moments"] = np.concatenate(self._moments)
        tracks = {
            name: Track(
                space,
                "moments" if self._is_fine(name) else "windows",
                np.concatenate([self._rows[key][name] for key in self._keys]),
            )
            for name, space in spec.tracks.items()
        }
        if "vjepa" in tracks:
            timelines |= _scene_timelines(
                timelines["windows"], tracks["vjepa"].vectors, boundaries, duration
            )
        return Part(self._encoding.part, video.path.name, duration, timelines, tracks)

    def _is_fine(self, track: str) -> bool:
        return track in self._encoding.spec.per_tubelet


def _salt(window: Window) -> bytes:
    """What besides its pictures a window's vectors depend on."""
    numbers = (*window.keep, len(window.pictures))
    return b"".join(number.to_bytes(2, "little") for number in numbers)


def _scene_timelines(
    windows: NDArray[np.float64],
    vectors: NDArray[np.float32 | np.float16],
    boundaries: Sequence[float],
    duration: float,
) -> dict[str, NDArray[np.float64]]:
    levels = scene_levels(windows, vectors, boundaries, duration)
    return {f"scenes-{level}": spans for level, spans in enumerate(levels)}


def _shot_starts(shots: Part | None) -> list[float]:
    """Where the shots of a part begin, the first aside."""
    starts: list[float] = [] if shots is None else shots.arrays["transitions"][:, 0].tolist()
    return starts


def _worth_keeping(video: Video, plan: Plan, missing: Sequence[Encoding], keep_bytes: int) -> bool:
    """Whether the pictures of the preset may serve tier 3, later, and are few enough."""
    if plan.tier == DEEP or plan.main not in missing[:1] or not plan.deepens_on_same_frames:
        return False
    side = missing[0].spec.preset.crop
    return math.ceil(video.span.end * BASE_FPS) * side * side * 3 <= keep_bytes


@contextmanager
def _scratch(root: Path, part: PartId, video: Video) -> Iterator[Path]:
    """The workplace of a part that has to be made in one go: nothing of it outlives a failure."""
    folder = store.workplace(root, part, video.path.name)
    try:
        yield folder
    finally:
        store.remove(folder)


def _kept_frames(root: Path, missing: Sequence[Encoding]) -> Part | None:
    """Frames kept of an earlier pass that serve one of ``missing``."""
    for each in missing:
        if frames := store.find(root, grid_of(each, each.part.content)):
            return frames
    return None


def _same_grid(encoding: Encoding, frames: Part) -> bool:
    return grid_of(encoding, encoding.part.content).key == frames.id.key


def _check_seen(video: Video, pictures: int) -> None:
    """Raise ``VideoDamaged`` when nothing was seen, or of a file that is no longer the same."""
    if not pictures:
        raise VideoDamaged(f"no picture of {video.path} could be decoded: is the file whole?")
    video.check_unchanged()
