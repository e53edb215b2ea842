"""What every call of a model through litellm shares: names, keys, retries, errors in one line.

litellm takes seconds to import, so it is imported when an ``Endpoint`` is made.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from rlm.errors import MissingKey, ModelUnavailable, UnknownModel

RETRIES = 4
"""Calls made before giving up on rate limits, server errors and lost connections."""
BACK_OFF = 1.0
"""Seconds before the first retry; it doubles, with jitter."""
LONGEST_WAIT = 60.0
"""Seconds: a server that asks for more is waited for this long."""

# What litellm puts before a provider's own words, some of it twice.
_LITELLM_NAMES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception|Timeout)(?:: | - ))+")
T = TypeVar("T")


class Endpoint:
    """Where calls of one model go.

    ``name`` is litellm's for the model, ``api_base`` the address of an OpenAI-compatible endpoint.
    ``what`` the model is, and ``like`` (a good name of one) are for messages, as is ``gives``, what
    is lacking when it does not answer. Raises ``UnknownModel`` when no provider knows the name and
    ``MissingKey`` when the provider's key is not in the environment; neither needs the network.
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
    ) -> None:
        self.name = name
        self.api_base = api_base
        self.litellm = _litellm()
        self._what = what
        self._gives = gives
        self._sleep = sleep
        try:
            _, provider, *_ = self.litellm.get_llm_provider(name, api_base=api_base)
        except self.litellm.exceptions.BadRequestError as error:
            raise UnknownModel(
                f"no provider knows a {what} {name!r}; write it as provider/model, as in {like}"
            ) from error
        self.provider = str(provider)
        missing = self._missing_keys()
        if missing and api_base is None:
            raise MissingKey(
                f"{name} needs {' or '.join(missing)} in the environment; set it, or choose "
                f"another {what}"
            )

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

    def retry(self, call: Callable[[], T], may_pass: Callable[[Exception], bool]) -> T:
        """``call()``, again and again with back-off and jitter while what it raises may pass.

        Raises ``ModelUnavailable`` when the last try fails too; what may not pass as it is.
        """
        for attempt in range(RETRIES):
            try:
                return call()
            except Exception as error:
                if not may_pass(error):
                    raise
                if attempt == RETRIES - 1:
                    raise self.unavailable(error) from error
                asked = _retry_after(error)
                backed_off = BACK_OFF * 2**attempt * random.uniform(0.7, 1.3)
                self._sleep(backed_off if asked is None else asked)
        raise AssertionError("the last attempt returns or raises")

    def refused(self, error: Exception) -> MissingKey:
        """The error to raise when the key was not accepted."""
        return MissingKey(f"{self.name} refused the key: {error_line(error)}")

    def unknown(self, error: Exception) -> UnknownModel:
        """The error to raise when the provider has no such model."""
        return UnknownModel(f"the provider has no {self._what} {self.name!r}: {error_line(error)}")

    def unavailable(self, error: Exception) -> ModelUnavailable:
        """The error to raise when no answer is to be had."""
        where = f" at {self.api_base}" if self.api_base else ""
        return ModelUnavailable(
            f"{self.name}{where} gave no {self._gives}: {error_line(error)}; check the endpoint "
            "and try again"
        )

    def _missing_keys(self) -> list[str]:
        missing = self.litellm.validate_environment(self.name)["missing_keys"]
        # What is no secret may come from elsewhere: a default address, a cloud's own credentials.
        return [name for name in missing if name.endswith(("_API_KEY", "_TOKEN"))]


def error_line(error: Exception) -> str:
    """What went wrong in one line of at most 200 characters, without litellm's prefixes."""
    words = _LITELLM_NAMES.sub("", " ".join(str(error).split()))
    return words if len(words) <= 200 else words[:197] + "..."


def _litellm() -> Any:
    # Without this litellm fetches its price list over the network when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _retry_after(error: Exception) -> float | None:
    """The seconds a server asks to be left alone for."""
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", {})
    try:
        asked = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return asked if 0 <= asked <= LONGEST_WAIT else LONGEST_WAIT if asked > 0 else None
