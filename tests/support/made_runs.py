"""Events of runs that never were, for what draws them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rlm.agent import events as ev
from rlm.agent.transcript import Transcript, TranscriptWriter

UNKNOWN: dict[str, Any] = {"input_tokens": None, "output_tokens": None, "usd": None}


def header(**values: Any) -> ev.SessionStarted:
    video: dict[str, Any] = {
        "name": "a.mp4", "sha256": "0", "duration": 60, "width": 64, "height": 36, "frame_rate": 25,
    }  # fmt: skip
    usual = {
        "at": 0, "videorlm": "0", "started": "2030-01-01T00:00:00+00:00", "question": "What moves?",
        "options": (), "video": ev.VideoInfo(**(video | values.pop("video", {}))), "model": "m",
        "preset": "builtin", "index_key": "k", "sandbox_level": "bubblewrap",
        "limits": {"turns": 3}, "prompt_sha256": "0",
    }  # fmt: skip
    return ev.SessionStarted(**(usual | values))


def reply(turn: int, text: str, **values: Any) -> ev.ModelReplied:
    usual = {"at": float(turn), "seconds": 1.5, "input_tokens": 1200, "output_tokens": 30}
    return ev.ModelReplied(turn=turn, text=text, **({"usd": 0.002} | usual | values))


def call(turn: int, tool: str, *spans: tuple[float, float], **values: Any) -> ev.ToolCalled:
    usual = {"at": turn + 0.1, "arguments": "0, 9", "result": "", "seconds": 0.02, "spans": spans}
    return ev.ToolCalled(turn=turn, tool=tool, **(usual | values))


def observed(turn: int, text: str, *images: ev.Image, **values: Any) -> ev.Observed:
    parts: list[ev.Text | ev.Image] = [ev.Text(text=text)]
    for image in images:
        parts += [ev.Text(text=f"[{image.label}]"), image]
    parts.append(ev.Text(text=f"[turn {turn} done; left: 9 turns]"))
    usual: dict[str, Any] = {"at": turn + 0.2, "seconds": 0.1, "frames": len(images)}
    return ev.Observed(turn=turn, parts=tuple(parts), **(usual | values))


def answered(turn: int, answer: str, *evidence: tuple[float, float], **values: Any) -> ev.Answered:
    usual: dict[str, Any] = {"at": turn + 0.3, "choice": None, "confidence": 0.8}
    return ev.Answered(turn=turn, answer=answer, evidence=evidence, **(usual | values))


def ended(turns: int, **values: Any) -> ev.SessionEnded:
    usual: dict[str, Any] = {"at": turns + 1.0, "status": "answered", "frames": 2, "tokens": 99}
    return ev.SessionEnded(turns=turns, **({"usd": None} | usual | values))


def picture(shade: int, width: int = 640, height: int = 360) -> bytes:
    """A JPEG as busy as a frame of video, whose bytes no other shade has."""
    out = io.BytesIO()
    spots = np.random.default_rng(shade).integers(0, 256, (height // 40, width // 40, 3))
    spotted = Image.fromarray(spots.astype(np.uint8)).resize((width, height))
    spotted.save(out, "JPEG")
    return out.getvalue()


def saved(folder: Path, events: Iterable[ev.Event], pictures: Iterable[bytes] = ()) -> Transcript:
    """A transcript of ``events``, read back, with ``pictures`` under their hashes."""
    with TranscriptWriter(folder, "run") as writer:
        for event in events:
            writer(event)
        for jpeg in pictures:
            writer.media(hashlib.sha256(jpeg).hexdigest(), jpeg)
    return Transcript.load(writer.path)


def image(jpeg: bytes, label: str) -> ev.Image:
    return ev.Image(sha256=hashlib.sha256(jpeg).hexdigest(), label=label)
