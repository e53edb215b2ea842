"""Questions about videos as an environment to train and evaluate policies in."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rlm.agent.budget import Budget
from rlm.agent.llm import LanguageModel, Message, Reply, Usage
from rlm.agent.session import Jail
from rlm.env.episode import Episode
from rlm.env.observation import Observation
from rlm.env.policy import UNKNOWN
from rlm.env.rewards import Reward, right
from rlm.errors import UsageError
from rlm.evaluation.indexes import Indexes
from rlm.evaluation.items import Item, pick
from rlm.evaluation.jails import seeded_jail


class VideoQAEnv:
    """Questions about videos, one episode at a time; the policy's replies go to :meth:`step`.

    ::

        with VideoQAEnv(read_items("film/questions.jsonl")) as env:
            observation = env.reset(0)
            done = False
            while not done:
                reply = policy(observation.openai())
                observation, reward, done, info = env.step(reply)

    An episode is the session that ``videorlm ask`` runs, with the same prompt, tools, jail and
    wrap-up call. The same replies to the same item with the same seed give equal observations and
    rewards.

    Args:
        items: what may be asked.
        preset: the encoders of the index, as ``--preset``.
        budget: the limits of an episode. Dollars and seconds cannot be limited: a policy has no
            price, and the clock would change what it reads. Tokens can if :meth:`step` is told how
            many a reply took.
        cache: where indexes are; by default where ``videorlm`` keeps them. The index of a video is
            built once for all of its items.
        jail: what code runs in; by default a :func:`seeded_jail`.
        reward: the worth of an episode, by default :func:`rlm.env.rewards.right`.
        sub_model: answers sub-questions and sub-sessions. Without one the code that asks gets an
            error that says so, and the prompt names no sub-sessions.
        events: whether ``info`` holds the events of the episode, as a transcript has them.
        indexes: shares open indexes with other environments; ``preset`` and ``cache`` are then its.

    Raises:
        UsageError: no items, or a limit that cannot be kept.
    """

    def __init__(
        self,
        items: Sequence[Item],
        preset: str = "builtin",
        budget: Budget | None = None,
        cache: str | Path | None = None,
        jail: Jail | None = None,
        reward: Reward = right,
        *,
        sub_model: LanguageModel | None = None,
        events: bool = False,
        indexes: Indexes | None = None,
    ) -> None:
        budget = budget or Budget()
        if not items:
            raise UsageError("an environment needs at least one item")
        for name in ("usd", "seconds"):
            if getattr(budget, name) is not None:
                raise UsageError(
                    f"an episode cannot limit {name}: limit turns, calls, frames or tokens"
                )
        self.items = tuple(items)
        self.budget = budget if sub_model else replace(budget, depth=0)
        self._indexes = indexes or Indexes(preset, cache)
        self._jail = jail
        self._reward = reward
        self._sub_model = sub_model
        self._events = events
        self._random = random.Random(0)
        self._episode: Episode | None = None

    def reset(self, item: Item | int | None = None, *, seed: int | None = None) -> Observation:
        """Begin an episode, ending one under way; what the policy reads first.

        ``item`` is one, or its place in ``items``; without it one is drawn. ``seed``, by default 0,
        is of the random numbers in the jail; where it is given, the drawing starts anew from it.

        Raises ``UsageError`` for an item that is not there, ``JailError`` when no jail can be had,
        and what :meth:`rlm.evaluation.indexes.Indexes.of` raises.
        """
        self.close()
        if seed is not None:
            self._random = random.Random(seed)
        if item is None:
            item = self._random.randrange(len(self.items))
        asked = pick(self.items, item) if isinstance(item, int) else item
        jail = self._jail or seeded_jail(seed or 0)
        episode = Episode(self._indexes.of(asked.video), asked, self.budget, jail, self._sub_model)
        self._episode = episode
        return self._guarded(episode, episode.start)

    def step(
        self, reply: str, *, usage: Usage | None = None, cut: bool = False
    ) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Run the policy's reply: observation, reward, whether the episode is over, and ``info``.

        The reward is 0.0 until the end. ``usage`` is what the reply cost; ``cut`` says that it
        reached the length a reply may have, so that none of it is run.

        ``info`` holds ``id`` and ``category`` of the item; ``status`` (``running``, ``answered`` or
        ``no_answer``) and ``reason``, why it ended where it was not by an answer alone; ``turns``,
        ``frames`` and ``tokens`` so far, ``None`` for unknown; ``failure``, how the newest code
        failed, as in :class:`rlm.agent.events.Observed`; ``answer``, ``choice``, ``evidence`` in
        seconds, ``confidence`` and ``best_effort`` of the answer; and ``events`` where wanted.

        Raises ``UsageError`` when no episode is under way or a limit on tokens has no ``usage`` to
        count, ``JailError`` when the jail is lost, ``EpisodeFailed`` when the session broke or was
        closed by another thread, and any ``VideoRLMError`` that ended it. The episode is then over.
        """
        episode = self._episode
        if episode is None:
            raise UsageError("no episode is under way: call reset() first")
        if usage is None and self.budget.tokens is not None:
            raise UsageError("tokens are limited: step() has to be told the usage of each reply")
        said = Reply(reply, usage or UNKNOWN, cut=cut)
        observation = self._guarded(episode, lambda: episode.step(said))
        info = self._info(episode)
        if episode.result is None:
            return observation, 0.0, False, info
        self.close()
        return observation, self._reward(episode.item, episode.result), True, info

    def close(self) -> None:
        """End the episode under way, if any, as interrupted; its jail and its thread are gone then.

        May be called from any thread; :meth:`reset` begins another one.
        """
        episode, self._episode = self._episode, None
        if episode is not None:
            episode.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _guarded(self, episode: Episode, act: Callable[[], tuple[Message, ...]]) -> Observation:
        """What ``act`` gives; when it fails or is interrupted, nothing of the episode is left."""
        try:
            return Observation(act())
        except BaseException:
            if self._episode is episode:
                self._episode = None
            episode.stop()
            raise

    def _info(self, episode: Episode) -> dict[str, Any]:
        result, meter = episode.result, episode.meter
        answer = result.answer if result else None
        info: dict[str, Any] = {
            "id": episode.item.id,
            "category": episode.item.category,
            "status": result.status if result else "running",
            "reason": result.reason if result else "",
            "turns": meter.turns,
            "frames": meter.frames,
            "tokens": meter.tokens,
            "failure": episode.failure,
            "answer": answer.text if answer else None,
            "choice": answer.choice if answer else None,
            "evidence": tuple((s.start, s.end) for s in answer.evidence) if answer else (),
            "confidence": answer.confidence if answer else None,
            "best_effort": answer.best_effort if answer else False,
        }
        if self._events:
            info["events"] = tuple(event for event in episode.events if not event.transient)
        return info
