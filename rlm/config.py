"""Settings, and the one order they are looked up in.

For each setting: the command line, the environment (``VIDEORLM_MODEL`` and so on), the file
``videorlm.toml`` in the working folder, the user's ``config.toml`` in ``~/.config/videorlm``, the
built-in default.

A folder may come from anybody: its ``videorlm.toml`` may not set ``api_base``, to which the user's
questions, pictures and key would go.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

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

PREFIX = "VIDEORLM_"
FOLDER_FILE = Path("videorlm.toml")


class Config(BaseModel):
    """Every setting a file or the environment may hold; ``None`` is not set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = None
    api_base: str | None = None
    fallback_model: tuple[str, ...] = ()
    sub_model: str | None = None
    seed: int | None = None
    temperature: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    model_timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    reply_cache: Path | None = None
    preset: str | None = None
    max_turns: PositiveInt | None = None
    max_tokens: PositiveInt | None = None
    max_usd: PositiveFloat | None = None
    max_seconds: PositiveFloat | None = None
    max_frames: PositiveInt | None = None
    max_depth: NonNegativeInt | None = None
    transcripts: Path | None = None
    cache: Path | None = None

    @field_validator("fallback_model", mode="before")
    @classmethod
    def _listed(cls, names: Any) -> Any:
        # A variable holds one text: the names in it are parted by commas.
        if not isinstance(names, str):
            return names
        return tuple(name.strip() for name in names.split(",") if name.strip())

    @field_validator("transcripts", "cache", "reply_cache")
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


def user_file() -> Path:
    """The user's own settings."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "videorlm" / "config.toml"


def load_config() -> Config:
    """The settings in force without the command line.

    Raises ``UsageError`` for a file or variable that cannot be read, naming it.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for file in (user_file(), FOLDER_FILE):
        for name, value in _read(file).items():
            if file == FOLDER_FILE and name == "api_base":
                raise UsageError(
                    f"{file}: api_base may not be set by a folder; use --api-base, "
                    f"{PREFIX}API_BASE or {user_file()}"
                )
            values[name], sources[name] = value, str(file)
    for name in Config.model_fields:
        variable = PREFIX + name.upper()
        if os.environ.get(variable):
            values[name], sources[name] = os.environ[variable], variable
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            known = ", ".join(Config.model_fields)
            raise UsageError(f"{sources[name]}: no setting {name!r}; there are: {known}") from error
        raise UsageError(f"{sources[name]}: {name}: {first['msg']}") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
