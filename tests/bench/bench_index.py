"""How fast an index is built, how much memory that takes, and how well decoding is hidden.

::

    python tests/bench/bench_index.py            all of it, about half an hour on 2 cores
    python tests/bench/bench_index.py speed      one part of it

``speed``: a tier 2 build of 3 minutes of 720p with the built-in preset, beside reading the same
file without encoding anything. ``memory``: peak memory of indexing 10 minutes and 2 hours of
1080p, each in a process of its own. ``overlap``: the share of a build that is spent outside the
encoder, with a ViT-L of random weights. ``encoders``: windows a second of every preset, with random
weights of the real configurations, on the GPU if there is one (else ViT-L alone, on the CPU), and
the arithmetic reached beside the rate of a matrix product.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import av
import numpy as np
from bench_decode import SECONDS, make_film, real_pictures
from machine import here

from rlm.encoders import PRESETS, Encoder, Preset, load_encoder
from rlm.encoders.estimate import Machine
from rlm.index import VideoIndex
from rlm.video import Video

REPEATS = 3
MINUTE_RATE = 12
LENGTHS = {"10 minutes": 10, "2 hours": 120}
OVERLAP_SECONDS = 64

# What the peak of a process counts besides Python's own memory, read from inside it at its end.
CHILD = """
import json, resource, sys, time
from pathlib import Path
from rlm.index import VideoIndex
began = time.perf_counter()
index = VideoIndex.build(sys.argv[1], "builtin", cache=Path(sys.argv[2]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([time.perf_counter() - began, peak, len(index.windows)]))
"""


def speed(folder: Path) -> None:
    """Tier 2 with the built-in preset against decoding alone."""
    path = folder / "film.mp4"
    kind = make_film(path)
    encoder = load_encoder("builtin")
    print(f"tier 2, builtin, {SECONDS} s of 1280x720 h264 at 30 fps ({kind})")
    reads, builds, scans = [], [], []
    for number in range(REPEATS):
        began = time.perf_counter()
        for _ in Video.open(path).frames(fps=4, size=(64, 64), tap=lambda *_: None):
            pass
        reads.append(time.perf_counter() - began)
        for tier, times in ((1, scans), (2, builds)):
            began = time.perf_counter()
            VideoIndex.build(
                path, tier=tier, cache=folder / f"cache-{number}-{tier}", encoder=encoder
            )
            times.append(time.perf_counter() - began)
    read, build, scan = (float(np.median(times)) for times in (reads, builds, scans))
    print(f"  decoding alone     {read:6.2f} s  {SECONDS / read:5.1f}x real time")
    print(f"  tier 2 build       {build:6.2f} s  {SECONDS / build:5.1f}x real time (goal 20)")
    print(f"  tier 1 scan        {scan:6.2f} s  {SECONDS / scan:5.0f}x real time\n")


def make_long_film(path: Path, minutes: int) -> None:
    """So many minutes of 1080p: one minute, encoded once, its packets over and over."""
    minute = path.with_name("minute.mp4")
    if not minute.exists():
        with av.open(str(minute), "w") as container:
            options = {"preset": "veryfast", "g": "250"}
            stream = container.add_stream("libx264", rate=MINUTE_RATE, options=options)
            stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
            for number, rgb in zip(range(60 * MINUTE_RATE), real_pictures(), strict=False):
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                frame = frame.reformat(1920, 1080, "yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, MINUTE_RATE)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    with av.open(str(path), "w") as target:
        with av.open(str(minute)) as source:
            copy = target.add_stream_from_template(source.streams.video[0])
        for turn in range(minutes):
            with av.open(str(minute)) as source:
                stream = source.streams.video[0]
                length = round(60 / stream.time_base)
                for packet in source.demux(stream):
                    if packet.dts is not None:
                        packet.dts += turn * length
                        packet.pts += turn * length
                        packet.stream = copy
                        target.mux(packet)


def memory(folder: Path) -> None:
    """Peak memory of a short and a long build."""
    print(f"peak memory of indexing 1920x1080 h264 at {MINUTE_RATE} fps, tier 2, builtin")
    peaks = {}
    for name, minutes in LENGTHS.items():
        path = folder / f"{minutes}.mp4"
        make_long_film(path, minutes)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path), str(folder / "cache")],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        seconds, peak, windows = json.loads(done.stdout)
        peaks[name] = peak
        rate = minutes * 60 / seconds
        print(
            f"  {name:12} {peak / 1e6:6.0f} MB  {seconds:6.1f} s  {rate:4.0f}x real time, "
            f"{windows} windows"
        )
    short, long = peaks.values()
    print(f"  the longer takes {long / short - 1:+.1%} (goal within 10%)\n")


class Timed:
    """An encoder that notes how long it computes."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.seconds = 0.0
        self.windows = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._encoder, name)

    def encode(
        self, windows: Sequence[np.ndarray], keep: Sequence[tuple[int, int]] | None = None
    ) -> dict[str, np.ndarray]:
        began = time.perf_counter()
        vectors = self._encoder.encode(windows, keep)
        self.seconds += time.perf_counter() - began
        self.windows += len(windows)
        return vectors


