"""The language models of a run: one for each repeat, whose seeds differ, and one throttle."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rlm.agent.budget import Budget
from rlm.agent.choose import Choice
from rlm.agent.llm import LanguageModel
from rlm.agent.make_models import make_models
from rlm.agent.models import Models
from rlm.agent.question import check_price
from rlm.config import Config
from rlm.evaluation.throttle import Throttle, ThrottledModel

MakeModels = Callable[
    [Choice, str | None, Config, Callable[[str], None], Callable[[], None]], Models
]


class RepeatModels:
    """Makes the models of each repeat when it begins.

    ``choice`` is ``None`` for a system without a language model; ``at_once`` is the most calls at
    the same moment. The seed of repeat n is that of ``config`` and n. A ``reply_cache`` would give
    every repeat the same reply where there is no seed, and is left out then. ``make`` is
    :func:`~rlm.agent.make_models.make_models`, or makes others.
    """

    def __init__(
        self,
        choice: Choice | None,
        api_base: str | None,
        config: Config,
        repeats: int,
        at_once: int,
        say: Callable[[str], None],
        make: MakeModels = make_models,
    ) -> None:
        if repeats > 1 and config.seed is None and config.reply_cache is not None:
            say("reply cache: left out, since repeats without a seed need replies of their own")
            config = config.model_copy(update={"reply_cache": None})
        self.config = config
        self.throttle = Throttle(at_once)
        self.replied: Callable[[], None] = lambda: None
        self._choice = choice
        self._api_base = choice.endpoint(api_base, config) if choice else api_base or None
        self._say = say
        self._make = make
        self._lock = threading.Lock()
        self._made: dict[int, Models] = {}

    @property
    def names(self) -> dict[str, str]:
        """The models by their part in the run."""
        if self._choice is None:
            return {}
        named = {"main": self._choice.name, "sub": self.config.sub_model or ""}
        named["fallback"] = ", ".join(self.config.fallback_model)
        return {part: name for part, name in named.items() if name}

    @property
    def api_base(self) -> str | None:
        """Where the model is, if not with its provider."""
        return self._api_base

    def check(self, budget: Budget) -> None:
        """Find out now what is wrong with a model's name, key or price; raises what they do.

        A model without a price is told.
        """
        if (models := self.of(0)) is None:
            return
        check_price(models, budget)
        both = [model for model in (models.main, models.sub) if model is not None]
        unknown = dict.fromkeys(model.name for model in both if model.price(1, 1) is None)
        if unknown:
            self._say(f"no price is known for {', '.join(unknown)}: dollars are not counted")

    def of(self, repeat: int) -> Models | None:
        """The models of a repeat, counted from 0."""
        if self._choice is None:
            return None
        with self._lock:
            if repeat not in self._made:
                seed = None if self.config.seed is None else self.config.seed + repeat
                config = self.config.model_copy(update={"seed": seed})
                say = self._say if not self._made else _quiet
                made = self._make(self._choice, self._api_base, config, say, self.throttle.limited)
                sub = None if made.sub is None else self._throttled(made.sub)
                self._made[repeat] = Models(self._throttled(made.main), sub)
            return self._made[repeat]

    def _throttled(self, model: LanguageModel) -> LanguageModel:
        return ThrottledModel(model, self.throttle, lambda: self.replied())


def _quiet(line: str) -> None:
    """It was said when the first were made."""
