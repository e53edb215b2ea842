"""What every call of a model through litellm shares: names, keys, retries, errors in one line.

litellm takes seconds to import, so it is imported when an ``Endpoint`` is made.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import random
import re
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from rlm.errors import MissingKey, ModelUnavailable, UnknownModel

RETRIES = 4
"""Calls made before giving up on rate limits, server errors and lost connections."""
BACK_OFF = 1.0
"""Seconds before the first retry; it doubles, with jitter."""
BUSY_BACK_OFF = 8.0
"""The same after a rate limit that does not say how long: rates are counted by the minute."""
LONGEST_WAIT = 60.0
"""Seconds: a server that asks for more is waited for this long."""
PATIENCE = 600.0
"""Seconds after the first try in which another one may begin."""
_TOO_MANY = 429

# What litellm puts before a provider's own words, some of it twice.
_LITELLM_NAMES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception|Timeout)(?:: | - ))+")
_SECRETS = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
"""How environment variables end that hold what nobody else may read."""
_SHORTEST_KEY = 8
KEYS = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cohere": ("COHERE_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "gemini": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY",),
    "xai": ("XAI_API_KEY",),
}
"""Of which variables a provider wants one; of those that are not here litellm knows it."""
_LOGIN = re.compile(r"(https?://)[^/@\s]+@")
T = TypeVar("T")


class Endpoint:
    """Where calls of one model go.

    ``name`` is litellm's for the model, ``api_base`` the address of an OpenAI-compatible endpoint.
    ``what`` the model is, and ``like`` (a good name of one) are for messages, as is ``gives``, what
    is lacking when it does not answer. ``busy`` is told of every rate limit. Raises
    ``UnknownModel`` when no provider knows the name and ``MissingKey`` when the provider's key is
    not in the environment; neither needs the network.
    """

    def __init__(
        self,
        name: str,
        api_base: str | None,
        *,
        what: str,
        like: str,
        gives: str,
        sleep: Callable[[float], None] = time.sleep,
        busy: Callable[[], None] = lambda: None,
    ) -> None:
        if api_base is None:
            check_key(name, what)
        self.name = name
        self.api_base = api_base
        self.litellm = _litellm()
        self._what = what
        self._gives = gives
        self._sleep = sleep
        self._busy = busy
        try:
            self._short, provider, *_ = self.litellm.get_llm_provider(name, api_base=api_base)
        except self.litellm.exceptions.BadRequestError as error:
            raise UnknownModel(
                f"no provider knows a {what} {name!r}; write it as provider/model, as in {like}"
            ) from error
        self.provider = str(provider)
        missing = self._missing_keys()
        if missing and api_base is None:
            raise _no_key(name, missing, what)

    def options(self, timeout: float) -> dict[str, Any]:
        """What to give litellm with a call: address, key, and no retries of its own."""
        options: dict[str, Any] = {
            "model": self.name,
            "timeout": timeout,
            "num_retries": 0,
            "max_retries": 0,
        }
        if self.api_base is not None:
            options["api_base"] = self.api_base
            if self._missing_keys():
                options["api_key"] = "none"  # local endpoints want none, the client insists on one
        return options

    def takes(self, parameter: str, value: float) -> bool:
        """Whether the provider takes this ``value`` of a parameter of the OpenAI protocol."""
        try:
            self.litellm.utils.get_optional_params(
                model=self._short, custom_llm_provider=self.provider, **{parameter: value}
            )
        except self.litellm.exceptions.UnsupportedParamsError:
            return False
        return True

    def retry(self, call: Callable[[], T], may_pass: Callable[[Exception], bool]) -> T:
        """``call()``, again and again with back-off and jitter while what it raises may pass.

        No try begins later than ``PATIENCE`` after the first. Raises ``ModelUnavailable`` when the
        last try fails too; what may not pass as it is.
        """
        began = time.monotonic()
        for attempt in range(RETRIES):
            try:
                return call()
            except Exception as error:
                if not may_pass(error):
                    raise
                if getattr(error, "status_code", None) == _TOO_MANY:
                    self._busy()
                wait = _wait(error, attempt)
                too_late = time.monotonic() - began + wait > PATIENCE
                if attempt == RETRIES - 1 or too_late or _is_broke(error):
                    raise self.unavailable(error) from error
                self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def refused(self, error: Exception) -> MissingKey:
        """The error to raise when the key was not accepted."""
        return MissingKey(f"{self.name} refused the key: {error_line(error)}")

    def unknown(self, error: Exception) -> UnknownModel:
        """The error to raise when the provider has no such model."""
        return UnknownModel(f"the provider has no {self._what} {self.name!r}: {error_line(error)}")

    def unavailable(self, error: Exception) -> ModelUnavailable:
        """The error to raise when no answer is to be had."""
        where = f" at {_without_login(self.api_base)}" if self.api_base else ""
        return ModelUnavailable(
            f"{self.name}{where} gave no {self._gives}: {error_line(error)}; check the endpoint "
            "and try again"
        )

    def _missing_keys(self) -> list[str]:
        missing = self.litellm.validate_environment(self.name)["missing_keys"]
        # What is no secret may come from elsewhere: a default address, a cloud's own credentials.
        return [n for n in missing if n.endswith(("_API_KEY", "_TOKEN"))] or self._empty_keys()

    def _empty_keys(self) -> list[str]:
        """The provider's keys in the environment, where all are empty: litellm takes these."""
        mine = re.compile(self.provider.upper().replace("_", "_?") + "_(API_KEY|(AUTH_)?TOKEN)")
        keys = {name: value for name, value in os.environ.items() if mine.fullmatch(name)}
        return [] if any(value.strip() for value in keys.values()) else list(keys)


