"""Replies kept on disk: the same messages to the same model are paid for once.

A reply lies in ``<key>.json``, where the key is the digest of the model's name, its parameters and
the messages, pictures by their own digests. Neither the messages nor any key is written down.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rlm.agent.llm import LanguageModel, Message, ModelLimits, Picture, Reply, Usage
from rlm.errors import UsageError

_SCHEMA = 1
_FREE = Usage(0, 0, 0.0, 0)


class _Entry(BaseModel):
    """A file of the cache; ``usage`` is that of the call that was paid for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    schema_version: int
    key: str
    text: str
    reasoning: str
    cut: bool
    model: str
    usage: dict[str, int | float | None]


class CachedModel:
    """``model``, with its replies recorded in ``folder`` and given again without a call.

    ``parameters`` are all that makes another reply of the same messages, such as the temperature or
    the endpoint's address. A recorded reply costs nothing: its usage is zero and it is marked
    ``cached``. A damaged file counts for none and is replaced; several processes may share a
    folder.

    Raises ``UsageError`` when the folder cannot be made or written.
    """

    def __init__(
        self, model: LanguageModel, folder: Path, parameters: Mapping[str, object] | None = None
    ) -> None:
        self.name = model.name
        self._model = model
        self._folder = folder
        self._parameters = dict(parameters or {})
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UsageError(
                f"replies cannot be kept in {folder}: {error.strerror}; choose another folder with "
                "--reply-cache"
            ) from error

    @property
    def limits(self) -> ModelLimits:
        """Those of the model."""
        return self._model.limits

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Dollars of a call that is not recorded yet."""
        return self._model.price(input_tokens, output_tokens)

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """The recorded reply, else the model's own, which is then recorded.

        Raises what the model raises; no failure is recorded.
        """
        key = self._key(messages)
        file = self._folder / f"{key}.json"
        if (kept := _read(file, key)) is not None:
            if on_text is not None and kept.text:
                on_text(kept.text)
            return kept
        reply = self._model.complete(messages, on_text)
        with suppress(OSError):  # a full disk must not cost a reply that was paid for
            _write(file, key, reply)
        return reply

    def _key(self, messages: Sequence[Message]) -> str:
        said = [
            [m.role, *({"jpeg": p.sha256} if isinstance(p, Picture) else p for p in m.parts)]
            for m in messages
        ]
        asked = [_SCHEMA, self.name, self._parameters, said]
        return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _read(file: Path, key: str) -> Reply | None:
    try:
        entry = _Entry.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
    if (entry.schema_version, entry.key) != (_SCHEMA, key):
        return None
    read = entry.usage.get("input_tokens")
    return Reply(
        entry.text, _FREE, entry.reasoning, entry.cut, entry.model, cached=True,
        read=read if isinstance(read, int) else None,
    )  # fmt: skip


def _write(file: Path, key: str, reply: Reply) -> None:
    entry = _Entry(
        schema_version=_SCHEMA,
        key=key,
        text=reply.text,
        reasoning=reply.reasoning,
        cut=reply.cut,
        model=reply.model,
        usage=asdict(reply.usage),
    )
    handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(entry.model_dump_json(indent=1))
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
