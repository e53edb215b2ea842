"""The one stream everything else looks at: a session emits these, in this order, to its sinks.

::

    session_started  prompted prompted
      ( [prompted]  model_called reply_delta*  model_replied
        [cell_started  (tool_called | tool_model_used)*]  observed )*
    [answered]  session_ended

The terminal, the transcript and the page are sinks; replay feeds the same events again. Events
marked *transient* are for live views only and are not written down, since what they say stands in
a later event: every message is stored once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from rlm.agent.text import well_formed

SCHEMA_VERSION = 1


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
    """Words in a message."""

    kind: Literal["text"] = "text"
    text: str


class Image(_Strict):
    """A picture in a message: the name of a file ``media/<sha256>.jpg``, and its label."""

    kind: Literal["image"] = "image"
    sha256: str
    label: str = ""


Part = Annotated[Text | Image, Field(discriminator="kind")]


class VideoInfo(_Strict):
    """Which video was asked about: its file's name, and the digest that decides."""

    name: str
    sha256: str
    duration: float
    width: int
    height: int
    frame_rate: float


class Event(_Strict):
    """What every event has: ``at``, seconds since the session began."""

    transient: ClassVar[bool] = False
    at: float


class SessionStarted(Event):
    """The header: everything needed to say what this run was."""

    kind: Literal["session_started"] = "session_started"
    schema_version: int = SCHEMA_VERSION
    videorlm: str
    started: str
    question: str
    options: tuple[str, ...]
    video: VideoInfo
    model: str
    preset: str
    index_key: str
    sandbox_level: str
    limits: dict[str, float | None]
    prompt_sha256: str


class Prompted(Event):
    """A message that stands before the first reply, or the order to wrap up."""

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
    """A whole reply, with what it cost; the code that ran is in its fenced blocks."""

    kind: Literal["model_replied"] = "model_replied"
    turn: int
    text: str
    reasoning: str = ""
    seconds: float
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None


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
    seconds: float
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None


class Observed(Event):
    """What the model reads after its turn: printed text, errors, pictures."""

    kind: Literal["observed"] = "observed"
    turn: int
    parts: tuple[Part, ...]
    frames: int = 0
    failure: Literal["no_code", "cut", "error", "timed_out", "killed"] | None = None
    seconds: float
    host_seconds: float


class Answered(Event):
    """The answer. ``best_effort`` when it had to be taken from a wrap-up reply's words."""

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
    | Prompted
    | ModelCalled
    | ReplyDelta
    | ModelReplied
    | CellStarted
    | ToolCalled
    | ToolModelUsed
    | Observed
    | Answered
    | SessionEnded,
    Field(discriminator="kind"),
]

Sink = Callable[[Event], None]

event_adapter: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
