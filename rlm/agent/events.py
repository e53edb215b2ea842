"""The one stream everything else looks at: a session emits these, in this order, to its sinks.

::

    session_started  prompted prompted
      ( [compacted] [prompted]  model_called reply_delta*  model_replied
        [cell_started  (tool_called | tool_model_used | noted | SUB-SESSION)*]  observed )*
    [answered]
    ( question_asked prompted ... [answered] )*  session_ended

A sub-session emits the same between its ``subsession_started`` and its own ``session_ended``; where
several run at once their events are mixed, and ``session`` says whose each is.

The terminal, the transcript and the page are sinks; replay feeds the same events again. Events
marked *transient* are for live views only and are not written down, since what they say stands in
a later event: every message is stored once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    model_serializer,
    model_validator,
)

from rlm.agent.text import well_formed

SCHEMA_VERSION = 2
READABLE = frozenset({1, 2})
"""Schemas that are read: what version 2 added has a default in version 1."""


class _Strict(BaseModel):
    # Built when first used, all in one: replay has to start at once.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _encodable(cls, values: Any) -> Any:
        # A lone surrogate, from a model or from the jail, could not be written down.
        if not isinstance(values, dict):
            return values
        return {
            name: well_formed(value) if isinstance(value, str) else value
            for name, value in values.items()
        }


class Text(_Strict):
    """Words in a message; written down as they are, read also with their kind."""

    kind: Literal["text"] = "text"
    text: str

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @model_serializer
    def _as_words(self) -> str:
        return self.text


class Image(_Strict):
    """A picture in a message: the name of a file ``media/<sha256>.jpg``, and its label."""

    kind: Literal["image"] = "image"
    sha256: str
    label: str = ""


def _kind(part: Any) -> str:
    if isinstance(part, str):
        return "text"
    return str(part.get("kind") if isinstance(part, dict) else part.kind)


Part = Annotated[
    Annotated[Text, Tag("text")] | Annotated[Image, Tag("image")], Discriminator(_kind)
]


class VideoInfo(_Strict):
    """Which video was asked about: its file's name, and the digest that decides."""

    name: str
    sha256: str
    duration: float
    width: int
    height: int
    frame_rate: float


class Event(_Strict):
    """What every event has.

    ``at`` is seconds since the run began; ``session`` the place in the tree of sessions of the one
    it comes from: empty for the first, ``1`` for its first sub-session, ``1.2`` for the second one
    below that.
    """

    transient: ClassVar[bool] = False
    at: float
    session: str = Field(default="", pattern=r"^([0-9]+(\.[0-9]+)*)?$")


class SessionStarted(Event):
    """The header: everything needed to say what this run was.

    ``picture_side`` is the longest side, in pixels, of the pictures its model was sent.

    ``forked_from`` is the name of the transcript whose first ``forked_turn`` turns this run has
    gone through again before it went on by itself; empty and 0 for any other run.
    """

    kind: Literal["session_started"] = "session_started"
    schema_version: int = SCHEMA_VERSION
    videorlm: str
    started: str
    question: str
    options: tuple[str, ...]
    video: VideoInfo
    model: str
    sub_model: str = ""
    picture_side: int = 1280
    preset: str
    index_key: str
    sandbox_level: str
    limits: dict[str, float | None]
    prompt_sha256: str
    forked_from: str = ""
    forked_turn: int = 0


class SubSessionStarted(Event):
    """A sub-session begins, called for in turn ``turn`` of the session above it."""

    kind: Literal["subsession_started"] = "subsession_started"
    turn: int
    question: str
    options: tuple[str, ...]
    span: tuple[float, float]
    model: str
    picture_side: int = 1280
    limits: dict[str, float | None]


class QuestionAsked(Event):
    """A further question about the same video, after turn ``turn``."""

    kind: Literal["question_asked"] = "question_asked"
    turn: int
    question: str
    options: tuple[str, ...]


