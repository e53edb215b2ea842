"""From settings to language models."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_server import Act, serve

from rlm.agent.choose import Choice
from rlm.agent.llm import Message
from rlm.agent.make_models import make_models
from rlm.config import Config, load_config
from rlm.errors import LanguageModelError, MissingKey, UsageError

HELLO = [Message("user", ("Hello",))]


def quiet(line: str) -> None:
    pass


def test_nothing_set_is_one_model() -> None:
    made = make_models(Choice("builtin", "x"), None, Config(), quiet)
    answering, sub = made.main, made.sub
    assert (answering.name, sub) == ("builtin", None)
    assert answering.price(10, 10) == 0.0


def test_fallbacks_and_sub_questions_at_ones_own_endpoint(tmp_path: Path) -> None:
    told: list[str] = []
    config = Config(
        fallback_model=("openai/spare",), sub_model="openai/small", reply_cache=tmp_path, seed=4
    )

    def step(body: dict) -> str | Act:
        return Act(429, text="insufficient_quota") if body["model"] == "big" else body["model"]

    with serve(step) as server:
        made = make_models(Choice("openai/big", "x"), server.url, config, told.append)
        answering, sub = made.main, made.sub
        assert sub is not None
        reply = answering.complete(HELLO)
        assert (reply.text, reply.model) == ("spare", "openai/spare")
        assert sub.complete(HELLO).text == "small"
        assert answering.complete(HELLO).cached
    assert [request["seed"] for request in server.requests] == [4, 4, 4]
    assert told[0].startswith("model: going on with openai/spare: openai/big at http")


def test_a_model_of_another_provider_needs_its_own_key() -> None:
    config = Config(fallback_model=("anthropic/claude-sonnet-4-6",))
    with pytest.raises(MissingKey, match="ANTHROPIC_API_KEY"):
        make_models(Choice("openai/big", "x"), "http://127.0.0.1:9/v1", config, quiet)


def test_what_a_model_does_not_take_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    make_models(Choice("anthropic/claude-sonnet-4-6", "x"), None, Config(seed=4), told.append)
    make_models(Choice("builtin", "x"), None, Config(temperature=0), told.append)
    assert told == [
        "model: anthropic/claude-sonnet-4-6 takes no such seed, so it is left out",
        "model: builtin takes no such temperature, so it is left out",
    ]


def test_settings_of_the_command_line_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEORLM_FALLBACK_MODEL", "a/b, c/d")
    monkeypatch.setenv("VIDEORLM_SEED", "3")
    config = load_config()
    assert (config.fallback_model, config.seed) == (("a/b", "c/d"), 3)
    having = config.having(fallback_model=["e/f"], seed=0, temperature=None)
    assert (having.fallback_model, having.seed, having.temperature) == (("e/f",), 0, None)
    assert config.having(fallback_model=[]).fallback_model == ("a/b", "c/d")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -1.0),
        ("temperature", float("nan")),
        ("model_timeout", 0.0),
        ("model_timeout", float("inf")),
    ],
)
def test_values_that_make_no_sense_name_their_option(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"^--{name.replace('_', '-')}: ") as error:
        Config().having(**{name: value})
    assert "\n" not in str(error.value)


def test_errors_tell_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")

    def refuse(body: dict) -> Act:
        return Act(400, text="the key sk-very-secret is not one of http://me:pw@host/v1")

    with serve(refuse) as server:
        address = server.url.replace("http://", "http://user:password@")
        made = make_models(Choice("openai/big", "x"), address, Config(), quiet)
        with pytest.raises(LanguageModelError) as caught:
            made.main.complete(HELLO)
    told = str(caught.value)
    assert "(OPENAI_API_KEY) is not one of http://host/v1" in told
    assert "password" not in told
    assert "sk-very" not in told
