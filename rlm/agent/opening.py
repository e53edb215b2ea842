"""How a session begins: its header, its system prompt, its question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from rlm import __version__
from rlm.agent.events import VideoInfo
from rlm.agent.host import MAX_PICTURES
from rlm.agent.llm import Picture
from rlm.agent.models import Models
from rlm.agent.prompting import options_for_prompt, prompts_sha256, render
from rlm.agent.text import HEAD, TAIL, one_line
from rlm.spans import Span
from rlm.tools import TOOLS, Tool, VideoFacts, describe
from rlm.tools.pixels import describe_helpers
from rlm.tools.rlm_query import rlm_query
from rlm.tools.rlm_query_batched import rlm_query_batched

if TYPE_CHECKING:
    from rlm.index import VideoIndex

MAX_SCENES = 400
"""Scenes that the header of a run names."""


def header(index: VideoIndex, facts: VideoFacts, models: Models, level: str) -> dict[str, Any]:
    """What :class:`rlm.agent.events.SessionStarted` says of all but the question and its limits."""
    return {
        "videorlm": __version__,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "video": VideoInfo(
            name=facts.name,
            sha256=index.video.sha256,
            duration=facts.duration,
            width=facts.width,
            height=facts.height,
            frame_rate=facts.frame_rate,
        ),
        **models_header(models),
        "preset": index.preset,
        "index_key": index.key,
        "sandbox_level": level,
        "prompt_sha256": prompts_sha256(),
        "scenes": _scene_starts(index),
    }


def models_header(models: Models) -> dict[str, Any]:
    """What the header and :class:`rlm.agent.events.ModelChanged` say of the models."""
    return {
        "model": models.main.name,
        "sub_model": models.sub.name if models.sub is not None else "",
        "picture_side": models.answering("").limits.picture_side,
    }


def pictures(shown: Sequence[Picture]) -> list[str | Picture]:
    """Pictures that go with a question, each after its label."""
    return [part for picture in shown for part in (f"[{picture.label}]", picture)]


def _scene_starts(index: VideoIndex) -> tuple[float, ...]:
    """Where the scenes of the finest level begin that has no more than ``MAX_SCENES``."""
    levels = (index.scenes(level) for level in range(3))
    fitting = next((scenes for scenes in levels if len(scenes) <= MAX_SCENES), ())
    return tuple(round(scene.start, 2) for scene in fitting)


@cache
def system(depth: int, cell_seconds: float, tools: tuple[Tool, ...] = TOOLS) -> str:
    """The system prompt, the same for every question and every video.

    ``depth`` is how many levels of sub-sessions there may be; ``tools`` are those it tells of.
    """
    deeper = (rlm_query, rlm_query_batched)
    return render(
        "system",
        tools=describe(tool for tool in tools if depth or tool not in deeper),
        helpers=describe_helpers(),
        depth=depth,
        max_pictures=MAX_PICTURES,
        max_output=HEAD + TAIL,
        cell_seconds=f"{cell_seconds:.0f}",
    )


def next_question(text: str, options: Sequence[str], notes: Sequence[str], left: str) -> str:
    """What is asked after an earlier question about the same video."""
    return render(
        "next_question",
        question=text,
        options=options_for_prompt(options),
        notes=notes,
        budget=left,
    )


def question(
    text: str,
    options: Sequence[str],
    facts: VideoFacts,
    part: Span | None,
    preset: str,
    left: str,
    *,
    tools: Sequence[Tool] = TOOLS,
    alone: bool = True,
) -> str:
    """What is asked, what is known about the video beforehand, and the budget in words.

    Unless it is asked ``alone``, the same is asked about other parts, and not each holds an answer.
    """
    return render(
        "question",
        video=facts,
        part=part,
        alone=alone,
        tools=[tool.__name__ for tool in tools],
        name=one_line(facts.name),
        preset=preset,
        budget=left,
        question=text,
        options=options_for_prompt(options),
    )
