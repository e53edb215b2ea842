"""How fast a video is read and sampled, beside other loaders on the same file.

::

    python tests/bench/bench_decode.py

Three minutes of 1280x720 h264 with a key frame every 250 pictures, sampled at 0.5, 1 and 2
pictures a second. Each loader gives the samples as RGB with a short side of 256. The runs of the
loaders alternate; a row is the median of its loader. A loader that cannot be imported is left out
with the reason.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import av
import numpy as np
from machine import here

from rlm.video import Video

CLIPS = Path(__file__).resolve().parents[3] / "shared" / "videos"
SECONDS, RATE, SIZE = 180, 30, (1280, 720)
KEY_FRAMES_EVERY = 250
SHORT_SIDE = 256
SMALL = (455, 256)
REPEATS = 3
SLOW = 30.0
GOAL_OVER_SEEKING = 5.0

Loader = Callable[[Path, float], int]


def one_pass(path: Path, fps: float) -> int:
    """``Video.frames``: one linear pass, conversion of what is kept only."""
    return sum(1 for _ in Video.open(path).frames(fps, size=SHORT_SIDE))


def one_pass_tapped(path: Path, fps: float) -> int:
    """The same with every picture looked at for cuts, as an index is built."""
    frames = Video.open(path).frames(fps, size=SHORT_SIDE, tap=lambda time, sample: None)
    return sum(1 for _ in frames)


def opencv_seek(path: Path, fps: float) -> int:
    """A seek to every sample, then one read, with OpenCV."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    count = 0
    for k in range(int(SECONDS * fps)):
        capture.set(cv2.CAP_PROP_POS_FRAMES, round(k / fps * RATE))
        good, picture = capture.read()
        if good:
            cv2.cvtColor(
                cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB
            )
            count += 1
    capture.release()
    return count


def opencv_linear(path: Path, fps: float) -> int:
    """Every picture grabbed in order, the samples retrieved, with OpenCV."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    wanted = {round(k / fps * RATE) for k in range(int(SECONDS * fps))}
    count = number = 0
    while capture.grab():
        if number in wanted:
            _, picture = capture.retrieve()
            cv2.cvtColor(
                cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB
            )
            count += 1
        number += 1
    capture.release()
    return count


def decord_batches(path: Path, fps: float) -> int:
    """decord's ``get_batch`` of the samples, 16 at a time, scaled by its own filter."""
    import decord

    reader = decord.VideoReader(str(path), width=SMALL[0], height=SMALL[1])
    numbers = [round(k / fps * RATE) for k in range(int(SECONDS * fps))]
    return sum(
        len(reader.get_batch(numbers[k : k + 16]).asnumpy()) for k in range(0, len(numbers), 16)
    )


def torchcodec_times(path: Path, fps: float) -> int:
    """torchcodec's ``get_frames_played_at``, 16 samples at a time, scaled with OpenCV."""
    import cv2
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(str(path), seek_mode="approximate", dimension_order="NHWC")
    times = [k / fps for k in range(int(SECONDS * fps))]
    count = 0
    for k in range(0, len(times), 16):
        for picture in decoder.get_frames_played_at(times[k : k + 16]).data.numpy():
            cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA)
            count += 1
    return count


LOADERS: dict[str, tuple[str, Loader]] = {
    "Video.frames": ("av", one_pass),
    "Video.frames, every picture tapped": ("av", one_pass_tapped),
    "OpenCV, a seek to every sample": ("cv2", opencv_seek),
    "OpenCV, linear": ("cv2", opencv_linear),
    "decord": ("decord", decord_batches),
    "torchcodec": ("torchcodec", torchcodec_times),
}


def real_pictures() -> Iterator[np.ndarray]:
    """The pictures of the real clips beside the repository, scaled, over and over."""
    clips = sorted(path for path in CLIPS.glob("*/*") if path.suffix in (".mp4", ".webm"))
    for path in cycle(clips):
        for frame in Video.open(path).frames(RATE, size=SIZE):
            yield frame.rgb


