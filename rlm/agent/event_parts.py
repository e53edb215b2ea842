"""What events are made of: their common fields, and the parts of the messages they tell."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_serializer,
    model_validator,
)

from rlm.agent.text import well_formed


class _Strict(BaseModel):
    # Built when first used, all in one: replay has to start at once.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _encodable(cls, values: Any) -> Any:
        # A lone surrogate, from a model or from the jail, could not be written down.
        if not isinstance(values, dict):
            return values
        return {name: _well_formed(value) for name, value in values.items()}


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    return tuple(map(_well_formed, value)) if isinstance(value, (list, tuple)) else value


class Text(_Strict):
    """Words in a message; written down as they are, read also with their kind."""

    kind: Literal["text"] = "text"
    text: str

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @model_serializer
    def _as_words(self) -> str:
        return self.text


class Image(_Strict):
    """A picture in a message: the name of a file ``media/<sha256>.jpg``, and its label."""

    kind: Literal["image"] = "image"
    sha256: str
    label: str = ""


def _kind(part: Any) -> str:
    if isinstance(part, str):
        return "text"
    return str(part.get("kind") if isinstance(part, dict) else part.kind)


Part = Annotated[
    Annotated[Text, Tag("text")] | Annotated[Image, Tag("image")], Discriminator(_kind)
]


class VideoInfo(_Strict):
    """Which video was asked about: its file's name, and the digest that decides."""

    name: str
    sha256: str
    duration: float
    width: int
    height: int
    frame_rate: float


class Event(_Strict):
    """What every event has.

    ``at`` is seconds since the run began; ``session`` the place in the tree of sessions of the one
    it comes from: empty for the first, ``1`` for its first sub-session, ``1.2`` for the second one
    below that.
    """

    transient: ClassVar[bool] = False
    at: float
    session: str = Field(default="", pattern=r"^([0-9]+(\.[0-9]+)*)?$")
