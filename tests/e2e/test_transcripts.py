"""The recorded runs under transcripts/: each is a demonstration and has to replay as it is."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rlm.agent import events as ev
from rlm.agent.transcript import Transcript

FOLDER = Path(__file__).parents[2] / "transcripts"
RUNS = sorted(path.parent for path in FOLDER.glob("*/events.jsonl"))


def test_there_are_recorded_runs() -> None:
    assert RUNS


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_a_recorded_run_is_whole(path: Path) -> None:
    transcript = Transcript.load(path)
    assert transcript.complete
    parts = [part for e in transcript.events for part in getattr(e, "parts", ())]
    images = [part for part in parts if isinstance(part, ev.Image)]
    images += [i for e in transcript.events if isinstance(e, ev.ToolModelUsed) for i in e.images]
    assert images
    for image in images:
        assert (
            hashlib.sha256(transcript.media(image.sha256).read_bytes()).hexdigest() == image.sha256
        )
    stored = {file.stem for file in (path / "media").iterdir()}
    assert stored == {image.sha256 for image in images}
    # A transcript is shared: it must not tell where on somebody's machine the video lay.
    assert not re.search(r'"/(home|root|tmp|work|Users)/', (path / "events.jsonl").read_text())


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_a_recorded_run_replays(path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "rlm.cli", "replay", str(path)], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    transcript = Transcript.load(path)
    (answer,) = (e for e in transcript.events if isinstance(e, ev.Answered))
    assert f"answer: {answer.answer}" in told.stdout
    assert f"model {transcript.header.model}" in " ".join(told.stdout.split())


def test_a_run_of_a_model_that_saw_frames_of_a_real_clip_is_among_them() -> None:
    headers = [Transcript.load(path).header for path in RUNS]
    assert any(header.model != "builtin" for header in headers)
