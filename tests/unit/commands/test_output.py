"""The bars of an index in a real terminal, lines that are too long for it, and what to type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from terminal import Terminal

from rlm.agent.transcript import default_folder
from rlm.commands.output import replay_command

# It goes on when a file says that what it shows was seen.
BARS = """
import itertools, pathlib, sys, time
from rlm.commands.output import progress_bar, say
from rlm.ui.console import Screen

seen = pathlib.Path(sys.argv[1])
with progress_bar(Screen(stderr=True)) as progress:
    if progress is None:
        sys.exit("no bars")
    for second in range(3):
        progress("scanning", float(second), 2.0)
    say("searchable now")
    progress("loading weights", 0.0, 0.0)
    while not (seen / "loading").exists():
        time.sleep(0.02)
    for second in itertools.count():
        progress("reading", min(second, 58.0), 59.0)
        progress("encoding a preset of a long name", min(second / 2, 58.0), 59.0)
        time.sleep(0.05)
        if (seen / "reading").exists():
            break
    progress("reading", 59.0, 59.0)
    progress("encoding a preset of a long name", 59.0, 59.0)
    say("all of it")
"""


def test_bars_come_and_go_and_what_is_said_stays(tmp_path: Path) -> None:
    with Terminal([sys.executable, "-c", BARS, tmp_path], 100, 12) as terminal:
        terminal.wait_for("loading weights")
        (tmp_path / "loading").touch()
        shown = terminal.wait_for("x real time")
        assert "loading weights" not in shown and "encoding a preset…" in shown
        for columns in (60, 120, 60):
            terminal.resize(columns, 12)
            terminal.wait_until(lambda screen: screen.count("reading") == 1, "one bar")
        (tmp_path / "reading").touch()
        terminal.wait_for("ended with 0")
        told = terminal.history()
    assert [line for line in told.splitlines() if line] == [
        "searchable now", "all of it", "ended with 0"
    ]  # fmt: skip


def test_no_bars_where_nothing_can_be_redrawn(tmp_path: Path) -> None:
    with Terminal([sys.executable, "-c", BARS, tmp_path], TERM="dumb", FORCE_COLOR="1") as terminal:
        assert "no bars" in terminal.wait_for("ended with 1")


SAID = """
import subprocess
import sys
from rlm.commands.output import say, tell

say("the model knows films of moving shapes alone")
tell("  kept at /home/somebody/of/a/long/name/film.mp4")
"""


def test_a_line_is_broken_between_words_and_a_path_is_left_whole() -> None:
    with Terminal([sys.executable, "-c", SAID], 30, 12) as terminal:
        terminal.wait_for("ended with 0")
        told = terminal.history().splitlines()
    assert told[:4] == [
        "the model knows films of",
        "moving shapes alone",
        "  kept at",
        "  /home/somebody/of/a/long/name/film.mp4",
    ]
    piped = subprocess.run([sys.executable, "-c", SAID], capture_output=True, text=True, check=True)
    assert len(piped.stdout.splitlines()) == len(piped.stderr.splitlines()) == 1


def test_a_run_is_named_where_it_is_found_by_its_name(tmp_path: Path) -> None:
    assert replay_command(default_folder() / "of-today") == "videorlm replay of-today"
    (tmp_path / "of-today").mkdir()
    assert replay_command(tmp_path / "of-today").endswith(f" replay {tmp_path}/of-today")
