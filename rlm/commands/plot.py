"""``videorlm plot``: how surprising, or how like something, each moment of a video is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rlm.commands.opened import check_png, opened, write_png
from rlm.commands.output import DONE
from rlm.errors import UsageError
from rlm.spans import Span, format_time
from rlm.ui.console import Screen, clean

if TYPE_CHECKING:
    from rlm.index import VideoIndex
    from rlm.ui.curves import Curve


def run(
    path: str,
    output: Path | None,
    texts: Sequence[str],
    spans: Sequence[str],
    *,
    surprise: bool,
    preset: str | None,
) -> int:
    """Draw the curves on the terminal or as a picture, or print their numbers on stdout.

    Without ``texts`` and ``spans`` it is surprise. Returns the exit code. Raises ``UsageError`` for
    an ``output`` that is no PNG, a span that is none of the video's, a text where the preset has
    no text side, and surprise where it has no predictor.
    """
    check_png(output)
    parsed = [Span.parse(text) for text in spans]
    with opened(path, preset, Screen(stderr=True)) as (index, progress):
        curves = []
        if surprise or not (texts or parsed):
            progress("surprise", 0.0, 0.0)
            curves.append(surprise_of(index))
        queries: list[str | Span] = [*texts, *parsed]
        curves += [similarity(index, query) for query in queries]
        cuts = [scene.start for scene in index.scenes()[1:]]
        span, name = index.video.span, index.video.path.name
    screen = Screen()
    if output is not None:
        from rlm.ui.curves_png import as_picture

        title = clean(f"{name} · {format_time(span.end)} · preset {index.preset}")
        write_png(as_picture(title, curves, span, cuts), output)
    elif screen.is_terminal:
        from rlm.ui.curves import as_text

        for curve in curves:
            for line in as_text(curve, span, cuts, screen.width):
                screen.print(line)
            screen.print()
    else:
        for curve in curves:
            print(f"# {clean(curve.title)} ({curve.unit})")
            for time, value in zip(curve.times.tolist(), curve.values.tolist(), strict=True):
                print(f"{time:.3f}\t{value:.4f}")
    return DONE


def surprise_of(index: VideoIndex) -> Curve:
    """How far each half second was from what was expected of it; raises as ``surprise_curve``."""
    from rlm.prediction import surprise_curve
    from rlm.prediction.reading import tubelet_seconds
    from rlm.ui.curves import Curve

    found = surprise_curve(index)
    middles = np.minimum(found.times + tubelet_seconds(index) / 2, index.video.span.end)
    return Curve("surprise", "standard deviations above the median", middles, found.score)


def similarity(index: VideoIndex, query: str | Span) -> Curve:
    """The cosine of each row of the field that ``query`` can be compared in.

    Raises ``UsageError`` for a text where there is no text side, and as ``VideoIndex.embed`` does.
    """
    from rlm.ui.curves import Curve

    try:
        wanted = index.embed(query)
    except UsageError as error:
        if isinstance(query, str) and index.text_space is None:
            raise UsageError(
                f"--query: preset {index.preset} has no text side here; use --similar with a span, "
                "or add one with 'videorlm models pull siglip2' and index again"
            ) from error
        raise
    name = next(field for field, space in index.spaces.items() if space == wanted.space)
    rows = np.asarray(index.track(name), dtype=np.float32) @ wanted.vector
    middles = index.spans(name).mean(axis=1)
    order = np.argsort(middles, kind="stable")
    what = f"like {query}" if isinstance(query, Span) else f"like “{clean(query)}”"
    marked = query if isinstance(query, Span) else None
    values = rows.astype(np.float64)
    return Curve(what, f"cosine, {name}", middles[order], values[order], marked)
