"""Which parts an index of a tier is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from rlm.encoders import PRESETS, EncoderSpec, find_weights
from rlm.errors import UsageError, WeightsMissing
from rlm.index.reading import BASE_FPS
from rlm.index.storage.store import PartId
from rlm.index.windows import TUBELET

SCAN, INDEX, DEEP = TIERS = (1, 2, 3)


@dataclass(frozen=True)
class Encoding:
    """Vectors of one encoder: its part, and how windows are cut for it."""

    part: PartId
    spec: EncoderSpec

    @property
    def windows(self) -> tuple[int, int]:
        """Pictures a window, and pictures from one start to the next."""
        return self.spec.preset.frames, self.spec.preset.stride


@dataclass(frozen=True)
class Plan:
    """The parts of an index.

    ``scan`` is what a tier 1 index is, and all it is. ``shots`` is what one pass learns without a
    model, ``main`` the vectors of the preset, ``companions`` those of other encoders on this
    machine, ``deep`` the vectors of tier 3, which may be the same part as ``main``.
    """

    tier: int
    scan: PartId
    shots: PartId
    main: Encoding
    companions: tuple[Encoding, ...]
    deep: Encoding | None

    @property
    def deepens_on_same_frames(self) -> bool:
        """Whether tier 3 wants the pictures that the preset is shown."""
        preset = self.main.spec.preset
        wanted = PRESETS.get(preset.deep, preset) if preset.deep else preset
        return (wanted.crop, wanted.resize, wanted.fps) == (preset.crop, preset.resize, preset.fps)

    @property
    def encodings(self) -> tuple[Encoding, ...]:
        """All vectors of this tier, each once."""
        if self.tier == SCAN:
            return ()
        wanted = [self.main, *self.companions, *([self.deep] if self.deep else [])]
        return tuple({each.part.key: each for each in wanted}.values())

    @property
    def parts(self) -> tuple[PartId, ...]:
        """What must be there for an index of this tier to be whole."""
        if self.tier == SCAN:
            return (self.scan,)
        return (self.shots, *(each.part for each in self.encodings))


def make_plan(
    content: str,
    spec: EncoderSpec,
    tier: int,
    *,
    deep: str | None = None,
    scene_clip_stride: float | None = None,
) -> Plan:
    """The plan for the video with the SHA-256 ``content`` and the preset of ``spec``.

    ``deep`` names the preset of tier 3, by default the one that ``spec`` names.
    ``scene_clip_stride`` is the time from one window of a shot to the next, in seconds, where that
    is not the preset's own.

    Raises ``UsageError`` for a tier or stride there is not, ``WeightsMissing`` when tier 3 is
    wanted and its weights are not on this machine.
    """
    if tier not in TIERS:
        raise UsageError(f"an index is of tier 1 (scan), 2 (index) or 3 (deep), not {tier}")
    if spec.preset.kind != "vjepa2":
        raise UsageError(
            f"{spec.preset.name} goes along with a V-JEPA 2 preset ({', '.join(PRESETS)}): choose "
            "one of those"
        )
    if scene_clip_stride is not None:
        spec = _with_stride(spec, scene_clip_stride)
    return Plan(
        tier=tier,
        scan=PartId(content, "scan", {}),
        shots=PartId(content, "shots", {"fps": BASE_FPS}),
        main=_encoding(content, spec),
        companions=tuple(
            _encoding(content, companion) for companion in _companions(spec.preset.companions)
        ),
        deep=_encoding(content, _deep_spec(spec, deep)) if tier == DEEP else None,
    )


def grid_of(encoding: Encoding, content: str) -> PartId:
    """The part with the frames that ``encoding`` would be made from."""
    return PartId(content, "frames", _grid(encoding.spec))


def _companions(names: Sequence[str]) -> list[EncoderSpec]:
    """Those that are on this machine: an index is no worse for the others being elsewhere."""
    found = []
    for name in names:
        try:
            found.append(find_weights(name))
        except WeightsMissing:
            continue
    return found


def _deep_spec(spec: EncoderSpec, deep: str | None) -> EncoderSpec:
    """The encoder of tier 3, used as it is there."""
    name = deep or spec.preset.deep or spec.preset.name
    wanted = spec if name == spec.preset.name else find_weights(name)
    if wanted.preset.kind != "vjepa2":
        raise UsageError(
            f"tier 3 is made with a V-JEPA 2 preset ({', '.join(PRESETS)}), not {name}"
        )
    return replace(wanted, preset=wanted.preset.deepened())


def _with_stride(spec: EncoderSpec, seconds: float) -> EncoderSpec:
    preset = spec.preset
    stride = round(seconds * preset.fps)
    step = TUBELET / preset.fps
    if not TUBELET <= stride <= preset.frames or stride % TUBELET or stride != seconds * preset.fps:
        raise UsageError(
            f"scene_clip_stride is a multiple of {step:g} s, at most the window's "
            f"{preset.frames / preset.fps:g} s, not {seconds:g}"
        )
    return replace(spec, preset=replace(preset, stride=stride))


def _encoding(content: str, spec: EncoderSpec) -> Encoding:
    preset = spec.preset
    parameters: dict[str, JsonValue] = {
        "model": spec.model,
        "revision": spec.revision,
        "frames": preset.frames,
        "stride": preset.stride,
        "spaces": dict(spec.tracks),
        **_grid(spec),
    }
    return Encoding(PartId(content, "vectors", parameters), spec)


def _grid(spec: EncoderSpec) -> dict[str, JsonValue]:
    preset = spec.preset
    return {"fps": preset.fps, "crop": preset.crop, "resize": preset.resize}
