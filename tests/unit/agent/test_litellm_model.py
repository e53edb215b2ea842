"""The real litellm against a server on loopback that misbehaves on command."""

from __future__ import annotations

import base64
import signal
import threading
import time

import pytest
from model_server import Act, serve

from rlm.agent.choose import PROVIDERS, choose_model
from rlm.agent.litellm_model import LiteLLMModel
from rlm.agent.llm import Message, ModelLimits, Picture
from rlm.config import Config
from rlm.endpoints import BUSY_BACK_OFF, KEYS, RETRIES, check_key
from rlm.errors import (
    ConversationTooLong,
    MissingKey,
    ModelUnavailable,
    ReplyRefused,
    UnknownModel,
)

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


def test_a_rate_limit_without_a_time_is_waited_for_by_the_minute() -> None:
    slept: list[float] = []
    with serve([Act(429)]) as server, pytest.raises(ModelUnavailable):
        model(server.url, slept).complete(HELLO)
    assert 30 < sum(slept) < 90


def test_an_account_without_money_is_not_waited_for() -> None:
    act = Act(429, text="You exceeded your current quota: insufficient_quota")
    with serve([act]) as server, pytest.raises(ModelUnavailable, match="quota"):
        model(server.url).complete(HELLO)
    assert len(server.requests) == 1


def test_a_silent_server_ends_at_the_time_out() -> None:
    with serve([Act(text="x" * 99, silence=30)]) as server:
        silent = LiteLLMModel("openai/desk", api_base=server.url, timeout=0.3, sleep=lambda s: None)
        with pytest.raises(ModelUnavailable, match="gave no reply"):
            silent.complete(HELLO)
    assert len(server.requests) == RETRIES


def test_no_try_begins_after_all_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm.endpoints.PATIENCE", 0.2)
    with serve([Act(text="x" * 99, silence=30)]) as server:
        silent = LiteLLMModel("openai/desk", api_base=server.url, timeout=0.3)
        with pytest.raises(ModelUnavailable):
            silent.complete(HELLO)
    assert len(server.requests) == 1


def test_a_silent_server_can_be_interrupted() -> None:
    main = threading.main_thread().ident
    assert main is not None
    with serve([Act(text="x" * 99, silence=60)]) as server:
        began = time.monotonic()
        interrupt = threading.Timer(1.0, signal.pthread_kill, (main, signal.SIGINT))
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            model(server.url).complete(HELLO)
    assert time.monotonic() - began < 50


def test_a_server_that_never_stops_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm.agent.litellm_model.LONGEST_REPLY", 500)
    with serve([Act(text="on and ", endless=True)]) as server:
        reply = model(server.url).complete(HELLO)
    assert reply.cut
    assert 500 < len(reply.text) < 600


@pytest.mark.parametrize(
    "act",
    [
        Act(text="As I was say", finish="content_filter"),
        Act(400, text="Your request was rejected as a result of the safety system."),
    ],
)
def test_a_declined_reply_is_told_apart(act: Act) -> None:
    with serve([act]) as server, pytest.raises(ReplyRefused, match="declined to reply") as error:
        model(server.url).complete(HELLO)
    assert len(server.requests) == 1
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("said", "reply", "thought"),
    [
        ("<think>\n```python\n1\n```\n</think>\n\nSo: 2", "So: 2", "```python\n1\n```"),
        ("<think>and on and on", "", "and on and on"),
        ("I write <think> here </think>", "I write <think> here </think>", ""),
    ],
)
def test_reasoning_that_is_said_aloud_is_kept_apart(said: str, reply: str, thought: str) -> None:
    with serve([said]) as server:
        got = model(server.url).complete(HELLO)
    assert (got.text, got.reasoning) == (reply, thought)


def test_an_empty_reply_is_a_reply_and_goes_back_as_words() -> None:
    with serve([""]) as server:
        reply = model(server.url).complete(HELLO)
        model(server.url).complete([*HELLO, Message("assistant", (reply.text,))])
    assert (reply.text, reply.cut) == ("", False)
    assert server.requests[1]["messages"][-1]["content"] == "(nothing)"


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": -5, "completion_tokens": 10, "total_tokens": 5}, (None, 10)),
        ({"prompt_tokens": 10**12, "completion_tokens": 1, "total_tokens": 1}, (10**12, 1)),
    ],
)
def test_usage_is_what_the_server_says_or_unknown(usage, tokens) -> None:
    with serve([Act(text="fine", usage=usage)]) as server:
        reply = model(server.url).complete(HELLO)
    assert reply.text == "fine"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == tokens
    assert reply.usage.usd is None


def test_usage_that_is_left_out_is_counted_here() -> None:
    with serve([Act(text="fine " * 50, usage=None)]) as server:
        usage = model(server.url).complete(HELLO).usage
    assert usage.output_tokens is not None
    assert 25 < usage.output_tokens < 100


def test_usage_that_is_no_usage_is_a_typed_error_or_unknown() -> None:
    usage = {"prompt_tokens": "many", "completion_tokens": [], "total_tokens": {}}
    with serve([Act(text="fine", usage=usage)]) as server:
        try:
            assert model(server.url).complete(HELLO).usage.tokens is None
        except ModelUnavailable as error:
            assert "gave no reply" in str(error)


