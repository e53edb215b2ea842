"""One pass over a video: views of its pictures, converted only where somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span
from rlm.video.convert import Renderer, Sampler
from rlm.video.decode import Decoder, Picture, on_display, until

if TYPE_CHECKING:
    from rlm.video.subtitles import Subtitles

Tap = Callable[[float, NDArray[np.float32]], None]


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """A decoded picture at ``time``, in seconds from the first picture of the video.

    Take its pixels before the next view: a view that is kept keeps a whole decoded picture, and
    the decoder has to find other memory.
    """

    time: float
    _picture: Picture = field(repr=False)
    _render: Renderer = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """``(width, height)`` in pixels as displayed."""
        return self._render.shape(None)

    def rgb(self, size: int | tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The pixels, uint8 ``[H, W, 3]``; ``size`` is as in ``Video.frames``.

        Converted when first asked for in that size; asked again, the same array comes back, and
        so it does for the next view where that shows the same picture.

        Raises ``UsageError`` for an impossible size.
        """
        shape = self._render.shape(size)
        pixels = self._picture.pixels
        if shape not in pixels:
            pixels[shape] = self._render(self._picture.frame, shape)
        return pixels[shape]


class Reading:
    """A pass over a span of a video, made by ``Video.read``: an iterator of ``View``.

    Use it in ``with``, or ``close`` it, if it may not be read to its end. The file is opened when
    the first view is taken, which is where the errors of ``Video.open`` are raised if it has gone.
    """

    def __init__(
        self,
        decoder: Callable[[], Decoder],
        render: Renderer,
        span: Span,
        times: Iterable[float] | None,
        tap: Tap | None,
        *,
        subtitles: bool,
    ) -> None:
        self._open = decoder
        self._render = render
        self._span = span
        self._times = times
        self._tap = tap
        self._wants_text = subtitles
        self._decoder: Decoder | None = None
        self._views = self._read()

    def __iter__(self) -> Iterator[View]:
        return self

    def __next__(self) -> View:
        return next(self._views)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and let go of the file. What was found out so far can still be asked."""
        self._views.close()

    @property
    def pictures(self) -> int:
        """How many pictures have been decoded."""
        return 0 if self._decoder is None else self._decoder.count

    @property
    def damage(self) -> tuple[Span, ...]:
        """What could not be decoded or is missing, of what has been read up to now.

        Spans in seconds, in order, apart from each other. Each lasts from where the first bad
        picture should have come on display until the next sound one did: the next key frame where
        a key frame or a stretch of the file is lost. Counted are pictures that the decoder
        refused, dropped or flagged as corrupt, and stretches of which the packets are lost; not a
        file that ends early (``Video.missing`` tells that).
        """
        return () if self._decoder is None else self._decoder.damage.spans()

    @property
    def subtitles(self) -> tuple[Subtitles, ...]:
        """The text subtitles stored in the file that were met up to now.

        One for each stream that has any, times on the video's clock; all of the span after the
        last view, and none unless they were asked for.
        """
        return () if self._decoder is None else self._decoder.text.gathered()

    def _read(self) -> Generator[View, None, None]:
        decoder = self._decoder = self._open()
        try:
            if self._may_jump:
                decoder.advance(self._span.start, 0.0)
            pictures = until(decoder, self._span, _sampled(self._tap))
            if self._times is None:
                for picture in pictures:
                    if decoder.shows_in(self._span, picture):
                        yield View(picture.time, picture, self._render)
            else:
                skip = self._tap is None and self._may_jump
                for time, picture in on_display(decoder, pictures, self._times, skip=skip):
                    yield View(time, picture, self._render)
            if self._tap is not None:
                for _ in pictures:
                    pass
            if self._wants_text:
                decoder.drain(self._span.end)
        finally:
            decoder.close()

    @property
    def _may_jump(self) -> bool:
        # A jump would miss the subtitles on the way.
        return not self._wants_text


def _sampled(tap: Tap | None) -> Callable[[Picture], None] | None:
    if tap is None:
        return None
    sample = Sampler()
    return lambda picture: tap(picture.time, sample(picture.frame))
