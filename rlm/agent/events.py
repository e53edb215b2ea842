"""The one stream everything else looks at: a session emits these, in this order, to its sinks.

::

    session_started  prompted prompted
      ( [compacted] [prompted]  model_called reply_delta*  (model_replied | interrupted)
        [cell_started  (CALL | tool_model_used | noted | SUB-SESSION)*  [interrupted]]  observed )*
    [answered]
    ( question_asked prompted ... [answered] )*  session_ended

A CALL of a tool is ``tool_started tool_called``, with what it led to between the two. A sub-session
emits the same between its ``subsession_started`` and its own ``session_ended``; where several run
at once their events are mixed, and ``session`` says whose each is. What a person does to a session
comes in between: ``paused`` and ``resumed`` where it waits, ``prompted`` for words that steer it,
``interrupted`` for what is cut short, and the changes of limits, model and index.

The terminal, the transcript and the page are sinks; replay feeds the same events again. Events
marked *transient* are for live views only and are not written down, since what they say stands in
a later event: every message is stored once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from pydantic import Field, TypeAdapter

from rlm.agent.event_parts import Event as Event
from rlm.agent.event_parts import Image as Image
from rlm.agent.event_parts import Part as Part
from rlm.agent.event_parts import Text as Text
from rlm.agent.event_parts import VideoInfo as VideoInfo

SCHEMA_VERSION = 3
READABLE = frozenset({1, 2, 3})
"""Schemas that are read: what a later version added has a default in those before."""


class SessionStarted(Event):
    """The header: everything needed to say what this run was.

    ``picture_side`` is the longest side, in pixels, of the pictures its model was sent. ``scenes``
    is where the shots of the video begin, in seconds (longer scenes where there are many).

    ``forked_from`` is the name of the transcript whose first ``forked_turn`` turns this run has
    gone through again before it went on by itself; empty and 0 for any other run. ``span`` is the
    part of the video that the question was about, ``None`` for all of it.
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
    scenes: tuple[float, ...] = ()
    forked_from: str = ""
    forked_turn: int = 0
    span: tuple[float, float] | None = None


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
    """A further question about the same video, after turn ``turn``.

    Where the question before it came to no answer, ``unanswered`` is how it ended, as in
    :class:`SessionEnded`, and ``reason`` why.
    """

    kind: Literal["question_asked"] = "question_asked"
    turn: int
    question: str
    options: tuple[str, ...]
    unanswered: Literal["", "no_answer", "failed", "interrupted"] = ""
    reason: str = ""


class Prompted(Event):
    """A message that stands before the first reply, a further question, or the order to wrap up.

    Also the words of a person who steers the session: then they are the last of two parts.
    """

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


class Interrupted(Event):
    """A person cut short what turn ``turn`` was at.

    ``what`` is the ``reply``, of which ``text`` is what had come; the ``cell``, whose variables are
    kept unless its process would not stop; or the ``worker``: the jailed process was ended with all
    its variables, and the question with it. What a reply cost so far is an estimate.
    """

    kind: Literal["interrupted"] = "interrupted"
    turn: int
    what: Literal["reply", "cell", "worker"]
    text: str = ""
    seconds: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    usd: float | None = None


class Paused(Event):
    """The session waits for a person before its next step."""

    transient: ClassVar[bool] = True
    kind: Literal["paused"] = "paused"
    turn: int


class Resumed(Event):
    """It goes on."""

    transient: ClassVar[bool] = True
    kind: Literal["resumed"] = "resumed"
    turn: int


class LimitsChanged(Event):
    """A person changed the budget; ``limits`` are all of it, as in the header."""

    kind: Literal["limits_changed"] = "limits_changed"
    turn: int
    limits: dict[str, float | None]


class ModelChanged(Event):
    """Another model answers after turn ``turn``; the fields are those of the header."""

    kind: Literal["model_changed"] = "model_changed"
    turn: int
    model: str
    sub_model: str = ""
    picture_side: int = 1280


class IndexChanged(Event):
    """The tools work on another index of the same video after turn ``turn``."""

    kind: Literal["index_changed"] = "index_changed"
    turn: int
    preset: str
    index_key: str
    tier: int


class CellStarted(Event):
    """The code of this turn begins to run."""

    transient: ClassVar[bool] = True
    kind: Literal["cell_started"] = "cell_started"
    turn: int
    code: str


class ToolStarted(Event):
    """A tool begins to run for the jail."""

    transient: ClassVar[bool] = True
    kind: Literal["tool_started"] = "tool_started"
    turn: int
    tool: str
    arguments: str


class ToolCalled(Event):
    """A tool ran for the jail. ``arguments`` and ``result`` are short words for people.

    ``spans`` are (start, end) in seconds of what it looked at, found or foretold, best first.
    ``curve`` is the height of a curve over the first of them, at equal steps.
    """

    kind: Literal["tool_called"] = "tool_called"
    turn: int
    tool: str
    arguments: str
    result: str
    seconds: float
    failed: bool = False
    spans: tuple[tuple[float, float], ...] = ()
    curve: tuple[float, ...] = ()


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
    failure: Literal["no_code", "cut", "error", "timed_out", "killed", "interrupted"] | None = None
    seconds: float
    host_seconds: float = 0.0


class Answered(Event):
    """The answer. ``best_effort`` when it was given in the wrap-up, the budget being spent.

    ``calibrated`` is how often such a ``confidence`` was right; ``None`` without a calibrator.
    """

    kind: Literal["answered"] = "answered"
    turn: int
    answer: str
    choice: int | None
    evidence: tuple[tuple[float, float], ...]
    confidence: float | None
    best_effort: bool = False
    calibrated: float | None = None


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
    | Interrupted
    | Paused
    | Resumed
    | LimitsChanged
    | ModelChanged
    | IndexChanged
    | CellStarted
    | ToolStarted
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
