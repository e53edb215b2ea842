"""The index of one video, as the rest of the program sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from rlm.encoders import Embedding, Encoder, find_weights
from rlm.errors import IndexDamaged, SpaceMismatch, UsageError, WeightsMissing
from rlm.index import builder, features, queries
from rlm.index.features import FeatureMaps
from rlm.index.loader import Loader
from rlm.index.plan import DEEP, INDEX, SCAN, make_plan
from rlm.index.reading import Progress
from rlm.index.scenes import Scene
from rlm.index.search import Hit, nearest
from rlm.index.shots import Thumbnail, thumbnails_of
from rlm.index.snapshot import LOOK, KeptFrames, Snapshot, find_field
from rlm.index.spoken.transcripts import find_transcripts, recognise
from rlm.index.storage import store
from rlm.index.storage.store import Part, PartId
from rlm.spans import Span
from rlm.video import Subtitles, Video

_TEXT_FIELDS = ("joint", "videoprism", "siglip2")
"""Fields that hold text too, the one that knows motion best first."""
_EXAMPLE_FIELDS = ("deep", "vjepa", LOOK)
LEVELS = ("fine", "about 30 s", "chapters")


class VideoIndex:
    """Windows, scenes and vectors of a video, and search over them.

    Get one from ``build`` (which finds or builds it) or ``load``. It is of a tier:

    1. scan: looks and thumbnails of key frames, in seconds;
    2. index: every shot, and a vector for each window of the preset;
    3. deep: vectors every half second, from long windows of a larger preset.

    Each field is a track of vectors in a space of its own: ``"look"`` what pictures look like
    (without a model), ``"vjepa"`` what is seen and how it moves, ``"joint"``, ``"siglip2"`` and
    ``"videoprism"`` what can be compared with text, ``"moments"`` and ``"deep"`` what V-JEPA sees
    in each half second. An index may be used by several threads; during ``upgrade`` it answers from
    the old tier until the new one is whole.
    """

    def __init__(self, video: Video, root: Path, snapshot: Snapshot, load: Loader) -> None:
        self.video = video
        self._root = root
        self._snapshot = snapshot
        # Vectors made before an upgrade are still searched for where they come from.
        self._earlier: tuple[Snapshot, ...] = ()
        self._load = load
        self._upgrading = threading.Lock()

    @classmethod
    def build(
        cls,
        source: Video | str | Path,
        preset: str | Path = "builtin",
        *,
        tier: int = INDEX,
        deep: str | None = None,
        scene_clip_stride: float | None = None,
        cache: Path | None = None,
        progress: Progress | None = None,
        encoder: Encoder | None = None,
        loader: Loader | None = None,
        keep_bytes: int = builder.KEEP_BYTES,
    ) -> VideoIndex:
        """Find the index of ``source`` in the cache, or build it there.

        ``tier`` is 1 (scan), 2 (index) or 3 (deep, with the preset ``deep`` or the one that
        ``preset`` names). ``scene_clip_stride`` is the time in seconds from one window of a shot to
        the next, by default the preset's own; where windows overlap, each speaks for its middle.
        ``cache`` is the folder that holds indexes; by default ``videorlm/index`` in
        ``$XDG_CACHE_HOME``, else in ``~/.cache``. ``progress`` is called, from several threads,
        with what is going on and the seconds done and in all. ``encoder``, one already loaded,
        takes the place of ``preset``; ``loader`` shares encoders with other indexes. Frames are
        kept for later tiers when they take no more than ``keep_bytes``.

        What is damaged is built anew; two processes that want the same one build it once. An
        interrupted build leaves nothing that looks whole, and the next one goes on from there.

        Raises ``UsageError`` for a tier or stride there is not, ``VideoNotFound``, ``NotAVideo`` or
        ``VideoDamaged`` for the video, ``WeightsMissing`` for the preset, ``EncoderError`` when the
        cache cannot be written to.
        """
        video = source if isinstance(source, Video) else Video.open(source)
        spec = encoder.spec if encoder is not None else find_weights(preset)
        plan = make_plan(video.sha256, spec, tier, deep=deep, scene_clip_stride=scene_clip_stride)
        root = store.default_root() if cache is None else Path(cache)
        loader = loader or Loader(encoder)
        snapshot = Snapshot(
            plan, builder.find_or_build(root, video, plan, loader, progress, keep_bytes)
        )
        return cls(video, root, snapshot, loader)

    @classmethod
    def load(
        cls,
        source: Video | str | Path,
        preset: str | Path = "builtin",
        *,
        tier: int | None = None,
        deep: str | None = None,
        scene_clip_stride: float | None = None,
        cache: Path | None = None,
        loader: Loader | None = None,
    ) -> VideoIndex:
        """Open the index that is there, of ``tier`` or else the highest; nothing is built.

        Raises what ``build`` raises, and ``IndexDamaged`` when there is none that can be used.
        """
        video = source if isinstance(source, Video) else Video.open(source)
        spec = find_weights(preset)
        root = store.default_root() if cache is None else Path(cache)
        for wanted in (DEEP, INDEX, SCAN) if tier is None else (tier,):
            try:
                plan = make_plan(
                    video.sha256, spec, wanted, deep=deep, scene_clip_stride=scene_clip_stride
                )
            except WeightsMissing:
                if tier is not None:
                    raise
                continue  # without the weights of tier 3 its index would be of no use
            plan = builder.without_missing_companions(root, plan)
            if parts := builder.find_parts(root, plan):
                return cls(video, root, Snapshot(plan, parts), loader or Loader())
        raise IndexDamaged(
            f"{root} holds no whole index of {video.path} with preset {spec.preset.name}: build it "
            "with VideoIndex.build or `videorlm index`"
        )

    def upgrade(
        self,
        tier: int,
        *,
        deep: str | None = None,
        progress: Progress | None = None,
        keep_bytes: int = builder.KEEP_BYTES,
    ) -> None:
        """Bring the index to ``tier``; only what is missing is computed.

        Whoever searches meanwhile is answered from the tier that is there. A lower tier than there
        is changes nothing. Raises what ``build`` raises.
        """
        with self._upgrading:
            plan = self._snapshot.plan
            if tier <= plan.tier:
                return
            higher = make_plan(self.video.sha256, plan.main.spec, tier, deep=deep)
            parts = builder.find_or_build(
                self._root, self.video, higher, self._load, progress, keep_bytes
            )
            self._earlier += (self._snapshot,)
            self._snapshot = Snapshot(higher, parts)

    def __repr__(self) -> str:
        return f"VideoIndex({str(self.video.path)!r}, preset={self.preset!r}, tier={self.tier})"

    @property
    def tier(self) -> int:
        """1 (scan), 2 (index) or 3 (deep)."""
        return self._snapshot.plan.tier

    @property
    def preset(self) -> str:
        """The name of the preset, or of the folder its weights are in."""
        return self._snapshot.plan.main.spec.preset.name

    @property
    def key(self) -> str:
        """A digest of all it depends on: video content, weights, parameters, schema."""
        return store.combined_key(self._snapshot.plan.parts)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the tracks that can be searched."""
        return tuple(self._snapshot.fields)

    @property
    def spaces(self) -> Mapping[str, str]:
        """Each field's space."""
        return {name: field.track.space for name, field in self._snapshot.fields.items()}

    @property
    def text_spaces(self) -> Mapping[str, str]:
        """The spaces in which text is compared with this video, by field, the best first."""
        spaces = self.spaces
        return {name: spaces[name] for name in _TEXT_FIELDS if name in spaces}

    @property
    def text_space(self) -> str | None:
        """The first of ``text_spaces``, or ``None``."""
        return next(iter(self.text_spaces.values()), None)

    @property
    def windows(self) -> tuple[Span, ...]:
        """What each vector of the preset stands for; they tile ``[0, duration]``.

        In tier 1, where there are none, what each key frame stands for.
        """
        snapshot = self._snapshot
        spans = snapshot.fields["vjepa" if "vjepa" in snapshot.fields else LOOK].spans
        return tuple(Span(start, end) for start, end in spans.tolist())

    @property
    def damage(self) -> tuple[Span, ...]:
        """Spans that could not be decoded; unknown, and empty, in tier 1."""
        return tuple(Span(start, end) for start, end in self._snapshot.damage)

    def spans(self, field: str) -> NDArray[np.float64]:
        """What each row of a field stands for: starts and ends float64[N, 2] in seconds.

        Raises ``UsageError`` when there is no such field.
        """
        self._check_field(field)
        return self._snapshot.fields[field].spans

    def track(self, field: str) -> NDArray[np.float32 | np.float16]:
        """The vectors [N, D] of a field, memory-mapped: float32, or float16 if stored so.

        Raises ``UsageError`` when there is no such field.
        """
        self._check_field(field)
        return self._snapshot.fields[field].track.vectors

    def scenes(self, level: int = 0) -> tuple[Scene, ...]:
        """The scenes of a level: 0 fine (shots), 1 about 30 s, 2 chapters.

        Those of each level tile ``[0, duration]`` with no gap or overlap, and each is made of
        whole scenes of the level below. Raises ``UsageError`` for another level.
        """
        if isinstance(level, bool | float) or level not in range(len(LEVELS)):
            names = ", ".join(f"{number} ({name})" for number, name in enumerate(LEVELS))
            raise UsageError(f"scenes have the levels {names}; there is no level {level}")
        return tuple(Scene(start, end) for start, end in self._snapshot.scenes(level).tolist())

    @property
    def transcripts(self) -> tuple[Subtitles, ...]:
        """What is said or written: subtitle files beside the video, then what is inside it, then
        what was recognised by ``transcribe``.

        A subtitle file that cannot be read is left out.
        """
        return find_transcripts(self._root, self.video, self._snapshot.pictures)

    def transcribe(self, recogniser: str, progress: Progress | None = None) -> Subtitles:
        """Recognise speech, once for each ``recogniser``; afterwards ``transcripts`` has it too.

        ``recogniser`` is a transcription model of litellm (``"openai/whisper-1"``), or a Whisper
        model of transformers by folder or hub name. ``progress`` is called as by ``build``.

        Raises ``UsageError`` when the video has no sound, ``LanguageModelError`` or
        ``WeightsMissing`` for the recogniser, ``EncoderError`` when the cache cannot be written to.
        """
        return recognise(self._root, self.video, recogniser, progress)

    def thumbnails(self, span: Span | None = None) -> Iterator[Thumbnail]:
        """Small pictures of the video, or of a span, in order: about one a second."""
        return thumbnails_of(self._snapshot.pictures, span)

    def encoder(self, field: str = "vjepa") -> Encoder:
        """The encoder that made a field, loaded when first needed.

        Raises ``UsageError`` for a field no model makes, ``WeightsMissing`` when its weights are no
        longer on this machine, ``IndexDamaged`` when other weights now stand in their place.
        """
        self._check_field(field)
        if (encoding := self._snapshot.fields[field].encoding) is None:
            raise UsageError(f"the field {field} is made without a model")
        return self._load(encoding)

    def embed(self, query: str | NDArray[np.uint8] | Span, field: str | None = None) -> Embedding:
        """Turn a text, pictures or a span of this video into a vector to search with.

        ``field`` says in whose space; by default that of the first of ``text_spaces`` for a text
        and that of ``"deep"``, ``"vjepa"`` or ``"look"``, whichever is there, for the rest.
        Pictures are uint8[T, H, W, 3] taken at the field's rate, or one uint8[H, W, 3]. A vector
        is the mean of those of all windows, weighted by length and normalised; windows that lie
        in a span are read from the index, and only what they leave open is decoded.

        Raises ``UsageError`` for an empty text, a text where there is no text side, an array of
        another kind, a span outside the video, or a field there is not.
        """
        if isinstance(query, str):
            return self._embed_text(query, field)
        snapshot = self._snapshot
        name = field or next(name for name in _EXAMPLE_FIELDS if name in snapshot.fields)
        self._check_field(name)
        chosen = snapshot.fields[name]
        load = partial(self.encoder, name)
        if isinstance(query, Span):
            part, boundaries = self._inside(query), snapshot.scenes(0)[1:, 0]
            vector = queries.of_span(chosen, self.video, part, boundaries, load)
        else:
            centre = snapshot.pictures.arrays["look-mean"]
            vector = queries.of_pictures(chosen, query, centre, load)
        return Embedding(chosen.track.space, vector)

    def nearest(
        self,
        embedding: Embedding,
        k: int = 5,
        span: Span | None = None,
        exclude: Span | Sequence[Span] | None = None,
        diverse: bool = True,
    ) -> list[Hit]:
        """The moments most like ``embedding``, best first, at most ``k``.

        Searched is the field whose space is the embedding's. ``span`` keeps the rows that share
        time with it, ``exclude`` drops those that share time with any of its spans. ``diverse``
        applies temporal non-maximum suppression (within a shot, no hit lies less than one full
        window, 4 s where rows are shorter than a second, from a better one), then maximal marginal
        relevance: the best comes first, a look-alike of an earlier hit later.

        Raises ``SpaceMismatch`` when no field lives in that space, ``UsageError`` when ``k`` is
        below 1.
        """
        if not isinstance(embedding, Embedding):
            raise UsageError(f"a search takes an Embedding, from embed(), not {embedding!r:.80}")
        found = find_field((self._snapshot, *self._earlier), embedding.space)
        if found is None or found[1].track.vectors.shape[1] != embedding.vector.size:
            raise SpaceMismatch(
                f"{embedding.space} ({embedding.vector.size}-d) is no space of this index, which "
                f"has {', '.join(self.spaces.values())}: embed with this index"
            )
        snapshot, field = found
        excluded = [exclude] if isinstance(exclude, Span) else exclude or ()
        shots = snapshot.scenes(0)[:, 0] if diverse else None
        return nearest(field, embedding, k, span, excluded, shots)

    def kept_frames(self, fps: float) -> KeptFrames | None:
        """What the preset's encoder was shown when the index was built, memory-mapped.

        ``None`` where no frames were kept at ``fps`` pictures a second.
        """
        return self._snapshot.kept_frames(self._root, fps)

    def derived(
        self, kind: str, parameters: Mapping[str, JsonValue], make: Callable[[PartId], Part]
    ) -> Part:
        """What ``make`` computes of the video, once; it is kept beside the index.

        ``parameters`` are all it depends on but the video. Raises what ``make`` raises, and
        ``EncoderError`` when the cache cannot be written to.
        """
        return store.find_or_make(self._root, PartId(self.video.sha256, kind, parameters), make)

    def has_derived(self, kind: str, parameters: Mapping[str, JsonValue]) -> bool:
        """Whether ``derived`` would compute nothing."""
        return store.find(self._root, PartId(self.video.sha256, kind, parameters)) is not None

    def feature_maps(self, span: Span, field: str = "vjepa") -> FeatureMaps:
        """V-JEPA's tokens of a span before pooling, from the cache or computed now.

        The span is cut into windows of the field's preset that mix no two shots, each encoded by
        itself. On disk all maps take at most ``features.CACHE_BYTES``.

        Raises ``UsageError`` for a field V-JEPA did not make, a span outside the video, or one
        whose maps would take more than 1 GiB.
        """
        part = self._inside(span)
        self._check_field(field)
        encoding = self._snapshot.fields[field].encoding
        if encoding is None or encoding.spec.preset.kind != "vjepa2":
            raise UsageError(f"the field {field} is not made by V-JEPA 2: it has no feature maps")
        boundaries = self._snapshot.scenes(0)[1:, 0]
        load = partial(self._load, encoding)
        return features.of_span(self._root, self.video, encoding.spec, load, part, boundaries)

    def _embed_text(self, text: str, field: str | None) -> Embedding:
        if not text.strip():
            raise UsageError("an empty text cannot be searched for: say what to look for")
        if field is not None:
            self._check_field(field)
        spaces = self.text_spaces
        name = field or next(iter(spaces), None)
        if name is None or name not in spaces:
            where = f"field {name}" if name else f"tier {self.tier} with preset {self.preset}"
            raise UsageError(f"{where} has no text side: search by a span or by pictures")
        vector = self.encoder(name).encode_text([text])[0]
        return Embedding(spaces[name], vector, origin="text")

    def _inside(self, span: Span) -> Span:
        part = span.intersect(self.video.span)
        if part is None:
            raise UsageError(f"the span {span} holds nothing of the video ({self.video.span})")
        return part

    def _check_field(self, name: str) -> None:
        if name not in self._snapshot.fields:
            raise UsageError(f"there is no field {name!r}: there are {', '.join(self.fields)}")
