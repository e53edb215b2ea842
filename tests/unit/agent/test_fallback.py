"""The next model, when one is unavailable."""

from __future__ import annotations

import pytest
from scripted import ScriptedModel

from rlm.agent.fallback import FallbackModel
from rlm.agent.llm import Message, ModelLimits
from rlm.errors import ConversationTooLong, MissingKey, ModelUnavailable

HELLO = [Message("user", ("Hello",))]


def named(name: str, *script: str | BaseException, **limits) -> ScriptedModel:
    model = ScriptedModel(*script, usd=limits.pop("usd", 0.01))
    model.name, model.limits = name, ModelLimits(**limits)
    return model


def test_it_goes_on_and_stays_there() -> None:
    told: list[str] = []
    first = named("first", "one", ModelUnavailable("gone"), "back")
    second = named("second", "two", "three")
    both = FallbackModel([first, second], told.append)
    replies = [both.complete(HELLO) for _ in range(3)]
    assert [(r.text, r.model) for r in replies] == [
        ("one", ""), ("two", "second"), ("three", "second"),
    ]  # fmt: skip
    assert len(first.sent) == 2
    assert told == ["model: going on with second: gone"]
    assert both.name == "first"


def test_the_last_ones_failure_is_the_failure_each_time() -> None:
    both = FallbackModel([named("a", ModelUnavailable("a")), named("b", ModelUnavailable("b"))])
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="b"):
            both.complete(HELLO)


@pytest.mark.parametrize("error", [MissingKey("k"), ConversationTooLong("l"), KeyboardInterrupt()])
def test_what_another_model_does_not_mend_passes_through(error: BaseException) -> None:
    second = named("second", "two")
    with pytest.raises(type(error)):
        FallbackModel([named("first", error), second]).complete(HELLO)
    assert second.sent == []


def test_price_and_limits_hold_for_all() -> None:
    cheap = named("cheap", "x", usd=0.01, context_tokens=1000, picture_side=2000)
    dear = named("dear", "x", usd=0.05, context_tokens=None, picture_side=900, pictures=5)
    both = FallbackModel([cheap, dear])
    assert both.price(1, 1) == 0.05
    assert both.limits == ModelLimits(1000, 900, 5)
    assert FallbackModel([cheap, named("free", "x", usd=None)]).price(1, 1) is None


def test_no_models_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="needs models"):
        FallbackModel([])