def save_random(preset: Preset, folder: Path) -> Path:
    """A model of the preset's real configuration, random weights, as its hub repository has it."""
    import torch
    from transformers import VJEPA2Config, VJEPA2Model

    sizes = preset.architecture
    config = VJEPA2Config(
        crop_size=preset.crop,
        frames_per_clip=64,
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.joint,
        num_attention_heads=sizes.heads,
        mlp_ratio=sizes.mlp / sizes.hidden,
    )
    place = folder / str(preset.hub_id).partition("/")[2]
    if not place.exists():
        torch.manual_seed(0)
        VJEPA2Model(config).to(torch.bfloat16).save_pretrained(place)
    return place


def overlap(folder: Path) -> None:
    """The share of a build outside the encoder, ViT-L, random weights."""
    import os

    os.environ["VIDEORLM_WEIGHTS"] = str(folder)
    save_random(PRESETS["fast"], folder)
    path = folder / "film.mp4"
    if not path.exists():
        make_film(path)
    part = folder / "part.mp4"
    with av.open(str(path)) as source, av.open(str(part), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None and packet.dts * stream.time_base < OVERLAP_SECONDS:
                packet.stream = copy
                target.mux(packet)
    encoder = Timed(load_encoder("fast"))
    began = time.perf_counter()
    VideoIndex.build(part, cache=folder / "overlap", encoder=encoder)
    seconds = time.perf_counter() - began
    share = 1 - encoder.seconds / seconds
    print(f"tier 2 build of {OVERLAP_SECONDS} s of 720p random ViT-L, {encoder.windows} windows")
    print(f"  {seconds:.1f} s in all, {encoder.seconds:.1f} s of them in the encoder")
    print(f"  outside the encoder: {share:.1%} (goal 15% at most)\n")


def encoders(folder: Path) -> None:
    """Windows a second and arithmetic reached, beside the rate of a matrix product."""
    import os

    import torch

    os.environ["VIDEORLM_WEIGHTS"] = str(folder)
    on_gpu = torch.cuda.is_available()
    machine = Machine.measure()
    print(f"encoders with random weights on {machine.device}")
    for name, preset in PRESETS.items():
        if preset.hub_id is None or (not on_gpu and name != "fast"):
            continue
        save_random(preset, folder)
        encoder = load_encoder(name)
        count = 8 * preset.batch if on_gpu else 2
        shape = (preset.frames, preset.crop, preset.crop, 3)
        window = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        # As many as are timed: the first batch of a size pins memory and picks kernels.
        encoder.encode([window] * (count if on_gpu else 1))
        began = time.perf_counter()
        encoder.encode([window] * count)
        rate = count / (time.perf_counter() - began)
        tflops = rate * preset.tflop_per_second * preset.stride / preset.fps
        peak = (machine.half if preset.half else None) or machine.full
        print(
            f"  {name:9} {rate:7.2f} windows/s  {tflops:7.2f} of {peak:.2f} TFLOP/s "
            f"({tflops / peak:.0%}, goal 50%)"
        )


PARTS = {
    "speed": speed,
    "memory": memory,
    "overlap": overlap,
    "encoders": encoders,
}


def main() -> None:
    """Run the parts named on the command line, or all."""
    print(f"indexing on {here('av', 'torch')}\n")
    with tempfile.TemporaryDirectory() as name:
        for part in sys.argv[1:] or PARTS:
            PARTS[part](Path(name))


if __name__ == "__main__":
    main()
