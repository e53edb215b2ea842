"""What the commands that show a video share: its index, and the file a picture goes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.commands.output import progress_bar, say
from rlm.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console

    from rlm.index import VideoIndex

Progress = Callable[[str, float, float], None]


@contextmanager
def opened(path: str, preset: str | None, screen: Console) -> Iterator[tuple[VideoIndex, Progress]]:
    """The index of the file ``path``, built if there is none, and where progress is told.

    Raises what ``open_index`` raises.
    """
    from rlm.agent.choose import choose_preset
    from rlm.agent.indexing import open_index
    from rlm.config import load_config
    from rlm.video import Video

    config = load_config()
    video = Video.open(path)
    chosen = choose_preset(preset, config)
    say(f"preset: {chosen.name} ({chosen.why})")
    with progress_bar(screen) as progress:
        index, _ = open_index(video, chosen.name, cache=config.cache, notify=say, progress=progress)
        yield index, progress or (lambda what, done, total: None)


def check_png(output: Path | None) -> None:
    """Raise ``UsageError`` for a file that is not named as a PNG, before anything is computed."""
    if output is not None and output.suffix.lower() != ".png":
        raise UsageError(f"-o {output}: pictures are written as PNG; give a name that ends in .png")


def write_png(image: Image, output: Path, tell: Callable[[str], None] = print) -> None:
    """Write it and ``tell`` where it is, on stdout by default."""
    image.save(output, format="PNG", optimize=True)
    tell(str(output))
