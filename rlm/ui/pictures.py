"""Frames in a terminal: its own graphics where it has some, half blocks of colour elsewhere.

What a terminal can do is taken from its environment alone. Nothing is asked of the terminal, whose
answer would come in on stdin among the user's keystrokes.

A picture is drawn as lines of text that all have the same width on the screen, so that pictures
and words are put side by side, scrolled and printed as any text is::

    kitty    the picture goes first, unseen; placeholder characters then stand for its cells
    iterm    blank lines, and in the last one the order to draw the picture over all of them
    blocks   "▀", its upper half in one colour and its lower half in another

kitty's placeholders: https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders.
iTerm2's inline images: https://iterm2.com/documentation-images.html.
"""

from __future__ import annotations

import base64
import io
import os
import subprocess
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import ControlType, Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from rich.console import Console, ConsoleOptions, RenderResult

    Picture: TypeAlias = bytes | NDArray[np.uint8] | Image
    """A JPEG, or rgb uint8[H, W, 3]."""

Way = Literal["kitty", "iterm", "blocks", "none"]
Setting = Literal["auto", "kitty", "iterm", "blocks", "none"]

GAP = 2
"""Columns between the pictures of a row."""
MAX_ROWS = 30
"""Lines of the screen that a picture may take: rows that kitty's placeholders are counted to."""

_CELL = 10, 20  # pixels sent for a cell where the terminal draws by itself; it scales them
_CHUNK = 4096
_PLACEHOLDER = "\U0010eeee"
_NUMBERED = "".join(map(chr, (
    0x305, 0x30D, 0x30E, 0x310, 0x312, 0x33D, 0x33E, 0x33F, 0x346, 0x34A, 0x34B, 0x34C, 0x350,
    0x351, 0x352, 0x357, 0x35B, 0x363, 0x364, 0x365, 0x366, 0x367, 0x368, 0x369, 0x36A, 0x36B,
    0x36C, 0x36D, 0x36E, 0x36F,
)))  # fmt: skip


