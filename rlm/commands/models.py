"""``videorlm models``: what weights there are, what is here, what they cost; and to get them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.commands.output import DONE, print_rows, say
from rlm.errors import UsageError
from rlm.ui.console import clean

if TYPE_CHECKING:
    from rlm.encoders import Preset
    from rlm.encoders.estimate import Machine
    from rlm.video import Video

# As tall as the pictures that the presets of 256 px ask a decoder for.
_DECODE_HEIGHT, _DECODE_FPS, _DECODE_SECONDS = 292, 4.0, 1.5
_LEFT = {"preset", "model", "type", "here"}
_SHORT = {"bfloat16": "bf16", "float32": "fp32"}


def run(*, as_json: bool) -> int:
    """List presets and companions: shape, cost, and whether they are on this machine."""
    from rlm.encoders import COMPANIONS, PRESETS, available_presets
    from rlm.encoders.machine import pick_device, pick_dtype

    here, device = available_presets(), pick_device()
    entries = []
    for preset in [*PRESETS.values(), *COMPANIONS.values()]:
        dtype = pick_dtype(device, preset)
        entries.append(_entry(preset, str(dtype).removeprefix("torch."), dtype.itemsize, here))
    if as_json:
        for entry in entries:
            print(json.dumps(entry))
        return DONE
    print_rows([_cells(entry) for entry in entries], left=_LEFT)
    print("memory: of the weights and a batch; TFLOP/s: arithmetic for a second of video")
    missing = [entry["preset"] for entry in entries if entry["folder"] is None]
    if missing:
        print(f"to get one with its companions: videorlm models pull {missing[0]}")
    return DONE


def pull(name: str) -> int:
    """Download the weights of the preset ``name`` and of its companions into the hub cache.

    Raises ``UsageError`` for another name, ``WeightsMissing`` when the hub cannot be had.
    """
    from rlm.encoders import COMPANIONS, PRESETS, available_presets
    from rlm.encoders import pull as fetch

    known = {**PRESETS, **COMPANIONS}
    if name not in known:
        raise UsageError(f"no preset {name!r}; there are: {', '.join(known)}")
    here = available_presets()
    for preset in [known[name], *(known[companion] for companion in known[name].companions)]:
        place = here.get(preset.name)
        if place is None:
            size = _bytes(preset.memory(item=4, batch=0))
            say(f"{preset.name}: pulling {preset.hub_id}, about {size}")
            place = fetch(preset)
        print(f"{preset.name}  {clean(str(place))}", flush=True)
    return DONE


@dataclass(frozen=True)
class _Decoding:
    """How fast a video can be decoded and sampled here: seconds of it in a second."""

    rate: float

    @classmethod
    def measure(cls, video: Video) -> _Decoding:
        began, reached = time.perf_counter(), 0.0
        for frame in video.frames(fps=_DECODE_FPS, size=_DECODE_HEIGHT):
            reached = frame.time
            if time.perf_counter() - began > _DECODE_SECONDS:
                break
        else:
            reached = video.span.end
        return cls(max(reached, 1e-3) / max(time.perf_counter() - began, 1e-6))


def estimate(path: str, *, as_json: bool) -> int:
    """Say about how long each preset would take to index the video at ``path``, and its memory."""
    from rlm.encoders import COMPANIONS, PRESETS, available_presets
    from rlm.encoders.estimate import Machine
    from rlm.video import Video

    video = Video.open(path)
    duration = video.span.end
    decoding, machine, here = _Decoding.measure(video), Machine.measure(), available_presets()
    entries = []
    for preset in [*PRESETS.values(), *COMPANIONS.values()]:
        deep = PRESETS[preset.deep].deepened() if preset.deep is not None else None
        entries.append(
            {
                "preset": preset.name,
                "tier_2_seconds": _seconds(preset, duration, decoding, machine),
                "tier_3_preset": deep.name if deep else None,
                "tier_3_seconds": _seconds(deep, duration, decoding, machine) if deep else None,
                "dtype": machine.dtype(preset),
                "memory_bytes": machine.memory(preset),
                "on_this_machine": preset.name in here,
            }
        )
    if as_json:
        rates = {"device": machine.device, "bfloat16": machine.half, "float32": machine.full}
        about = {"video": path, "seconds": duration, "decode_x": decoding.rate, "tflops": rates}
        print(json.dumps(about | {"presets": entries}))
        return DONE
    rate = machine.half or machine.full
    print(
        f"{clean(path)}: {_duration(duration)} of video, decoded at {decoding.rate:.0f}x real "
        f"time; {machine.device}, {rate:.2g} TFLOP/s"
    )
    print_rows([_estimate_cells(entry) for entry in entries], left=_LEFT)
    print(
        "about, for an idle machine; tier 3 comes on top of tier 2, companions on top of a preset"
    )
    return DONE


def _seconds(preset: Preset, duration: float, decoding: _Decoding, machine: Machine) -> float:
    """Decoding and encoding, which share the cores of a CPU and overlap beside a GPU."""
    from rlm.encoders.estimate import estimate_seconds

    encode, decode = estimate_seconds(preset, duration, machine), duration / decoding.rate
    return encode + decode if machine.on_cpu else max(encode, decode)


def _entry(preset: Preset, dtype: str, item: int, here: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "preset": preset.name,
        "model": preset.hub_id or preset.name,
        "revision": preset.revision,
        "kind": preset.kind,
        "frames": preset.frames,
        "crop": preset.crop,
        "fps": preset.fps,
        "stride": preset.stride,
        "batch": preset.batch,
        "dtype": dtype,
        "parameters": preset.parameters,
        "memory_bytes": preset.memory(item),
        "tflop_per_second": preset.tflop_per_second,
        "deep": preset.deep,
        "companions": list(preset.companions),
        "folder": str(here[preset.name]) if preset.name in here else None,
    }


def _cells(entry: Mapping[str, Any]) -> dict[str, str]:
    return {
        "preset": entry["preset"],
        "model": entry["model"].rpartition("/")[2],
        "window": f"{entry['frames']} x {entry['crop']} px",
        "stride": f"{entry['stride'] / entry['fps']:g} s",
        "batch": str(entry["batch"]),
        "type": _SHORT[entry["dtype"]],
        "params": f"{entry['parameters'] / 1e6:.0f} M",
        "memory": _bytes(entry["memory_bytes"]),
        "TFLOP/s": _digits(entry["tflop_per_second"]),
        "here": "yes" if entry["folder"] else "no",
    }


def _estimate_cells(entry: Mapping[str, Any]) -> dict[str, str]:
    deep = entry["tier_3_preset"]
    return {
        "preset": entry["preset"],
        "tier 2": _duration(entry["tier_2_seconds"]),
        "tier 3": f"{_duration(entry['tier_3_seconds'])} ({deep})" if deep else "",
        "type": _SHORT[entry["dtype"]],
        "memory": _bytes(entry["memory_bytes"]),
        "here": "yes" if entry["on_this_machine"] else "no",
    }


def _digits(value: float) -> str:
    """Two significant digits without an exponent."""
    return f"{float(f'{value:.2g}'):f}".rstrip("0").rstrip(".") if value < 10 else f"{value:.0f}"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


def _duration(seconds: float) -> str:
    """About how long, in the unit that suits: "40 s", "12 min", "3.5 h", "12 days"."""
    for unit, size, enough in (("s", 1.0, 120.0), ("min", 60.0, 7200.0), ("h", 3600.0, 172_800.0)):
        if seconds < enough:
            return f"{_digits(seconds / size)} {unit}"
    return f"{_digits(seconds / 86_400)} days"