def drawn_pictures() -> Iterator[np.ndarray]:
    """A textured plane that pans and a disc that crosses it; another plane every five seconds."""
    width, height = SIZE
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    for number in range(SECONDS * RATE):
        if number % (5 * RATE) == 0:
            rng = np.random.default_rng(number)
            plane = rng.integers(0, 256, (height // 4, width // 2, 3), dtype=np.uint8)
            plane = plane.repeat(4, axis=0).repeat(4, axis=1)
        rgb = np.ascontiguousarray(plane[:, 2 * number % width :][:, :width])
        centre = 640 + 500 * np.sin(number / 40), 360 + 250 * np.cos(number / 31)
        rgb[(columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 < 90**2] = (230, 60, 40)
        yield rgb


def make_film(path: Path) -> str:
    """Write the film; the kind of its pictures."""
    real = CLIPS.is_dir()
    pictures = real_pictures() if real else drawn_pictures()
    options = {"g": str(KEY_FRAMES_EVERY), "preset": "veryfast", "crf": "23", "sc_threshold": "0"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number, rgb in enumerate(islice(pictures, SECONDS * RATE)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return "real clips, scaled and joined" if real else "drawn"


def usable() -> dict[str, Loader]:
    """The loaders whose packages can be imported; says why of the others."""
    loaders = {}
    for name, (package, loader) in LOADERS.items():
        try:
            __import__("torchcodec.decoders" if package == "torchcodec" else package)
        except (ImportError, OSError, RuntimeError) as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), "no reason")
            print(f"left out: {name}: {type(error).__name__}: {reason.strip()[:100]}")
        else:
            loaders[name] = loader
    return loaders


def measure(
    path: Path, fps: float, loaders: dict[str, Loader]
) -> dict[str, tuple[float, float, int]]:
    """Median seconds, median seconds of CPU, and pictures of each loader."""
    walls: dict[str, list[float]] = {name: [] for name in loaders}
    cpus: dict[str, list[float]] = {name: [] for name in loaders}
    counts = {}
    for _ in range(REPEATS):
        for name, loader in loaders.items():
            # A loader that takes this long is measured once.
            if walls[name] and walls[name][0] > SLOW:
                continue
            began, used = time.perf_counter(), time.process_time()
            counts[name] = loader(path, fps)
            walls[name].append(time.perf_counter() - began)
            cpus[name].append(time.process_time() - used)
    return {
        name: (statistics.median(walls[name]), statistics.median(cpus[name]), counts[name])
        for name in loaders
    }


def key_frame_scan(path: Path) -> tuple[int, float]:
    """How many key frames there are, and the seconds a scan of them takes."""
    began = time.perf_counter()
    count = sum(1 for view in Video.open(path).key_frames() if view.rgb(SHORT_SIDE) is not None)
    return count, time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    print(f"reading on {here('av')}\n")
    loaders = usable()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        kind = make_film(path)
        megabytes = path.stat().st_size / 1e6
        print(f"{SECONDS} s of 1280x720 h264 at {RATE} fps, {megabytes:.0f} MB ({kind})\n")
        print(f"{'seconds (CPU seconds), pictures':36}{'0.5 fps':>22}{'1 fps':>22}{'2 fps':>22}")
        tables = [measure(path, fps, loaders) for fps in (0.5, 1.0, 2.0)]
        for name in loaders:
            cells = (f"{wall:.2f} ({cpu:.2f}), {n}" for wall, cpu, n in (t[name] for t in tables))
            print(f"{name:36}" + "".join(f"{cell:>22}" for cell in cells))
        count, seconds = key_frame_scan(path)
        print(f"\nkey frames only: {count} in {seconds:.2f} s")
        last = tables[-1]
        wall, cpu, pictures = last["Video.frames"]
        for name, (others_wall, others_cpu, others_pictures) in last.items():
            if not name.startswith("Video"):
                goal = f"; goal {GOAL_OVER_SEEKING:g}" if "seek" in name else "; goal 1"
                print(
                    f"at 2 fps {others_wall / wall:.2f} times as fast as {name}"
                    f" ({others_cpu / cpu:.2f} by CPU{goal})"
                )
            if others_pictures != pictures:
                print(f"{name} gave {others_pictures} pictures, not {pictures}")


if __name__ == "__main__":
    main()