def check_key(name: str, what: str) -> None:
    """Raise ``MissingKey`` where it is plain without litellm that the key for ``name`` is missing.

    ``what`` the model is, is for the message.
    """
    provider, slash, _ = name.partition("/")
    wanted = KEYS.get(provider, ()) if slash else ()
    if wanted and not any(os.environ.get(key, "").strip() for key in wanted) and not _has_dotenv():
        raise _no_key(name, wanted, what)


def provider_of(name: str) -> str:
    """The provider of a model by litellm's name; empty where none knows it."""
    litellm = _litellm()
    try:
        return str(litellm.get_llm_provider(name)[1])
    except litellm.exceptions.BadRequestError:
        return ""


def error_line(error: Exception) -> str:
    """What went wrong in one line of at most 200 characters, without litellm's prefixes.

    A server may quote the key it was sent, and errors are written down: keys are left out.
    """
    words = _LITELLM_NAMES.sub("", " ".join(str(error).split()))
    words = _LOGIN.sub(r"\1", words)
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_KEY and name.upper().endswith(_SECRETS):
            words = words.replace(value, f"({name})")
    return words if len(words) <= 200 else words[:197] + "..."


def _no_key(name: str, missing: Iterable[str], what: str) -> MissingKey:
    return MissingKey(
        f"{name} needs {' or '.join(missing)} in the environment; set it, or choose another {what}"
    )


def _has_dotenv() -> bool:
    """Whether litellm reads a file of variables when it is imported: one in a folder above it."""
    spec = importlib.util.find_spec("litellm")
    folders = Path(spec.origin).parents if spec is not None and spec.origin else ()
    return any((folder / ".env").is_file() for folder in folders)


def _without_login(address: str) -> str:
    return _LOGIN.sub(r"\1", address).partition("?")[0]


def _litellm() -> Any:
    # Without this litellm fetches its price list over the network when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    # A usage that makes no sense is dealt with where it is read.
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
    logging.getLogger("LiteLLM").setLevel(logging.ERROR)  # its advice is for whoever calls it
    return litellm


def _wait(error: Exception, attempt: int) -> float:
    """Seconds to the next try: what the server asks for, else the back-off with its jitter."""
    asked = _retry_after(error)
    if asked is not None:
        return asked
    first = BUSY_BACK_OFF if getattr(error, "status_code", None) == _TOO_MANY else BACK_OFF
    return first * 2.0**attempt * random.uniform(0.7, 1.3)


def _is_broke(error: Exception) -> bool:
    """Whether a rate limit is really an account without money, which no waiting fills."""
    return "insufficient_quota" in str(error)


def _retry_after(error: Exception) -> float | None:
    """The seconds a server asks to be left alone for."""
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", {})
    try:
        asked = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return asked if 0 <= asked <= LONGEST_WAIT else LONGEST_WAIT if asked > 0 else None