@dataclass(frozen=True)
class Pictures:
    """How pictures are shown on one terminal; false where they are not.

    ``truecolor`` is for half blocks: 24 bits a colour, else the 256 colours. ``tmux`` wraps what is
    meant for the terminal that tmux itself runs in.
    """

    way: Way = "none"
    truecolor: bool = True
    tmux: bool = False

    @classmethod
    def on(
        cls,
        console: Console,
        setting: Setting | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Pictures:
        """What ``console`` can show, by ``environ`` (default: that of this process).

        ``setting`` is the user's word on it, and ``None`` or ``"auto"`` leave it to the
        environment. Nothing is shown when the output is no terminal, or a dumb one.
        """
        env = os.environ if environ is None else environ
        if not console.file.isatty() or env.get("TERM", "") in ("", "dumb", "unknown"):
            return cls()
        tmux = bool(env.get("TMUX"))
        truecolor = (
            env.get("COLORTERM", "").lower() in ("truecolor", "24bit") or "direct" in env["TERM"]
        )
        way = _best(env, truecolor) if setting is None or setting == "auto" else setting
        return cls(way, truecolor, tmux)

    def __bool__(self) -> bool:
        return self.way != "none"

    def lines(self, picture: Picture, columns: int, rows: int) -> list[str]:
        """``picture`` as large as ``columns`` and ``rows`` of the screen allow, upper left.

        Gives ``rows`` lines that are each ``columns`` wide. They hold escape sequences: a
        :class:`Drawn` prints them through rich.
        """
        rows = min(rows, MAX_ROWS)
        image = open_picture(picture)
        across, down = _fit(image.width / image.height, columns, rows)
        if self.way == "none":
            drawn = []
        elif self.way == "blocks":
            drawn = _blocks(image, across, down, self.truecolor)
        elif self.way == "kitty":
            drawn = self._kitty(image, across, down)
        else:
            drawn = _iterm(image, across, down)
        beside = " " * (columns - across)
        return [line + beside for line in drawn] + [" " * columns] * (rows - len(drawn))

    def row(
        self, pictures: Sequence[tuple[Picture, str]], columns: int, rows: int, indent: int = 0
    ) -> Drawn:
        """Pictures side by side, each within ``columns`` and ``rows``, below each its label.

        A label may have several lines, which are cut to the width of its picture.
        """
        images = [open_picture(picture) for picture, _ in pictures]
        rows = max(_fit(each.width / each.height, columns, rows)[1] for each in images)
        blocks = [self.lines(image, columns, rows) for image in images]
        labels = [label.split("\n") for _, label in pictures]
        between, before = " " * GAP, " " * indent
        lines = [before + between.join(parts) for parts in zip(*blocks, strict=True)]
        for parts in zip_longest(*labels, fillvalue=""):
            words = [set_cell_size(cut(part, columns), columns) for part in parts]
            if any(parts):
                lines.append((before + between.join(words)).rstrip())
        return Drawn(lines)

    def _kitty(self, image: Image, columns: int, rows: int) -> list[str]:
        data = _png(image, columns, rows)
        number = zlib.crc32(data, columns * 256 + rows) % 0xFFFFFF + 1
        head = f"a=T,U=1,f=100,t=d,q=2,i={number},c={columns},r={rows},"
        text = base64.b64encode(data).decode()
        sent = []
        for start in range(0, len(text), _CHUNK):
            more = int(start + _CHUNK < len(text))
            order = f"\x1b_G{head}m={more};{text[start : start + _CHUNK]}\x1b\\"
            sent.append(_through_tmux(order) if self.tmux else order)
            head = "q=2,"
        # The number of the picture is the colour of the characters that stand for its cells.
        colour = f"\x1b[38;2;{number >> 16};{number >> 8 & 255};{number & 255}m"
        lines = [
            f"{colour}{_PLACEHOLDER}{_NUMBERED[row]}{_NUMBERED[0]}{_PLACEHOLDER * (columns - 1)}"
            "\x1b[39m"
            for row in range(rows)
        ]
        lines[0] = "".join(sent) + lines[0]
        return lines


class Drawn:
    """Lines with escape sequences of our own making, for rich to print as they are."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = list(lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            # What is marked as control is neither measured, nor cut, nor written into a file.
            yield Segment(line, None, [(ControlType.CARRIAGE_RETURN,)])
            yield Segment.line()


def cut(text: str, columns: int, mark: str = "…") -> str:
    """``text`` if it fits in so many columns of the screen, else its beginning and ``mark``."""
    if cell_len(text) <= columns:
        return text
    return set_cell_size(text, max(0, columns - len(mark))) + mark


def across_for(width: int, most: int = 24, least: int = 12) -> tuple[int, int]:
    """How many pictures fit in ``width`` columns, and how many columns each then takes.

    Each is ``least`` to ``most`` columns wide, where the width allows.
    """
    number = max(1, (width + GAP) // (least + GAP))
    comfortable = max(1, (width + GAP) // (most + GAP))
    number = min(number, max(comfortable, 4))
    return number, max(1, min(most, (width + GAP) // number - GAP))


def _best(env: Mapping[str, str], truecolor: bool) -> Way:
    """The best that a terminal with this environment can do."""
    if env.get("NO_COLOR"):
        return "none"
    term, program = env["TERM"], env.get("TERM_PROGRAM", "").lower()
    blocks: Way = "blocks" if truecolor or "256color" in term or "kitty" in term else "none"
    if env.get("TMUX"):
        # What the variables say is what was true where the server of tmux was started.
        return "kitty" if _tmux_passes_to_kitty() else blocks
    if term.startswith(("screen", "tmux")):
        return blocks
    # A program with a terminal of its own, started from kitty, inherits kitty's variable.
    in_kitty = env.get("KITTY_WINDOW_ID") and program in ("", "kitty")
    if in_kitty or "kitty" in term or "ghostty" in term or program == "ghostty":
        return "kitty"
    if program in ("iterm.app", "wezterm") or env.get("LC_TERMINAL") == "iTerm2":
        return "iterm"
    return blocks


def _tmux_passes_to_kitty() -> bool:
    """Whether tmux hands graphics on, and to a terminal that draws them where tmux has text."""
    asked = "#{allow-passthrough} #{client_termname}"
    try:
        told = subprocess.run(
            ["tmux", "display-message", "-p", asked],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2, check=True,
        ).stdout.split()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return (
        len(told) == 2
        and told[0] not in ("0", "off")
        and told[1]
        in (
            "xterm-kitty",
            "xterm-ghostty",
        )
    )


def _through_tmux(order: str) -> str:
    return "\x1bPtmux;" + order.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def open_picture(picture: Picture) -> Image:
    """The picture to draw. Raises ``OSError`` for bytes that are none."""
    from PIL import Image

    if isinstance(picture, bytes):
        try:
            return Image.open(io.BytesIO(picture)).convert("RGB")
        except Image.DecompressionBombError as error:
            raise OSError(str(error)) from error
    return picture if isinstance(picture, Image.Image) else Image.fromarray(picture)


def _fit(aspect: float, columns: int, rows: int) -> tuple[int, int]:
    """Columns and rows of a picture so wide for its height; a cell is twice as high as wide."""
    across = min(columns, max(1, round(2 * rows * aspect)))
    return across, min(rows, max(1, round(across / (2 * aspect))))


def _blocks(image: Image, columns: int, rows: int, truecolor: bool) -> list[str]:
    import numpy as np
    from PIL import Image

    small = np.asarray(image.resize((columns, 2 * rows), Image.Resampling.BOX))
    if truecolor:
        names = [[f"2;{r};{g};{b}" for r, g, b in line] for line in small.tolist()]
    else:
        names = [[f"5;{number}" for number in line] for line in _of_256(small).tolist()]
    lines = []
    for upper, lower in zip(names[::2], names[1::2], strict=True):
        line, last = [], ("", "")
        for pair in zip(upper, lower, strict=True):
            if pair != last:
                line.append(f"\x1b[38;{pair[0]};48;{pair[1]}m")
            line.append("▀")
            last = pair
        lines.append("".join(line) + "\x1b[39;49m")
    return lines


def _of_256(rgb: NDArray[np.uint8]) -> NDArray[np.intp]:
    """For colours uint8[..., 3], the nearest of xterm's cube and greys, 16 to 255."""
    import numpy as np

    steps = np.array([0, 95, 135, 175, 215, 255])
    colour = rgb.astype(np.intp)
    place = abs(colour[..., None] - steps).argmin(axis=-1)
    cube = 16 + (place * np.array([36, 6, 1])).sum(axis=-1)
    level = np.clip((colour.mean(axis=-1) - 3) // 10, 0, 23).astype(np.intp)
    off_cube = ((steps[place] - colour) ** 2).sum(axis=-1)
    off_grey = ((8 + 10 * level[..., None] - colour) ** 2).sum(axis=-1)
    number: NDArray[np.intp] = np.where(off_grey < off_cube, 232 + level, cube)
    return number


def _iterm(image: Image, columns: int, rows: int) -> list[str]:
    data = _png(image, columns, rows)
    order = (
        f"\x1b]1337;File=inline=1;size={len(data)};width={columns};height={rows}"
        f";preserveAspectRatio=0:{base64.b64encode(data).decode()}\x07"
    )
    # By then the lines above have made room, at the bottom of the screen too.
    back = f"\x1b[{rows - 1}A" if rows > 1 else ""
    last = f"\x1b7{back}{order}\x1b8\x1b[{columns}C"
    return [" " * columns] * (rows - 1) + [last]


def _png(image: Image, columns: int, rows: int) -> bytes:
    from PIL import Image

    size = columns * _CELL[0], rows * _CELL[1]
    buffer = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0).save(buffer, format="PNG")
    return buffer.getvalue()
