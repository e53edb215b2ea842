"""What a run leaves behind: ``run.json`` (a :class:`RunHeader`) and ``results.jsonl``.

A line of the latter is one :class:`ItemResult`: everything that scores, statistics and reports are
made from. A question that was tried again has several lines, and the last one counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from rlm.evaluation.items import Item

SCHEMA_VERSION = 1

FailureKind = Literal[
    "video", "decode", "budget", "unparsed", "model", "jail", "timeout", "unsupported", "internal"
]
"""Why there is no answer.

``video``: it is missing, or no video. ``decode``: nothing of it can be decoded. ``budget``: a limit
was reached, and the last call brought no answer either. ``timeout``: the same by the limit on
seconds. ``unparsed``: replies held no answer that could be read. ``model``: no reply was to be had.
``jail``: the jail was lost. ``unsupported``: the system has no way to answer such a question.
``internal``: a fault of this program.
"""

Span = tuple[float, float]


class _Row(BaseModel):
    # Fields that a later version adds are passed over, so that its runs can still be read.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Failure(_Row):
    """Why a question has no answer; ``message`` is one line."""

    kind: FailureKind
    message: str


class Key(_Row):
    """Which question of a run, and which time it was asked, counted from 0."""

    id: str
    repeat: int = 0

    def __hash__(self) -> int:
        return hash((self.id, self.repeat))


class Judged(_Row):
    """What a judge, the language model ``model``, says of an open answer.

    ``right`` and ``agreement``, from 0 to 5, are ``None`` where no verdict could be had; then
    ``why`` says why. Tokens and dollars are of all calls it took, ``None`` if unknown.
    """

    model: str
    right: bool | None = None
    agreement: int | None = None
    why: str = ""
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    usd: float | None = 0.0


class ItemResult(_Row):
    """One question, asked once: what was asked, what came back, what it took.

    What was asked, as the data set has it: ``id``, unique in the set; ``place``, where it stands
    among the questions of the run, from 0; ``video``, its path within
    the folder of videos; ``category`` (several with ``"; "`` between them) and ``group``;
    ``answer_index`` (from 0) or ``answers``, what is right, both empty where that is not public;
    ``evidence_time``, where it can be seen; ``span``, the part that the question is about;
    ``metric`` as in :class:`rlm.evaluation.items.Item`. Times are seconds. ``video_sha256`` and
    ``video_seconds`` are ``None`` where the system did not open the video.

    What came back: ``reply``, the last words of the model as they were; ``answer``, what was read
    from them; ``choice``, the option (from 0), ``None`` where there are none or none was chosen,
    which is an answer too ("I can't tell"); ``evidence``; ``confidence`` in [0, 1] and
    ``probabilities``, one for each option, where the system gives them; ``calibrated``, what that
    confidence stands for by the run's calibrator, if it has one. ``best_effort`` marks an
    answer given when the budget was spent.

    ``score`` is what :func:`rlm.evaluation.scoring.score` says, from 0 to 1, and ``correct``
    whether that is all of it; both are ``None`` where what is right is not public. A failure is 0
    and not correct. ``judged`` is what a judge says of an open answer, if one was asked.

    What it took: ``frames`` shown to any model, ``input_tokens`` and ``output_tokens`` of all
    calls, ``usd``: each ``None`` if unknown, which is never 0. ``seconds`` are of the clock, from
    ``started`` to ``finished`` (UTC, ISO 8601); ``model_seconds`` and ``tool_seconds`` are those
    the session waited for replies and for the code it ran, sub-questions included. ``turns`` are
    replies of the model that answers, ``sub_calls`` all others. ``transcript`` is a folder within
    the run's.
    """

    id: str
    repeat: int = 0
    place: int = 0
    dataset: str
    system: str
    video: str
    video_sha256: str | None = None
    video_seconds: float | None = None
    category: str = ""
    group: str = ""
    question: str
    options: tuple[str, ...] = ()
    answer_index: int | None = None
    answers: tuple[str, ...] = ()
    evidence_time: tuple[Span, ...] = ()
    span: Span | None = None
    metric: str = "choice"

    reply: str = ""
    answer: str | None = None
    choice: int | None = None
    evidence: tuple[Span, ...] = ()
    confidence: float | None = None
    calibrated: float | None = None
    probabilities: tuple[float, ...] | None = None
    best_effort: bool = False
    correct: bool | None = None
    score: float | None = None
    failure: Failure | None = None
    judged: Judged | None = None

    frames: int = 0
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    usd: float | None = 0.0
    seconds: float = 0.0
    model_seconds: float = 0.0
    tool_seconds: float = 0.0
    turns: int = 0
    sub_calls: int = 0
    seed: int | None = None
    transcript: str | None = None
    started: str = ""
    finished: str = ""

    @property
    def key(self) -> Key:
        """Which question it is."""
        return Key(id=self.id, repeat=self.repeat)

    @property
    def open(self) -> bool:
        """Whether it is an answer in words of its own, which a judge may know better."""
        return self.metric == "text" and self.answer is not None and self.score is not None

    @property
    def credit(self) -> float | None:
        """What the answer is worth in the end: a judge's verdict, where there is one, or its score.

        ``None`` where what is right is not known.
        """
        if self.judged is None or self.judged.right is None:
            return self.score
        return float(self.judged.right)

    @property
    def right(self) -> bool | None:
        """Whether that is all of it; ``None`` where what is right is not known."""
        return None if self.credit is None else self.credit == 1.0

    @property
    def paid(self) -> float | None:
        """Dollars with those of the judge; ``None`` if unknown."""
        if self.judged is None or self.usd is None:
            return self.usd
        return None if self.judged.usd is None else self.usd + self.judged.usd

    @property
    def item(self) -> Item:
        """The question as it was asked; its video is told within the folder of videos."""
        told = {name: getattr(self, name) for name in Item.model_fields if name != "video"}
        return Item.model_construct(**told, video=Path(self.video))


class Sitting(_Row):
    """One time that somebody worked at a run: from its start, or from where it had stopped.

    ``model_timeout`` is how many seconds the model might stay silent, ``None`` where it is none
    of a provider's;
    ``judge`` is the language model that judged open answers, ``cluster`` where Ray ran the
    questions, if either did.
    """

    started: str
    commit: str | None
    machine: str
    workers: int
    max_usd: float | None = None
    retry_failed: bool = False
    model_timeout: float | None = None
    judge: str | None = None
    cluster: str | None = None


class RunHeader(_Row):
    """All that decides what a run measures.

    A folder takes no results under another header; only ``sittings`` are added to. ``videorlm`` is
    this program's version, ``annotations_sha256`` the digest of the files the questions were read
    from. ``models`` are by their part in the run (``main``, ``sub``, ``fallback``); ``weights`` the
    revision of each encoder that indexes are built with. ``prompts`` has the SHA-256 of each
    template. ``parameters`` are the other options by name, and the limits that the system heeds.
    ``questions`` is how many items the selection holds, each asked ``parameters["repeats"]`` times.
    """

    schema_version: int = SCHEMA_VERSION
    videorlm: str
    dataset: str
    annotations: str
    annotations_sha256: str
    videos: str
    system: str
    models: dict[str, str]
    preset: str | None
    weights: dict[str, str]
    prompts: dict[str, str]
    parameters: dict[str, Any]
    questions: int
    sandbox_level: str | None
    sittings: tuple[Sitting, ...] = ()
