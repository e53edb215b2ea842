"""What a system is: something that answers a question about a video, whatever it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rlm.agent.answer import Answer
from rlm.agent.budget import Budget
from rlm.agent.events import Sink
from rlm.agent.models import Models
from rlm.agent.session import Jail
from rlm.errors import UsageError, VideoError
from rlm.evaluation.items import Item
from rlm.evaluation.results import FailureKind
from rlm.spans import Span

if TYPE_CHECKING:
    from rlm.index import VideoIndex
    from rlm.video import Video


@dataclass(frozen=True)
class Needs:
    """What has to be there before a system can be asked, beside the question.

    ``limits`` are those of a :class:`Budget`, by name, that it heeds.
    """

    model: bool = True
    video: bool = True
    index: bool = True
    jail: bool = True
    limits: tuple[str, ...] = tuple(Budget.__dataclass_fields__)


@dataclass(frozen=True)
class Case:
    """An item and what a system may answer it with: of these it has what it :class:`Needs`.

    ``sinks`` and ``store`` take the events and pictures of its transcript.
    """

    item: Item
    budget: Budget
    jail: Jail
    sinks: Sequence[Sink]
    store: Callable[[str, bytes], None]
    given_models: Models | None = None
    given_video: Video | None = None
    given_index: VideoIndex | None = None

    @property
    def models(self) -> Models:
        """The language models."""
        assert self.given_models is not None, "the system does not say that it needs a model"
        return self.given_models

    @property
    def video(self) -> Video:
        """The video."""
        assert self.given_video is not None, "the system does not say that it needs the video"
        return self.given_video

    @property
    def index(self) -> VideoIndex:
        """Its index."""
        assert self.given_index is not None, "the system does not say that it needs the index"
        return self.given_index

    @property
    def part(self) -> Span | None:
        """What of the video the question is about; ``None`` for all of it.

        Raises ``VideoError`` when the video holds nothing of it.
        """
        if self.item.span is None:
            return None
        part = Span(*self.item.span).intersect(self.video.span)
        if part is None:
            start, end = self.item.span
            raise VideoError(
                f"the question is about {start:g} to {end:g} s, but {self.video.path.name} lasts "
                f"{self.video.span.duration:.2f} s"
            )
        return part


@dataclass(frozen=True)
class Outcome:
    """What a system has to say of a case; what it took is told by its events.

    ``probabilities`` are one for each option. Without an answer, ``failure`` and ``reason`` say why
    there is none.
    """

    answer: Answer | None
    probabilities: tuple[float, ...] | None = None
    failure: FailureKind | None = None
    reason: str = ""


class System(Protocol):
    """Anything that answers questions about videos. Several threads ask one at the same time.

    It may have ``settings``, a mapping of what it was made with, which the header of a run tells.
    """

    @property
    def name(self) -> str:
        """What a user passes to ``--system``."""
        ...

    @property
    def needs(self) -> Needs:
        """What it cannot do without."""
        ...

    def answer(self, case: Case) -> Outcome:
        """Answer the question of ``case``.

        Raises :class:`Unsupported` for a question of a kind it cannot answer, ``SandboxError`` when
        the jail is lost, and any ``VideoRLMError``.
        """
        ...


class Unsupported(UsageError):
    """The system has no way to answer such a question."""