class Prompted(Event):
    """A message that stands before the first reply, a further question, or the order to wrap up."""

    kind: Literal["prompted"] = "prompted"
    role: Literal["system", "user"]
    parts: tuple[Part, ...]


class ModelCalled(Event):
    """The model is being waited for."""

    transient: ClassVar[bool] = True
    kind: Literal["model_called"] = "model_called"
    turn: int


class ReplyDelta(Event):
    """A piece of the reply as it streams in."""

    transient: ClassVar[bool] = True
    kind: Literal["reply_delta"] = "reply_delta"
    turn: int
    text: str


class ModelReplied(Event):
    """A whole reply, with what it cost; the code that ran is in its fenced blocks.

    ``cached_tokens`` are those of the input that the provider had kept; ``model`` is who replied,
    where it was not the one that was asked; ``cached`` says that the reply was a recorded one.
    """

    kind: Literal["model_replied"] = "model_replied"
    turn: int
    text: str
    reasoning: str = ""
    seconds: float
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None
    cached_tokens: int | None = None
    model: str = ""
    cached: bool = False


class CellStarted(Event):
    """The code of this turn begins to run."""

    transient: ClassVar[bool] = True
    kind: Literal["cell_started"] = "cell_started"
    turn: int
    code: str


class ToolCalled(Event):
    """A tool ran for the jail. ``arguments`` and ``result`` are short words for people."""

    kind: Literal["tool_called"] = "tool_called"
    turn: int
    tool: str
    arguments: str
    result: str
    seconds: float
    failed: bool = False


class ToolModelUsed(Event):
    """A sub-question went to a language model from inside a tool."""

    kind: Literal["tool_model_used"] = "tool_model_used"
    turn: int
    prompt: str
    images: tuple[Image, ...]
    reply: str
    error: str = ""
    seconds: float
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None
    cached_tokens: int | None = None
    model: str = ""
    cached: bool = False


class Noted(Event):
    """A fact that the model has established; ``span`` is where it can be seen, if anywhere."""

    kind: Literal["noted"] = "noted"
    turn: int
    fact: str
    span: tuple[float, float] | None


class Compacted(Event):
    """Older turns were put into few words, because the conversation neared what the model reads.

    ``tokens_before`` and ``tokens_after`` are estimates. ``kept`` and ``summarised`` are turns.
    ``drift`` is 1 - cosine of what the conversation is about before and after, in the space named
    ``space``; both are ``None`` where no model embeds text, and the newest turns were kept.
    """

    kind: Literal["compacted"] = "compacted"
    turn: int
    tokens_before: int
    tokens_after: int
    kept: tuple[int, ...]
    summarised: tuple[int, ...]
    drift: float | None
    space: str | None


class Observed(Event):
    """What the model reads after its turn: printed text, errors, pictures."""

    kind: Literal["observed"] = "observed"
    turn: int
    parts: tuple[Part, ...]
    frames: int = 0
    failure: Literal["no_code", "cut", "error", "timed_out", "killed"] | None = None
    seconds: float
    host_seconds: float = 0.0


class Answered(Event):
    """The answer. ``best_effort`` when it was given in the wrap-up, the budget being spent."""

    kind: Literal["answered"] = "answered"
    turn: int
    answer: str
    choice: int | None
    evidence: tuple[tuple[float, float], ...]
    confidence: float | None
    best_effort: bool = False


class SessionEnded(Event):
    """How it ended, and what it took."""

    kind: Literal["session_ended"] = "session_ended"
    status: Literal["answered", "no_answer", "failed", "interrupted"]
    reason: str = ""
    turns: int
    frames: int
    tokens: int | None
    usd: float | None


AnyEvent = Annotated[
    SessionStarted
    | SubSessionStarted
    | QuestionAsked
    | Prompted
    | ModelCalled
    | ReplyDelta
    | ModelReplied
    | CellStarted
    | ToolCalled
    | ToolModelUsed
    | Noted
    | Compacted
    | Observed
    | Answered
    | SessionEnded,
    Field(discriminator="kind"),
]

Sink = Callable[[Event], None]

event_adapter: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
