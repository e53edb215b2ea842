"""The live view in a real terminal: whole when the window changes, plain where it must be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from terminal import Terminal

PLAYED = Path(__file__).parents[2] / "support" / "play_made_session.py"
SPINNER = re.compile("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]")


def play(**environ: str) -> str:
    done = subprocess.run(
        [sys.executable, str(PLAYED), "0"], capture_output=True, text=True, check=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PLAYED.parents[2]), "COLUMNS": "80"}
        | environ,
    )  # fmt: skip
    return done.stderr


def test_the_status_line_follows_resizes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    with Terminal([sys.executable, PLAYED, "0.08", seen], 110, 30) as terminal:
        terminal.wait_for("turn 1 · ")
        for columns, rows in ((60, 24), (200, 50), (61, 15), (90, 24)):
            terminal.resize(columns, rows)
            shown = terminal.wait_until(
                lambda screen: len(SPINNER.findall(screen)) == 1, "one status line"
            )
            assert SPINNER.match(shown.splitlines()[-1])  # below all else
        seen.touch()
        terminal.wait_for("ended with 0")
        told = terminal.history()
    assert not SPINNER.search(told)
    assert "▀▀▀▀" in told
    # Each line is there once, but those that are cut to a width or whose pictures are shown.
    lines = [line.strip() for line in play(COLUMNS="400").splitlines() if len(line) < 60]
    once = [line for line in lines if lines.count(line) == 1 and not re.search("[.─▣│]", line)]
    long = [line for line in once if len(line) > 6]
    assert len(long) > 15
    assert [line for line in long if told.count(line) != 1] == []


def test_it_is_plain_where_it_is_piped_and_where_nothing_can_be_redrawn() -> None:
    assert "\x1b" not in play()
    coloured = play(FORCE_COLOR="1", TERM="xterm-256color")
    assert "\x1b[36m" in coloured and not SPINNER.search(coloured) and "▀" not in coloured
    for environ in ({"TERM": "dumb"}, {"NO_COLOR": "1"}):
        with Terminal([sys.executable, PLAYED, "0"], **environ) as terminal:
            terminal.wait_for("ended with 0")
            colours = re.findall(
                r"\x1b\[[\d;]*\b(?:3[0-8]|4[0-8]|9[0-7])\b", terminal.screen(colours=True)
            )
            assert not colours and "▀" not in terminal.history()
            assert "wrapping up" in terminal.history()
