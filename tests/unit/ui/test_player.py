"""Stepping through a saved run and playing it, in a real terminal."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from made_session import EVENTS
from PIL import Image
from terminal import Terminal

from rlm.agent import events as ev
from rlm.agent.transcript import TranscriptWriter
from rlm.ui.pages import Printed, pages_of
from rlm.ui.pictures import Pictures

REPLAY = (sys.executable, "-m", "rlm.cli", "replay")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = io.BytesIO()
    Image.new("RGB", (160, 90), (200, 40, 40)).save(picture, "JPEG")
    with TranscriptWriter(tmp_path_factory.mktemp("runs"), "made up") as writer:
        writer.media("ab", picture.getvalue())
        for event in EVENTS:
            writer(event)
    return writer.path


def test_each_turn_of_each_session_is_a_page_and_no_event_is_lost() -> None:
    pages = pages_of(EVENTS)
    assert [(page.session, page.turn) for page in pages] == [
        ("", 0), ("", 1), ("", 2), ("1", 0), ("2", 0), ("1", 1), ("2", 1), ("1.1", 0), ("", 3),
        ("", 0),
    ]  # fmt: skip
    assert sorted(map(id, EVENTS)) == sorted(id(event) for page in pages for event in page.events)
    told = Printed(EVENTS, colours=None, pictures=Pictures(), media=lambda sha256: b"")
    assert "sub-session 1 answers: it goes on" in "\n".join(told.plain(5, 80))
    assert told.plain(8, 80)[-7:-4] == ["", "answer: a red car", "option: A"]
    assert told.spent[1] == "0:15 · $0.0203 · 8% of 12 turns"


def test_the_keys(saved: Path) -> None:
    with Terminal([*REPLAY, saved, "--step"], 80, 24) as terminal:
        terminal.wait_for("1/10 question")
        terminal.type("n")
        assert "thinks: First the cars." in terminal.wait_for("2/10 turn 1")
        terminal.type("PageDown")
        assert "▀▀▀▀" in terminal.wait_for("frame at 28.12 s")
        terminal.type("Space", "p", "G")
        assert "interrupted by the user" in terminal.wait_for("10/10")
        terminal.type("n")  # stays
        terminal.type("g")
        assert "a street.mp4" in terminal.wait_for("1/10 question")
        terminal.type("/")
        terminal.type("-l", "KIOSK")
        terminal.type("Enter")
        terminal.wait_for("1/10 question · /kiosk")
        terminal.type("n")
        assert "stop beside the kiosk" in terminal.wait_for("4/10 sub 1 · /kiosk")
        terminal.type("n")
        terminal.wait_for("8/10 sub 1.1 · /kiosk")
        terminal.type("N")
        terminal.wait_for("4/10 sub 1 · /kiosk")
        terminal.resize(60, 15)
        shown = terminal.wait_until(
            lambda screen: screen.splitlines()[-1].startswith(" 4/10") and "1 │" in screen, "resize"
        )
        assert len(shown.splitlines()) == 15
        terminal.type("Escape")
        terminal.wait_for("? help")
        terminal.type("?")
        terminal.wait_for("next turn, or play and pause")
        terminal.type("q")
        terminal.wait_for("ended with 0")
        assert "KIOSK" not in terminal.history()  # the screen is as it was before


def test_playing(saved: Path) -> None:
    with Terminal([*REPLAY, saved, "--speed", "0.01", "--from", "3"], 60, 20) as terminal:
        terminal.wait_for("9/10 turn 3 · ")
        terminal.wait_for("▶ ×0.01")
        terminal.type("Space")
        terminal.wait_for("turn 3 · paused")
        terminal.type("C-c")
        terminal.wait_for("ended with 0")
    with Terminal([*REPLAY, saved, "--speed", "1000"], 60, 20) as terminal:
        assert "interrupted by the user" in terminal.wait_for("paused · ? help")
        terminal.type("q")
        terminal.wait_for("ended with 0")


def replay(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*REPLAY, *map(str, words)], capture_output=True, text=True, timeout=60)


def test_piped_it_prints(saved: Path) -> None:
    done = replay(saved, "--step", "--from", "3")
    assert done.returncode == 0 and "\x1b" not in done.stdout
    assert "What turns at 0:30?" in done.stdout and "turn 3 · " in done.stdout
    assert "turn 1 · " not in done.stdout and done.stdout.rstrip().endswith("64.0 s")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--step", "--fork", "2"], "--step, --fork: a run is either told again or run again"),
        (["--from", "4"], "--from: the run has no turn 4; it has turns 1 to 3"),
    ],
)
def test_what_makes_no_sense(saved: Path, words: list[str], says: str) -> None:
    done = replay(saved, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"videorlm: {says}\n"


def test_the_made_up_run_is_a_transcript(saved: Path) -> None:
    from rlm.agent.transcript import Transcript

    read = Transcript.load(saved)
    assert read.events == tuple(event for event in EVENTS if not event.transient)
    assert isinstance(read.events[-1], ev.SessionEnded)
