"""Pictures as text: what a terminal is found to show, and what is sent to it."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from rlm.ui.pictures import MAX_ROWS, Pictures, _of_256, across_for
from rlm.video.pictures import encode_jpeg

ORDERS = re.compile(
    r"\x1bPtmux;(?:\x1b\x1b|[^\x1b])*\x1b\\|\x1b_G.*?\x1b\\|\x1b\]1337;.*?\x07"
    r"|\x1b\[(\d+)C|\x1b\[[\d;]*[mA]|\x1b[78]"
)


class Output(io.StringIO):
    def __init__(self, terminal: bool = True) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def on(environ: dict[str, str], setting: Any = None, terminal: bool = True) -> Pictures:
    return Pictures.on(Console(file=Output(terminal)), setting, environ)


def width(line: str) -> int:
    """Columns that the cursor has moved by the end of ``line``."""
    moved = sum(int(found) for found in ORDERS.findall(line) if found)
    return moved + cell_len(re.sub("[\u0300-\u036f]", "", ORDERS.sub("", line)))


def picture(height: int = 90, width: int = 160) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("environ", "way", "truecolor"),
    [
        ({"TERM": "xterm-kitty"}, "kitty", False),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty", False),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1", "TERM_PROGRAM": "vscode"}, "blocks",
         False),
        ({"TERM": "xterm-ghostty", "COLORTERM": "truecolor"}, "kitty", True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm", False),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm", False),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm", False),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "blocks", True),
        ({"TERM": "screen-256color", "KITTY_WINDOW_ID": "1"}, "blocks", False),
        ({"TERM": "xterm"}, "none", False),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, "none", False),
    ],
)  # fmt: skip
def test_what_a_terminal_shows(environ: dict[str, str], way: str, truecolor: bool) -> None:
    found = on(environ)
    assert (found.way, found.truecolor, found.tmux) == (way, truecolor, False)


def test_the_setting_decides_where_there_is_a_terminal() -> None:
    assert on({"TERM": "xterm"}, "kitty").way == "kitty"
    assert on({"TERM": "xterm-kitty"}, "none").way == "none"
    assert on({"TERM": "xterm-kitty"}, "auto").way == "kitty"
    assert not on({"TERM": "xterm-kitty"}, "kitty", terminal=False)
    assert not on({"TERM": "dumb"}, "blocks")
    assert not on({}, "blocks")


def test_tmux_that_cannot_be_asked_gets_half_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    environ = {"TERM": "tmux-256color", "TMUX": "/tmp/none,1,0", "KITTY_WINDOW_ID": "1"}
    assert on(environ) == Pictures("blocks", truecolor=False, tmux=True)


@settings(deadline=None, max_examples=60)
@given(
    way=st.sampled_from(["kitty", "iterm", "blocks", "none"]),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    columns=st.integers(1, 70),
    rows=st.integers(1, MAX_ROWS),
    tmux=st.booleans(),
)
def test_every_line_has_the_width_asked_for(
    way: Any, size: tuple[int, int], columns: int, rows: int, tmux: bool
) -> None:
    lines = Pictures(way, tmux=tmux).lines(picture(*size), columns, rows)
    assert [width(line) for line in lines] == [columns] * rows


def test_half_blocks_have_the_colours_of_the_picture() -> None:
    rgb = np.zeros((4, 4, 3), np.uint8)
    rgb[:2] = 255, 0, 0
    rgb[2:, :2] = 0, 0, 255
    assert Pictures("blocks").lines(rgb, 6, 2) == [
        "\x1b[38;2;255;0;0;48;2;255;0;0m▀▀▀▀\x1b[39;49m  ",
        "\x1b[38;2;0;0;255;48;2;0;0;255m▀▀\x1b[38;2;0;0;0;48;2;0;0;0m▀▀\x1b[39;49m  ",
    ]
    assert Pictures("blocks", truecolor=False).lines(rgb, 4, 1) == [
        "\x1b[38;5;196;48;5;21m▀\x1b[38;5;196;48;5;16m▀\x1b[39;49m  "
    ]


def test_of_256_colours_the_nearest_is_taken() -> None:
    steps = (0, 95, 135, 175, 215, 255)
    known = [(r, g, b) for r in steps for g in steps for b in steps]
    known += [(8 + 10 * level,) * 3 for level in range(24)]
    colours = np.random.default_rng(1).integers(0, 256, (500, 3))
    off = ((np.array(known)[_of_256(colours.astype(np.uint8)) - 16] - colours) ** 2).sum(axis=1)
    best = ((np.array(known) - colours[:, None]) ** 2).sum(axis=2).min(axis=1)
    # The nearest grey is looked for by its brightness: close to the nearest, if not always it.
    assert (off <= best * 1.35 + 12).all()
    assert (off == best).mean() > 0.9


def test_kitty_gets_the_picture_and_then_its_cells() -> None:
    lines = Pictures("kitty").lines(encode_jpeg(picture()), 24, 12)
    orders = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", lines[0])
    head = dict(part.split("=") for part in orders[0][0].split(","))
    assert (head["a"], head["U"], head["f"], head["c"], head["r"]) == ("T", "1", "100", "24", "7")
    assert all("q=2" in order and len(data) <= 4096 for order, data in orders)  # nothing answers
    assert [order[-1] for order, _ in orders] == ["1"] * (len(orders) - 1) + ["0"]
    data = base64.b64decode("".join(part for _, part in orders))
    assert Image.open(io.BytesIO(data)).size == (240, 140)
    red, green, blue = map(int, re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+)m", lines[3])[0])
    assert red << 16 | green << 8 | blue == int(head["i"])
    assert lines[3].count("\U0010eeee") == 24 and "\U0010eeee\u0310\u0305\U0010eeee" in lines[3]
    wrapped = Pictures("kitty", tmux=True).lines(picture(), 24, 12)[0]
    assert wrapped.startswith("\x1bPtmux;\x1b\x1b_Ga=T") and "\x1b\x1b\\\x1b\\" in wrapped


def test_iterm_draws_over_the_lines_it_made_room_with() -> None:
    lines = Pictures("iterm").lines(picture(), 24, 7)
    assert lines[:6] == [" " * 24] * 6
    found = re.fullmatch(
        r"\x1b7\x1b\[6A\x1b\]1337;File=inline=1;size=(\d+);width=24;height=7;[^:]*:(.*)\x07"
        r"\x1b8\x1b\[24C",
        lines[6],
    )
    assert found is not None
    data = base64.b64decode(found[2])
    assert len(data) == int(found[1]) and Image.open(io.BytesIO(data)).size == (240, 140)


def test_a_row_has_its_labels_below() -> None:
    drawn = Pictures("blocks").row([(picture(), "one"), (picture(), "a label too long")], 8, 3)
    assert drawn.lines[-1] == "one       a label…"
    assert [width(line) for line in drawn.lines[:-1]] == [18] * 2  # no empty line between
    out = Output()
    Console(file=out, width=40, force_terminal=True, color_system=None).print(drawn)
    assert out.getvalue() == "\n".join(drawn.lines) + "\n"


@pytest.mark.parametrize("columns", [10, 60, 80, 120, 200])
def test_a_grid_fits(columns: int) -> None:
    number, wide = across_for(columns)
    assert number * (wide + 2) - 2 <= columns and wide + 2 >= 12 and wide <= 24
