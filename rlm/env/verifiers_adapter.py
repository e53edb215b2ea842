"""The environment for the ``verifiers`` package: a taskset, an env and a harness of its ``v1`` API.

Needs the extra: ``pip install 'videorlm[verifiers]'``. In Python::

    from rlm.env.verifiers_adapter import load_environment

    env = load_environment("film/questions.jsonl")

and by the plugin id ``videorlm-env`` wherever ``verifiers`` takes the id of a taskset::

    --env.taskset.id videorlm-env --env.taskset.questions film/questions.jsonl

An episode is the conversation of a :class:`rlm.env.VideoQAEnv`: its messages are the user's turns
of a ``verifiers`` interaction, the policy's replies are its steps. Importing this raises
``UsageError`` where ``verifiers`` is not installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlm.agent.budget import Budget
from rlm.agent.llm import Usage
from rlm.env.video_qa import VideoQAEnv
from rlm.errors import UsageError
from rlm.evaluation.indexes import Indexes
from rlm.evaluation.items import Item, read_items

try:
    import verifiers.v1 as vf
    from openai import AsyncOpenAI
    from verifiers.v1.dialects.chat import message_to_wire
except ImportError as error:
    raise UsageError(
        f"the verifiers package cannot be used ({error}): pip install 'videorlm[verifiers]'"
    ) from error

ID = "videorlm-env"
"""Under which ``verifiers`` finds the package ``videorlm_env``, which names what is here."""


class VideoData(vf.TaskData):
    """An item as ``verifiers`` keeps it; the prompt comes with the episode."""

    item: Item


class VideoTask(vf.Task[VideoData, vf.State, vf.TaskConfig]):
    """A question about a video. What it is worth is known at the end of its episode."""


class VideoTasksetConfig(vf.TasksetConfig):
    """``questions`` is a file for :func:`rlm.env.read_items`, ``videos`` the folder of its videos,
    by default the file's own.
    """

    questions: Path = Path("questions.jsonl")
    videos: Path | None = None


class VideoTaskset(vf.Taskset[VideoTask, VideoTasksetConfig]):
    """The items of a file."""

    def load(self) -> Iterator[VideoTask]:
        """Raises ``UsageError`` as :func:`rlm.env.read_items`."""
        for item in read_items(self.config.questions, self.config.videos):
            data = VideoData(
                id=item.id, name=item.id, description=item.question, prompt=None, item=item
            )
            yield VideoTask(data, self.config.task)


class OneReply(vf.Harness[vf.HarnessConfig]):
    """One call to the model for each turn: code runs in this project's jail, nothing elsewhere."""

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        """Have the conversation continued; ``verifiers`` records the reply as it passes."""
        system, prompt = self.resolve_prompt(data)
        messages = [message_to_wire(message) for message in prompt]
        if system is not None:
            messages.insert(0, {"role": "system", "content": system})
        async with AsyncOpenAI(base_url=endpoint, api_key=secret, max_retries=0) as client:
            await client.chat.completions.create(model=ctx.model, messages=messages)
        return vf.ProgramResult(0, "", "")


class VideoEnvConfig(vf.EnvConfig):
    """``preset`` and ``cache`` are of the index, ``turns`` and ``frames`` limit an episode."""

    policy: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig(), network_notice=False)
    preset: str = "builtin"
    cache: Path | None = None
    turns: int = 12
    frames: int | None = None


class VideoEnv(vf.Env[VideoEnvConfig]):
    """Episodes of :class:`rlm.env.VideoQAEnv`, any number at once.

    Rewards with ``right``; the metrics are ``turns``, ``frames``, ``answered`` and ``best_effort``.
    A policy that stopped before its answer, at a limit of ``verifiers``, was not right.
    """

    async def start(self) -> None:
        """Let all episodes share their indexes."""
        self._indexes = Indexes(self.config.preset, self.config.cache)

    async def run(self, task: VideoTask, agents: vf.Agents) -> None:
        """Play one episode; raises any ``VideoRLMError`` of it."""
        item = task.data.item
        budget = Budget(turns=self.config.turns, frames=self.config.frames)
        env = VideoQAEnv([item], budget=budget, indexes=self._indexes)
        reward, info = 0.0, dict[str, Any]()
        try:
            # In threads: building an index and running code must not hold up other episodes.
            observation = await asyncio.to_thread(env.reset, item)
            async with agents.policy.interaction(task) as interaction:
                trace, done = interaction.trace, False
                while not done:
                    segment = await interaction.turn(observation.openai(new=True))
                    if segment.terminated:
                        break
                    call = trace.calls[-1]
                    observation, reward, done, info = await asyncio.to_thread(
                        env.step,
                        segment.last_reply,
                        usage=_usage(call.usage),
                        cut=call.finish_reason == "length",
                    )
        finally:
            await asyncio.to_thread(env.close)
        trace.record_reward("right", reward)
        trace.record_metrics(
            {
                "turns": info.get("turns", 0),
                "frames": info.get("frames", 0),
                "answered": float(info.get("status") == "answered"),
                "best_effort": float(info.get("best_effort", False)),
            }
        )


def load_environment(
    questions: str | Path, videos: str | Path | None = None, **settings: Any
) -> vf.Env:
    """The environment over the items of the file ``questions``.

    ``settings`` are further fields of :class:`VideoEnvConfig`. Raises pydantic's
    ``ValidationError`` for a setting that is none; a bad file is told when tasks are loaded.
    """
    taskset = {"id": ID, "questions": Path(questions), "videos": videos}
    config = vf.resolve_env_config({"taskset": taskset, **settings})
    return vf.load_environment(config)


def _usage(usage: Any) -> Usage | None:
    if usage is None:
        return None
    return Usage(usage.input_tokens, usage.completion_tokens, None)
