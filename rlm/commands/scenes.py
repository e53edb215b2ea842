"""``videorlm scenes``: the storyboard of a video."""

from __future__ import annotations

import bisect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.agent.text import counted
from rlm.commands.opened import Progress, check_png, opened, write_png
from rlm.commands.output import DONE, say
from rlm.config import load_config
from rlm.spans import format_time
from rlm.ui.console import Screen, clean
from rlm.ui.pictures import Pictures, cut

if TYPE_CHECKING:
    from rlm.index import Scene, VideoIndex
    from rlm.ui.storyboard import Panel

_SIDE = 256  # pixels of a picture that is decoded because there is no thumbnail of a scene


def run(
    path: str,
    output: Path | None,
    level: int,
    *,
    captions: bool,
    preset: str | None,
    as_json: bool,
) -> int:
    """Print the scenes of ``level`` on stdout, or write them as a picture; returns the exit code.

    Raises ``UsageError`` for an ``output`` that is no PNG and for ``captions`` with weights that
    bring no captioner.
    """
    check_png(output)
    screen = Screen()
    with opened(path, preset, Screen(stderr=True)) as (index, progress):
        scenes = index.scenes(level)
        words = _captions(index, scenes, progress) if captions else _said(index, scenes)
        shown = Pictures.on(screen, load_config().pictures)
        drawn = output is not None or (bool(shown) and not as_json)
        panels = _panels(index, scenes, words) if drawn else []
    if as_json:
        for number, (scene, text) in enumerate(zip(scenes, words, strict=True), start=1):
            print(json.dumps(_facts(number, scene, text)))
    if output is not None:
        from rlm.ui.storyboard import as_picture

        name, duration = index.video.path.name, format_time(index.video.span.end)
        title = f"{name} · {duration} · {counted(len(scenes), 'scene')}"
        write_png(as_picture(clean(title), panels), output, say if as_json else print)
    elif panels:
        from rlm.ui.storyboard import in_terminal

        for row in in_terminal(panels, shown, screen.width):
            screen.print(row)
            screen.print()
    elif not as_json:
        _table(scenes, words, screen)
    return DONE


def _table(scenes: Sequence[Scene], words: Sequence[str], screen: Screen) -> None:
    times = [str(scene.span) for scene in scenes]
    number, width = len(str(len(scenes))), max(map(len, times))
    for place, (scene, text) in enumerate(zip(scenes, words, strict=True)):
        line = f"{place + 1:>{number}}  {times[place]:<{width}}  {scene.span.duration:6.1f} s"
        line = f"{line}  {text}".rstrip()
        # Cut for a reader; a program gets it all.
        print(cut(line, screen.width) if screen.is_terminal else line)


def _facts(number: int, scene: Scene, words: str) -> dict[str, Any]:
    return {"scene": number, "start": scene.start, "end": scene.end, "words": words or None}


def _said(index: VideoIndex, scenes: Sequence[Scene]) -> list[str]:
    """What is said in each scene, by the first transcript there is."""
    from rlm.index.spoken.transcript import prepared

    if not index.transcripts:
        return [""] * len(scenes)
    transcript = prepared(index.transcripts[0])
    # A cue is told where it begins; one that goes on over a cut would be told twice.
    told = (
        [cue.text for cue in transcript.between(scene.start, scene.end) if cue.start >= scene.start]
        for scene in scenes
    )
    return [clean(" ".join(" ".join(texts).split())) for texts in told]


def _captions(index: VideoIndex, scenes: Sequence[Scene], progress: Progress) -> list[str]:
    from rlm.index.seen import caption

    words = []
    for scene in scenes:
        progress("captioning", scene.start, index.video.span.end)
        words.append(clean(caption(index.video, index.encoder(), index.scenes(), scene.span).text))
    progress("captioning", index.video.span.end, index.video.span.end)
    return words


def _panels(index: VideoIndex, scenes: Sequence[Scene], words: Sequence[str]) -> list[Panel]:
    """Each scene with the thumbnail nearest to its middle."""
    from rlm.ui.storyboard import Panel

    starts = [scene.start for scene in scenes]
    nearest: dict[int, tuple[float, bytes]] = {}
    for thumbnail in index.thumbnails():
        place = max(0, bisect.bisect_right(starts, thumbnail.time) - 1)
        off = abs(thumbnail.time - scenes[place].span.middle)
        if place not in nearest or off < nearest[place][0]:
            nearest[place] = off, thumbnail.jpeg
    panels = []
    for place, scene in enumerate(scenes):
        if place in nearest:
            picture: Any = nearest[place][1]
        else:  # shorter than the thumbnails are apart
            picture = index.video.clip(scene.span, count=1, size=_SIDE).rgb[0]
        panels.append(Panel(place + 1, scene.span, picture, words[place]))
    return panels
