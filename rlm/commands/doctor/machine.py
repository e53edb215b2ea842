"""Python and its packages, decoders, settings, folders."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import cast

from rlm import __version__
from rlm.commands.doctor.check import Finding, missing, ok, settings_or_none, warning
from rlm.config import Config, checked, unknown_variables
from rlm.errors import UsageError
from rlm.sources import written

_PACKAGES = ("torch", "transformers", "av", "litellm", "numpy")
_CODECS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "ultrafast"}),
    "hevc": ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    "av1": ("libsvtav1", {"preset": "12"}),
}
"""Codecs that videos mostly are in, each with an encoder that makes a clip to try it with."""
_ROOM = 2_000_000_000
_FRAMES, _SIZE = 8, 128


def python() -> list[Finding]:
    """Versions of this program, of Python and of what it stands on."""
    versions, absent = [], []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            absent.append(name)
    system = f"{platform.system()} {platform.machine()}"
    told = f"videorlm {__version__}, Python {platform.python_version()}, {system}"
    findings = [ok("python", f"{told}; {', '.join(versions)}")]
    if absent:
        what = f"not installed: {', '.join(absent)}"
        findings.append(missing("packages", what, f"{sys.executable} -m pip install videorlm"))
    return findings


def decoders() -> list[Finding]:
    """A clip of each codec, made here, goes through the decoder that videos go through."""
    import av

    os.environ.setdefault("SVT_LOG", "-1")  # its encoder of AV1 is told to be quiet in no other way
    works, there, failed = [], [], []
    with tempfile.TemporaryDirectory(prefix="videorlm-doctor-") as folder:
        for codec, (encoder, options) in _CODECS.items():
            path = Path(folder) / f"{codec}.mp4"
            if codec not in av.codecs_available:
                failed.append(codec)
            elif encoder not in av.codecs_available:
                there.append(codec)
            elif _round_trip(path, encoder, options):
                works.append(codec)
            else:
                failed.append(codec)
    libraries = av.library_versions["libavcodec"]
    told = f"PyAV {av.__version__}, libavcodec {'.'.join(map(str, libraries))}"
    if works:
        told += f"; decoded {', '.join(works)}"
    if there:
        told += f"; there, not tried: {', '.join(there)}"
    if not failed:
        return [ok("video", told)]
    remedy = f"{sys.executable} -m pip install --force-reinstall av (its wheels have them all)"
    if "h264" in failed:
        return [missing("video", f"{told}; cannot decode {', '.join(failed)}", remedy)]
    return [warning("video", f"{told}; cannot decode {', '.join(failed)}", remedy)]


def _round_trip(path: Path, encoder: str, options: dict[str, str]) -> bool:
    """Whether a clip by ``encoder`` comes back with all its pictures, about as bright as it was."""
    import av
    import numpy as np

    from rlm.errors import VideoError
    from rlm.video import Video

    levels = np.linspace(40, 200, _FRAMES)
    with av.open(path, "w") as file:
        stream = cast(av.VideoStream, file.add_stream(encoder, rate=Fraction(8), options=options))
        stream.width = stream.height = _SIZE
        stream.pix_fmt = "yuv420p"
        for level in levels:
            picture = np.full((_SIZE, _SIZE, 3), round(level), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
    try:
        seen = [float(frame.rgb.mean()) for frame in Video.open(path).frames()]
    except VideoError:
        return False
    return len(seen) == _FRAMES and bool(np.abs(np.array(seen) - levels).max() < 12)


def settings() -> list[Finding]:
    """Whether files and environment say what they mean."""
    try:
        found = written(Config.model_fields)
        checked(found)
    except UsageError as error:
        return [missing("settings", str(error), "correct it; videorlm config --help")]
    unknown = [
        warning("settings", f"{name} is no setting; {hint}", f"unset {name}")
        for name, hint in unknown_variables().items()
    ]
    set_ = ", ".join(f"{name} ({each.source})" for name, each in found.items())
    return [ok("settings", set_ or "none set; the defaults hold"), *unknown]


def folders() -> list[Finding]:
    """Whether transcripts and indexes can be written, and how much room there is."""
    from rlm.agent.transcript import default_folder
    from rlm.index.storage.store import default_root

    config = settings_or_none()
    return [
        _folder("transcripts", config.transcripts or default_folder()),
        _folder("cache", config.cache or default_root()),
    ]


def _folder(setting: str, folder: Path) -> Finding:
    remedy = f"make it writable, or set another one: VIDEORLM_{setting.upper()}=FOLDER"
    # What is not there yet is made when it is needed, by whoever may write above it.
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return missing(setting, f"{folder} cannot be written: {error.strerror}", remedy)
    told = f"{folder} can be written, {free / 1e9:.0f} GB free"
    if free < _ROOM:
        return warning(setting, told, f"make room, or set VIDEORLM_{setting.upper()}=FOLDER")
    return ok(setting, told)
