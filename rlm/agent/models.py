"""Which language model speaks where in a run."""

from __future__ import annotations

from dataclasses import dataclass

from rlm.agent.llm import LanguageModel


@dataclass(frozen=True)
class Models:
    """``main`` answers; ``sub``, if given a cheaper one, answers sub-sessions and sub-questions."""

    main: LanguageModel
    sub: LanguageModel | None = None

    def answering(self, session: str) -> LanguageModel:
        """The one that answers in the session at a place of the tree, as events name it."""
        return self.main if not session else self.sub or self.main

    def asked(self, session: str, name: str | None = None) -> LanguageModel:
        """The one that sub-questions of that session go to.

        Raises ``ValueError`` for a name that is of no model of this run: which models may be paid
        for is for the user to say, not for code that a model wrote.
        """
        names = {model.name: model for model in (self.main, self.sub) if model is not None}
        if name is None:
            return self.sub or self.main
        if name not in names:
            raise ValueError(f"no model {name!r} in this run; there are: {', '.join(names)}")
        return names[name]
