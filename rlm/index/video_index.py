"""The index of one video, as the rest of the program sees it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import PRESETS, Embedding, Encoder, EncoderSpec, find_weights, load_encoder
from rlm.encoders.embedding import normalise
from rlm.errors import EncoderError, IndexDamaged, SpaceMismatch, UsageError, WeightsMissing
from rlm.index import builder, store
from rlm.index.search import Hit, rank, touching
from rlm.spans import Span
from rlm.video import Video

_WINDOWS = "windows"
_SCENES = "scenes"
_EXAMPLE_TRACK = "vjepa"


@dataclass(frozen=True, slots=True)
class Scene:
    """A shot, ``[start, end)`` in seconds."""

    start: float
    end: float

    @property
    def span(self) -> Span:
        """From start to end."""
        return Span(self.start, self.end)


class VideoIndex:
    """Windows, scenes and vectors of a video, and search over them.

    Get one from ``build`` (which finds or builds it) or ``load``. A window is up to
    ``encoder.frames`` pictures of one shot; windows tile ``[0, duration]`` and so do scenes. Each
    field (track) holds a vector a window in a space of its own: ``"vjepa"`` what is seen and how it
    moves, ``"joint"`` what can be compared with text, where the preset has a text side.
    """

    def __init__(
        self,
        video: Video,
        contents: store.Contents,
        encoder: Encoder | None,
        weights: str | Path | None,
    ) -> None:
        self.video = video
        self.preset = contents.preset
        self._contents = contents
        self._encoder = encoder
        self._weights = weights
        self._encoder_lock = threading.Lock()

    @classmethod
    def build(
        cls,
        source: Video | str | Path,
        preset: str | Path = "builtin",
        *,
        cache: Path | None = None,
        progress: builder.Progress | None = None,
        encoder: Encoder | None = None,
    ) -> VideoIndex:
        """Find the index of ``source`` in the cache, or build it there.

        ``cache`` is the folder that holds index folders; by default ``videorlm/index`` in
        ``$XDG_CACHE_HOME``, else in ``~/.cache``. ``progress`` is called with seconds done and in
        all while it builds. ``encoder``, one already loaded, takes the place of ``preset``. A
        damaged index is built anew; two processes that want the same one build it once.

        An interrupted build leaves nothing that looks whole.

        Raises ``VideoNotFound``, ``NotAVideo`` or ``VideoDamaged`` for the video,
        ``WeightsMissing`` for the preset, ``EncoderError`` when the cache cannot be written to.
        """
        video = source if isinstance(source, Video) else Video.open(source)
        spec = encoder.spec if encoder is not None else find_weights(preset)
        # A path is kept whole: the working folder may change before the encoder is needed.
        weights = preset if preset in PRESETS else spec.folder
        parameters = _parameters(spec)
        root = store.default_root() if cache is None else Path(cache)
        key = store.index_key(video.sha256, parameters)
        if found := _find(root, key):
            return cls(video, found, encoder, weights)
        with store.exclusive(root, key):
            if found := _find(root, key):
                return cls(video, found, encoder, weights)
            encoder = encoder or load_encoder(preset)
            result = builder.build(video, encoder, progress)
            contents = store.Contents(
                content=video.sha256,
                source=video.path.name,
                duration=video.span.end,
                preset=spec.preset.name,
                parameters=parameters,
                timelines={_WINDOWS: result.windows, _SCENES: result.scenes},
                tracks={
                    name: store.Track(space, _WINDOWS, result.tracks[name])
                    for name, space in spec.tracks.items()
                },
            )
            store.write(root, contents)
            return cls(video, store.read(root / key), encoder, weights)

    @classmethod
    def load(
        cls, folder: str | Path, source: Video | str | Path, preset: str | Path | None = None
    ) -> VideoIndex:
        """Open the index in ``folder``, which must be that of the video ``source``.

        ``preset`` is what it was built with; an index tells presets by name, but does not know
        where a folder with weights is.

        Raises ``IndexDamaged`` when the folder is damaged, of another schema or of another video.
        """
        video = source if isinstance(source, Video) else Video.open(source)
        contents = store.read(Path(folder))
        if contents.content != video.sha256:
            raise IndexDamaged(
                f"the index in {folder} is that of another video ({contents.source}), not of "
                f"{video.path}: build one with VideoIndex.build"
            )
        known = contents.preset if contents.preset in PRESETS else None
        return cls(video, contents, None, known if preset is None else preset)

    @property
    def key(self) -> str:
        """The digest it is stored under: video content, encoder revision, parameters, schema."""
        return store.index_key(self._contents.content, self._contents.parameters)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the tracks that can be searched."""
        return tuple(self._contents.tracks)

    @property
    def spaces(self) -> Mapping[str, str]:
        """Each track's space."""
        return {name: track.space for name, track in self._contents.tracks.items()}

    @property
    def text_space(self) -> str | None:
        """The space in which text is compared with this video, or ``None``."""
        return self.spaces.get("joint")

    @property
    def windows(self) -> tuple[Span, ...]:
        """What each row of a track covers; together they tile ``[0, duration]``."""
        return tuple(Span(start, end) for start, end in self._contents.timelines[_WINDOWS].tolist())

    def track(self, name: str) -> NDArray[np.float32]:
        """The vectors float32[N, D] of a field, memory-mapped, one row a window.

        Raises ``UsageError`` when there is no such field.
        """
        if name not in self._contents.tracks:
            raise UsageError(f"there is no field {name!r}: there are {', '.join(self.fields)}")
        return self._contents.tracks[name].vectors

    def scenes(self) -> tuple[Scene, ...]:
        """The shots between hard cuts; they tile ``[0, duration]`` with no gap or overlap."""
        return tuple(Scene(start, end) for start, end in self._contents.timelines[_SCENES].tolist())

    @property
    def encoder(self) -> Encoder:
        """The encoder the index was built with, loaded when first needed.

        Raises ``WeightsMissing`` when it is not on this machine or in a folder that ``load`` was
        not told, ``IndexDamaged`` when other weights now stand in its place.
        """
        with self._encoder_lock:
            if self._encoder is None:
                if self._weights is None:
                    raise WeightsMissing(
                        f"the index was built with weights of one's own ({self.preset}): give "
                        "VideoIndex.load the folder they are in"
                    )
                self._encoder = load_encoder(self._weights)
            if dict(self._encoder.tracks) != dict(self.spaces):
                raise IndexDamaged(
                    f"the index was built with {self._contents.parameters.revision} of preset "
                    f"{self.preset}, the weights here are {self._encoder.revision}: build it again"
                )
            return self._encoder

    def embed(self, query: str | NDArray[np.uint8] | Span) -> Embedding:
        """Turn a text, pictures or a span of this video into a vector to search with.

        Text goes into ``text_space``. Pictures, uint8[T, H, W, 3] taken at the encoder's ``fps`` or
        one uint8[H, W, 3], and spans go into the space of ``"vjepa"``: in chunks of one window
        each, averaged by length and normalised. A span made of whole windows is read from the
        index, any other is decoded and encoded by itself.

        Raises ``UsageError`` for an empty text, a text where the preset has no text side, an array
        of another kind, or a span outside the video.
        """
        if isinstance(query, str):
            if not query.strip():
                raise UsageError("an empty text cannot be searched for: say what to look for")
            if self.text_space is None:
                raise UsageError(
                    f"preset {self.preset} has no text side: search by a span or by pictures"
                )
            vector = self.encoder.encode_text([query])[0]
            return Embedding(self.text_space, vector, origin="text")
        vector = self._embed_span(query) if isinstance(query, Span) else self._embed_rgb(query)
        return Embedding(self.spaces[_EXAMPLE_TRACK], vector)

    def nearest(
        self,
        embedding: Embedding,
        k: int = 5,
        span: Span | None = None,
        exclude: Span | Sequence[Span] | None = None,
        diverse: bool = True,
    ) -> list[Hit]:
        """The windows most like ``embedding``, best first, at most ``k``.

        Searched is the field whose space is the embedding's. ``span`` keeps the windows that share
        time with it, ``exclude`` drops those that share time with any of its spans. ``diverse``
        applies temporal non-maximum suppression: within a shot, no hit lies less than one full
        window away from a better one, so a long likeness counts once.

        Raises ``SpaceMismatch`` when no field lives in that space, ``UsageError`` when ``k`` is
        below 1.
        """
        if k < 1:
            raise UsageError(f"k is the number of hits wanted, at least 1, not {k}")
        name = next((n for n, space in self.spaces.items() if space == embedding.space), None)
        if name is None or self.track(name).shape[1] != embedding.vector.size:
            raise SpaceMismatch(
                f"{embedding.space} ({embedding.vector.size}-d) is no space of this index, which "
                f"has {', '.join(self.spaces.values())}: embed with this index"
            )
        spans = self._contents.timelines[_WINDOWS]
        eligible = np.ones(len(spans), dtype=np.bool_)
        if span is not None:
            eligible &= touching(spans, span)
        for excluded in [exclude] if isinstance(exclude, Span) else exclude or ():
            eligible &= ~touching(spans, excluded)
        scores = self.track(name) @ embedding.vector
        what = "text to" if embedding.origin == "text" else "example in"
        return [
            Hit(
                start=float(spans[position, 0]),
                end=float(spans[position, 1]),
                score=float(scores[position]),
                space=embedding.space,
                source=name,
                method=f"{what} {name}",
            )
            for position in rank(scores, eligible, k, self._alike if diverse else None)
        ]

    def _alike(self, one: int, other: int) -> bool:
        """Whether two windows are of one shot and less than a full window apart."""
        spans = self._contents.timelines[_WINDOWS]
        first, second = spans[min(one, other)], spans[max(one, other)]
        parameters = self._contents.parameters
        return bool(
            second[0] - first[1] < parameters.frames / parameters.fps
            and self._scene_at(first[0]) == self._scene_at(second[0])
        )

    def _scene_at(self, time: float) -> int:
        starts = self._contents.timelines[_SCENES][:, 0]
        return int(np.searchsorted(starts, time, side="right"))

    def _embed_span(self, span: Span) -> NDArray[np.float32]:
        part = span.intersect(self.video.span)
        if part is None:
            raise UsageError(f"the span {span} holds nothing of the video ({self.video.span})")
        spans = self._contents.timelines[_WINDOWS]
        inside = (spans[:, 0] >= part.start) & (spans[:, 1] <= part.end)
        if inside.any() and (spans[inside][0, 0], spans[inside][-1, 1]) == (part.start, part.end):
            weights = spans[inside, 1] - spans[inside, 0]
            return normalise(weights @ self.track(_EXAMPLE_TRACK)[inside])
        encoder = self.encoder
        chunks = _Chunks(encoder)
        scene = None
        size = encoder.spec.frame_size
        for frame in self.video.frames(fps=encoder.fps, span=part, size=size):
            if scene != (scene := self._scene_at(frame.time)):
                chunks.end_chunk()
            chunks.add(encoder.prepare(frame.rgb[None]))
        return chunks.mean()

    def _embed_rgb(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        chunks = _Chunks(self.encoder)
        pictures = self.encoder.prepare(rgb[None] if rgb.ndim == 3 else rgb)
        for start in range(0, len(pictures), self.encoder.frames):
            chunks.add(pictures[start : start + self.encoder.frames])
        return chunks.mean()


class _Chunks:
    """Encodes pictures window by window and keeps only the running mean, weighted by length."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._chunk: list[NDArray[np.uint8]] = []
        self._held = 0
        self._sum: NDArray[np.float32] | None = None

    def add(self, pictures: NDArray[np.uint8]) -> None:
        """Take up to a window of prepared pictures uint8[T, S, S, 3]."""
        self._chunk.append(pictures)
        self._held += len(pictures)
        if self._held >= self._encoder.frames:
            self.end_chunk()

    def end_chunk(self) -> None:
        """Encode what is in hand."""
        if not self._chunk:
            return
        vector = self._encoder.encode([np.concatenate(self._chunk)])[_EXAMPLE_TRACK][0]
        weighted = vector * np.float32(self._held)
        self._sum = weighted if self._sum is None else self._sum + weighted
        self._chunk, self._held = [], 0

    def mean(self) -> NDArray[np.float32]:
        """The normalised mean, float32[D]."""
        self.end_chunk()
        if self._sum is None:
            raise EncoderError("there was no picture to embed: give a longer span")
        return normalise(self._sum)


def _parameters(spec: EncoderSpec) -> store.Parameters:
    preset = spec.preset
    return store.Parameters(
        model=spec.model,
        revision=spec.revision,
        frames=preset.frames,
        fps=preset.fps,
        crop=preset.crop,
        resize=preset.resize,
        spaces=dict(spec.tracks),
    )


def _find(root: Path, key: str) -> store.Contents | None:
    """The index of that key, or ``None`` when there is none or it cannot be trusted."""
    try:
        contents = store.read(root / key)
    except IndexDamaged:
        return None
    return contents if store.index_key(contents.content, contents.parameters) == key else None
