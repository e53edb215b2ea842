"""The language models of a run, made from what was chosen and from the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rlm.agent.choose import BUILTIN, Choice
from rlm.agent.fallback import FallbackModel
from rlm.agent.llm import LanguageModel
from rlm.agent.models import Models
from rlm.agent.reply_cache import CachedModel
from rlm.config import Config
from rlm.endpoints import check_key
from rlm.errors import UsageError

Notify = Callable[[str], None]
SAMPLING = ("seed", "temperature")
"""Settings that say how a reply is drawn."""


def make_models(
    chosen: Choice,
    api_base: str | None,
    config: Config,
    notify: Notify,
    busy: Callable[[], None] = lambda: None,
) -> Models:
    """The model that answers, and the one for what is below where the settings name one.

    Both go over to the same fallbacks. ``api_base`` is where ``chosen`` is, and with it every model
    of the same provider: what was meant for one's own endpoint goes nowhere else by mistake.
    ``busy`` is told of every rate limit.

    Raises ``UsageError`` for an address that is none or a folder that cannot be written,
    ``UnknownModel`` or ``MissingKey`` for any of the models.
    """

    def make(name: str) -> LanguageModel:
        return make_model(name, address_of(name, chosen.name, api_base), config, notify, busy)

    check_keys(chosen.name, api_base, config)
    answering = make(chosen.name)
    sub = make(config.sub_model) if config.sub_model else None
    fallbacks = [make(name) for name in config.fallback_model]
    if fallbacks:
        answering = FallbackModel([answering, *fallbacks], notify)
        sub = FallbackModel([sub, *fallbacks], notify) if sub else None
    return Models(answering, sub)


def check_keys(name: str, api_base: str | None, config: Config) -> None:
    """Raise ``MissingKey`` where it is plain that there is none for a model that is named.

    ``name`` is of the one that answers, at ``api_base``, or empty. Nothing that takes its time is
    imported.
    """
    if api_base is None:
        for each in filter(None, (name, config.sub_model, *config.fallback_model)):
            check_key(each, "model")


def make_model(
    name: str,
    api_base: str | None = None,
    config: Config | None = None,
    notify: Notify = lambda line: None,
    busy: Callable[[], None] = lambda: None,
) -> LanguageModel:
    """The model of that name, at the address ``api_base`` if one is given.

    ``config`` has its sampling, its time-out and where its replies are kept; ``notify`` is told
    what of these it does not take, ``busy`` of every rate limit. Raises as :func:`make_models`.
    """
    config = config or Config()
    if api_base is not None and not api_base.startswith(("http://", "https://")):
        raise UsageError(f"{api_base!r} is no address of an endpoint; it begins with http://")
    if name == BUILTIN:
        from rlm.agent.policy import BuiltinModel

        _say_dropped(name, [key for key in SAMPLING if getattr(config, key) is not None], notify)
        return BuiltinModel()
    from rlm.agent.litellm_model import SILENCE, LiteLLMModel

    model = LiteLLMModel(
        name,
        api_base=api_base,
        timeout=config.model_timeout or SILENCE,
        seed=config.seed,
        temperature=config.temperature,
        busy=busy,
    )
    _say_dropped(name, model.dropped, notify)
    if config.reply_cache is None:
        return model
    parameters = {key: getattr(config, key) for key in SAMPLING} | {"api_base": api_base}
    return CachedModel(model, config.reply_cache, parameters)


def _say_dropped(name: str, parameters: Iterable[str], notify: Notify) -> None:
    for parameter in parameters:
        notify(f"model: {name} takes no such {parameter}, so it is left out")


def address_of(name: str, chosen: str, api_base: str | None) -> str | None:
    """Where the model ``name`` is, when the model ``chosen`` is at ``api_base``."""
    if name == chosen or api_base is None:
        return api_base
    if BUILTIN in (name, chosen):
        return None
    from rlm.endpoints import provider_of

    return api_base if provider_of(name) == provider_of(chosen) else None