def test_what_was_kept_is_cheaper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    kept = {
        "prompt_tokens": 1000,
        "completion_tokens": 10,
        "total_tokens": 1010,
        "prompt_tokens_details": {"cached_tokens": 900},
    }
    with serve([Act(text="fine", usage=kept)]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)  # so that the price stays known
        named = LiteLLMModel("openai/gpt-4o")
        usage = named.complete(HELLO).usage
    assert usage.cached_tokens == 900
    assert usage.usd is not None
    assert 0 < usage.usd < (named.price(1000, 10) or 0)


def test_seed_and_temperature_go_along_or_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(["fine"]) as server:
        LiteLLMModel("openai/desk", api_base=server.url, seed=0, temperature=0.0).complete(HELLO)
    assert (server.requests[0]["seed"], server.requests[0]["temperature"]) == (0, 0.0)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert LiteLLMModel("anthropic/claude-sonnet-4-6", seed=1, temperature=0.5).dropped == ("seed",)


def test_a_beginning_is_marked_where_it_has_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    talk = [Message("system", ("Be brief.",))]
    for number in range(4):
        talk += [Message("user", (f"u{number}",)), Message("assistant", ("ok",))]
    with serve([Act(401)]) as server, pytest.raises(MissingKey):
        named = LiteLLMModel("anthropic/claude-sonnet-4-6", api_base=server.url)
        named.complete(talk[:-1])
    sent = server.requests[0]
    assert "cache_control" in sent["system"][0]
    marked = [part["text"] for m in sent["messages"] for part in m["content"]
              if isinstance(part, dict) and "cache_control" in part]  # fmt: skip
    assert marked == ["u1", "u2"]


def test_limits_are_the_models_or_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("ANTHROPIC_API_KEY", "MISTRAL_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(key, "k")
    claude = LiteLLMModel("anthropic/claude-sonnet-4-6").limits
    assert (claude.picture_side, claude.pictures) == (1568, 100)
    assert claude.context_tokens is not None
    assert claude.context_tokens >= 200_000
    assert LiteLLMModel("mistral/mistral-large-latest").limits.pictures == 8
    desk = LiteLLMModel("openai/gpt-4o", api_base="http://127.0.0.1:9/v1").limits
    assert desk == ModelLimits(None, 1280, None)


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
    assert LiteLLMModel("openai/gpt-4o").price(1000, 1000) == pytest.approx(0.0125)
    assert LiteLLMModel("openai/gpt-4o", api_base="http://127.0.0.1:9/v1").price(1000, 1000) is None
    assert LiteLLMModel("ollama_chat/gemma3").price(1000, 1000) == 0.0
    free = {"litellm_provider": "openai", "mode": "chat"}
    monkeypatch.setitem(litellm.model_cost, "openai/nothing-said", free)
    assert LiteLLMModel("openai/nothing-said").price(1000, 1000) is None


@pytest.mark.parametrize("asked", ["-5", "soon", "nan"])
def test_a_senseless_wait_is_not_kept(asked: str) -> None:
    slept: list[float] = []
    with serve([Act(429, headers={"retry-after": asked}), "fine"]) as server:
        model(server.url, slept).complete(HELLO)
    assert 0 < slept[0] < 2 * BUSY_BACK_OFF


def test_garbage_ends_in_a_typed_error() -> None:
    with serve([Act(garbage=True)]) as server, pytest.raises(ModelUnavailable):
        model(server.url).complete(HELLO)


@pytest.mark.parametrize("provider", KEYS)
def test_a_key_that_is_known_by_name_is_the_one_that_litellm_wants(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import litellm

    def missing() -> set[str]:
        return set(litellm.validate_environment(f"{provider}/any")["missing_keys"])

    for key in KEYS[provider]:
        monkeypatch.delenv(key, raising=False)
    assert missing()
    assert missing() <= set(KEYS[provider])
    for key in KEYS[provider]:
        with pytest.raises(MissingKey, match=key):
            check_key(f"{provider}/any", "model")
        with monkeypatch.context() as environment:
            environment.setenv(key, "a key")
            assert missing() == set()
            check_key(f"{provider}/any", "model")


def test_a_closed_port() -> None:
    with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9/v1 gave no reply"):
        model("http://127.0.0.1:9/v1").complete(HELLO)


def test_names_and_keys_are_checked_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownModel, match="provider/model"):
        LiteLLMModel("nonsense")
    with pytest.raises(MissingKey, match="ANTHROPIC_API_KEY"):
        LiteLLMModel("anthropic/claude-sonnet-4-6")
    monkeypatch.setenv("ANTHROPIC_API_KEY", " ")
    with pytest.raises(MissingKey, match="ANTHROPIC_API_KEY"):
        LiteLLMModel("anthropic/claude-sonnet-4-6")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert LiteLLMModel("anthropic/claude-sonnet-4-6").price(1000, 1000)
    assert LiteLLMModel("openai/desk", api_base="http://127.0.0.1:9/v1").price(1000, 1000) is None


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
