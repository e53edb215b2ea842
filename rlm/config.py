"""Settings, and the one order they are looked up in.

For each setting: the command line, the environment (``VIDEORLM_MODEL`` and so on), the file
``videorlm.toml`` in the working folder, the user's ``config.toml`` in ``~/.config/videorlm``, the
built-in default.

A folder may come from anybody: its ``videorlm.toml`` may not set ``api_base``, to which the user's
questions, pictures and key would go.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from rlm.errors import UsageError
from rlm.sources import PREFIX, Set, variable, written

VARIABLES = {
    variable("weights"): "folder with weights, beside the hub's cache",
    variable("debug"): "1 shows the traceback of an unexpected error",
}
"""Variables that are no settings: no file may hold them."""


class Config(BaseModel):
    """Every setting a file or the environment may hold; ``None`` is not set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(default=None, description="language model, as litellm names it")
    api_base: str | None = Field(
        default=None, description="address of an OpenAI-compatible endpoint; not in videorlm.toml"
    )
    fallback_model: tuple[str, ...] = Field(
        default=(), description="models that take over: a list, or names with commas between them"
    )
    sub_model: str | None = Field(default=None, description="model of the code's sub-questions")
    seed: int | None = Field(default=None, description="seed of the model, where it takes one")
    temperature: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="temperature, where it takes one",
    )
    model_timeout: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="seconds the model may stay silent"
    )
    reply_cache: Path | None = Field(default=None, description="folder in which replies are kept")
    calibrator: Path | None = Field(
        default=None, description="file that says what confidence stands for (eval calibrate)"
    )
    preset: str | None = Field(
        default=None, description="builtin, fast, balanced, quality, or a folder with weights"
    )
    max_turns: PositiveInt | None = Field(default=None, description="turns before the wrap-up")
    max_calls: PositiveInt | None = Field(
        default=None, description="calls to any model, in all sessions and votes"
    )
    max_tokens: PositiveInt | None = Field(default=None, description="tokens before it")
    max_usd: PositiveFloat | None = Field(default=None, description="dollars before it")
    max_seconds: PositiveFloat | None = Field(default=None, description="seconds before it")
    max_frames: PositiveInt | None = Field(default=None, description="frames models may be shown")
    max_depth: NonNegativeInt | None = Field(default=None, description="levels of sub-sessions")
    transcripts: Path | None = Field(default=None, description="folder of the transcripts")
    cache: Path | None = Field(default=None, description="folder of the indexes")
    pictures: Literal["auto", "kitty", "iterm", "blocks", "none"] | None = Field(
        default=None, description="frames in the terminal: auto, kitty, iterm, blocks or none"
    )

    @field_validator("fallback_model", mode="before")
    @classmethod
    def _listed(cls, names: Any) -> Any:
        # A variable holds one text: the names in it are parted by commas.
        if not isinstance(names, str):
            return names
        return tuple(name.strip() for name in names.split(",") if name.strip())

    @field_validator("transcripts", "cache", "reply_cache", "calibrator")
    @classmethod
    def _at_home(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path else None

    def having(self, **values: Any) -> Config:
        """These settings with ``values`` in their place; ``None`` and an empty list leave one be.

        Raises ``UsageError`` for a value that makes no sense, naming the option.
        """
        given = {name: value for name, value in values.items() if value not in (None, (), [])}
        try:
            return Config.model_validate(self.model_dump() | given)
        except ValidationError as error:
            first = error.errors()[0]
            option = str(first["loc"][0]).replace("_", "-")
            raise UsageError(f"--{option}: {first['msg']}") from error


def load_config() -> Config:
    """The settings in force without the command line.

    Raises ``UsageError`` for a file or variable that cannot be read, naming it.
    """
    return checked(written(Config.model_fields))


def checked(found: Mapping[str, Set]) -> Config:
    """Settings from what was ``found``.

    Raises ``UsageError`` for a name or value that makes no sense, naming where it stands.
    """
    try:
        return Config.model_validate({name: each.value for name, each in found.items()})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        where = found[name].source
        if first["type"] == "extra_forbidden":
            raise UsageError(f"{where}: no setting {name!r}; {_there_are(name)}") from error
        raise UsageError(f"{where}: {name}: {first['msg']}") from error


def unknown_variables() -> dict[str, str]:
    """Variables with our prefix that mean nothing, each with what may be meant."""
    known = [*map(variable, Config.model_fields), *VARIABLES]
    ends = [name.removeprefix(PREFIX) for name in known]
    unknown = {}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            close = get_close_matches(name.removeprefix(PREFIX).upper(), ends, 1)
            meant = f"did you mean {PREFIX}{close[0]}?" if close else "videorlm config has them all"
            unknown[name] = meant
    return unknown


def _there_are(name: str) -> str:
    close = get_close_matches(name, Config.model_fields, 1)
    return (
        f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(Config.model_fields)}"
    )
