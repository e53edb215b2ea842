"""What can be asked, and with what budget: checked before anything costly begins."""

from __future__ import annotations

from collections.abc import Sequence

from rlm.agent.budget import Budget
from rlm.agent.llm import LanguageModel
from rlm.agent.models import Models
from rlm.errors import UsageError

MOST_VOTES = 32


def check_votes(votes: int) -> None:
    """Raise ``UsageError`` for a number of votes that cannot be held."""
    if not 1 <= votes <= MOST_VOTES:
        raise UsageError(f"votes are 1 to {MOST_VOTES}, not {votes}")


def check_price(models: Models, budget: Budget) -> None:
    """Raise ``UsageError`` for a cap in dollars that could not be kept."""
    for model in (models.main, models.sub):
        if model is not None:
            _check_price(model, budget)


def _check_price(model: LanguageModel, budget: Budget) -> None:
    if budget.usd is not None and model.price(1, 1) is None:
        raise UsageError(
            f"the price of {model.name} is unknown, so a cap in dollars cannot be kept; "
            "leave out --max-usd, or cap --max-turns, --max-calls or --max-tokens"
        )


def check_question(question: str, options: Sequence[str]) -> None:
    """Raise ``UsageError`` for a question or options that cannot be answered."""
    if not question.strip():
        raise UsageError("the question is empty; ask it in quotes after the video")
    if len(options) == 1:
        raise UsageError("one option is no choice; give two or more, or none")
    if len(options) > 26:
        raise UsageError(f"at most 26 options can be lettered, not {len(options)}")
    plain = [" ".join(option.split()).lower() for option in options]
    if "" in plain:
        raise UsageError("an option is empty; give each one some text")
    if len(set(plain)) < len(plain):
        raise UsageError("two options say the same; give each one its own text")
