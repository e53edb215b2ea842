"""The real litellm against a server on loopback that misbehaves on command."""

from __future__ import annotations

import base64

import pytest
from model_server import Act, serve

from rlm.agent.choose import PROVIDERS, choose_model
from rlm.agent.litellm_model import LiteLLMModel
from rlm.agent.llm import Message, Picture
from rlm.config import Config
from rlm.endpoints import RETRIES
from rlm.errors import ConversationTooLong, MissingKey, ModelUnavailable, UnknownModel

HELLO = [Message("system", ("Be brief.",)), Message("user", ("Look:", Picture(b"\xff\xd8", "p")))]


def model(url: str, slept: list[float] | None = None) -> LiteLLMModel:
    sleep = (lambda seconds: None) if slept is None else slept.append
    return LiteLLMModel("openai/desk", api_base=url, sleep=sleep)


def test_a_reply_streams_in_with_its_usage() -> None:
    with serve([Act(text="one two three", reasoning="hm")]) as server:
        pieces: list[str] = []
        reply = model(server.url).complete(HELLO, pieces.append)
    assert reply.text == "".join(pieces) == "one two three"
    assert len(pieces) > 1
    assert reply.reasoning == "hm"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (100, 10)
    assert reply.usage.usd is None  # no price is known for this model, which is not "free"
    sent = server.requests[0]["messages"]
    assert sent[0] == {"role": "system", "content": "Be brief."}
    url = sent[1]["content"][1]["image_url"]["url"]
    assert base64.b64decode(url.partition(",")[2]) == b"\xff\xd8"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    slept: list[float] = []
    with serve([Act(status), Act(status), "fine"]) as server:
        assert model(server.url, slept).complete(HELLO).text == "fine"
    assert len(server.requests) == 3
    assert slept[0] < slept[1]


def test_the_server_says_how_long_to_wait() -> None:
    slept: list[float] = []
    with serve([Act(429, headers={"retry-after": "7"}), "fine"]) as server:
        model(server.url, slept).complete(HELLO)
    assert slept == [7.0]


def test_it_gives_up_after_a_while() -> None:
    with serve([Act(500, text="broken")]) as server, pytest.raises(ModelUnavailable) as error:
        model(server.url).complete(HELLO)
    assert len(server.requests) == RETRIES
    assert "\n" not in str(error.value)


def test_a_refused_key_is_not_tried_again() -> None:
    with serve([Act(401, text="bad key")]) as server, pytest.raises(MissingKey):
        model(server.url).complete(HELLO)
    assert len(server.requests) == 1


def test_a_cut_stream_is_never_taken_for_a_whole_reply() -> None:
    with serve([Act(text="x" * 900, cut=True), "whole"]) as server:
        assert model(server.url).complete(HELLO).text == "whole"


def test_a_stream_that_ends_cleanly_but_early_is_not_whole_either() -> None:
    with serve([Act(text="```python\nanswer(", finish=None), "whole"]) as server:
        assert model(server.url).complete(HELLO).text == "whole"


def test_a_reply_at_the_models_limit_says_so() -> None:
    with serve([Act(text="and so on", finish="length")]) as server:
        assert model(server.url).complete(HELLO).cut


def test_what_a_listener_raises_is_not_blamed_on_the_endpoint() -> None:
    def full(piece: str) -> None:
        raise BrokenPipeError(piece)

    with serve(["hello"]) as server, pytest.raises(BrokenPipeError):
        model(server.url).complete(HELLO, full)


def test_a_lone_surrogate_does_not_get_through() -> None:
    with serve([Act(text="a\ud83d")]) as server:
        assert model(server.url).complete(HELLO).text == "a?"


def test_a_conversation_that_is_too_long_is_told_apart() -> None:
    said = "This model's maximum context length is 10 tokens"
    act = Act(400, text=said)
    with serve([act]) as server, pytest.raises(ConversationTooLong):
        model(server.url).complete(HELLO)


def test_prices_are_known_or_unknown_never_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    import litellm

    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert LiteLLMModel("openai/gpt-4o").priced
    assert not LiteLLMModel("openai/gpt-4o", api_base="http://127.0.0.1:9/v1").priced
    assert LiteLLMModel("ollama_chat/gemma3").priced
    free = {"litellm_provider": "openai", "mode": "chat"}
    monkeypatch.setitem(litellm.model_cost, "openai/nothing-said", free)
    assert not LiteLLMModel("openai/nothing-said").priced


@pytest.mark.parametrize("asked", ["-5", "soon", "nan"])
def test_a_senseless_wait_is_not_kept(asked: str) -> None:
    slept: list[float] = []
    with serve([Act(429, headers={"retry-after": asked}), "fine"]) as server:
        model(server.url, slept).complete(HELLO)
    assert 0 < slept[0] < 2


def test_garbage_ends_in_a_typed_error() -> None:
    with serve([Act(garbage=True)]) as server, pytest.raises(ModelUnavailable):
        model(server.url).complete(HELLO)


def test_a_closed_port() -> None:
    with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9/v1 gave no reply"):
        model("http://127.0.0.1:9/v1").complete(HELLO)


def test_names_and_keys_are_checked_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownModel, match="provider/model"):
        LiteLLMModel("nonsense")
    with pytest.raises(MissingKey, match="ANTHROPIC_API_KEY"):
        LiteLLMModel("anthropic/claude-sonnet-4-6")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert LiteLLMModel("anthropic/claude-sonnet-4-6").priced
    assert not LiteLLMModel("openai/desk", api_base="http://127.0.0.1:9/v1").priced


def test_the_default_models_exist_and_see_pictures() -> None:
    import litellm

    for _, name in PROVIDERS:
        provider, _, short = name.partition("/")
        entry = litellm.model_cost.get(name) or litellm.model_cost.get(short)
        assert entry is not None, name
        assert entry["supports_vision"], name
        assert entry["litellm_provider"] == provider


def test_order_of_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_model(None, Config()).name == "builtin"
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert choose_model(None, Config()).name.startswith("openai/")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert choose_model(None, Config()).name.startswith("anthropic/")
    assert choose_model(None, Config(model="m")).name == "m"
    assert choose_model("named", Config(model="m")).name == "named"
