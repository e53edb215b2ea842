"""Probes that the user trained or imported: a folder each, kept for one revision of an encoder.

They lie in ``videorlm/probes`` in the user's data folder (``$XDG_DATA_HOME``, else
``~/.local/share``), since labels, unlike an index, cannot be computed again:
``<task>-<revision>/`` with the tensors in ``probe.safetensors`` and all that is known of them in
``probe.json``. Nothing here imports torch before a probe is loaded.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rlm.encoders.presets import EncoderSpec
from rlm.errors import EncoderError, UsageError, WeightsMissing

if TYPE_CHECKING:
    from torch import Tensor

    from rlm.encoders.probes import Probe

SCHEMA = 1
CARD_FILE = "probe.json"
TENSORS_FILE = "probe.safetensors"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


class Trained(BaseModel):
    """How a probe came about that was fitted here.

    ``spans`` are those it was fitted on, as (the first 16 digits of the video's SHA-256, start,
    end), so that nobody measures it on what it has seen; ``counts`` are spans of each class, held
    out or not; ``right`` of ``held_out`` spans it never saw are told right.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    counts: dict[str, int]
    split: str
    seed: int
    right: int
    held_out: int
    spans: list[tuple[str, float, float]]


class ProbeCard(BaseModel):
    """What ``probe.json`` holds.

    ``form`` is ``"attentive"`` (``probes.AttentiveProbe``) or ``"pooler"``
    (``published.PooledClassifier``, in the numbers of Meta's files). ``frames`` at ``fps`` are the
    windows it reads, ``ahead`` the seconds after them of which it speaks (a probe of what the
    predictor foretells), ``sha256`` that of the tensors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SCHEMA
    task: str
    classes: list[str]
    model: str
    revision: str
    hidden: int
    form: Literal["attentive", "pooler"]
    frames: int
    fps: float
    ahead: float = 0.0
    made: str
    source: str
    trained: Trained | None = None
    sha256: str = ""

    @property
    def encoder(self) -> str:
        """The encoder it reads, as spaces name it."""
        return f"{self.model}@{self.revision}"


def default_root() -> Path:
    """``videorlm/probes`` in the user's data folder."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "videorlm" / "probes"


def check_task(task: str) -> str:
    """``task`` itself, if it can name a probe and its folder; else ``UsageError``."""
    if not _NAME.fullmatch(task):
        raise UsageError(
            f"a task is named in up to 40 of a-z, 0-9, '-', '_' and '.', not {task!r:.60}"
        )
    return task


def save_probe(root: Path, card: ProbeCard, state: Mapping[str, Tensor]) -> Path:
    """Write a probe, whole or not at all, in the place of one of its name; the folder it is in.

    Raises ``UsageError`` for the name of the task, ``EncoderError`` when ``root`` cannot be
    written to.
    """
    from safetensors.torch import save_file

    folder = root / f"{check_task(card.task)}-{card.revision}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        writing = Path(tempfile.mkdtemp(prefix=".writing-", dir=root))
        try:
            file = writing / TENSORS_FILE
            save_file({name: tensor.contiguous() for name, tensor in state.items()}, file)
            whole = card.model_copy(update={"sha256": _digest(file)})
            (writing / CARD_FILE).write_text(whole.model_dump_json(indent=1), encoding="utf-8")
            writing.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)
            writing.rename(folder)
        finally:
            shutil.rmtree(writing, ignore_errors=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space or choose" if full else "choose"
        raise EncoderError(
            f"the probe cannot be written to {root}: {reason}; {remedy} another data folder "
            "(XDG_DATA_HOME)"
        ) from error
    return folder


def registered(root: Path) -> Iterator[tuple[Path, ProbeCard | WeightsMissing]]:
    """The folders and cards of all probes, by name; where a card cannot be read, why."""
    for file in sorted(root.glob(f"*/{CARD_FILE}")):
        if not file.parent.name.startswith("."):
            try:
                yield file.parent, _card(file)
            except WeightsMissing as error:
                yield file.parent, error


def find_probe(root: Path, task: str, spec: EncoderSpec) -> tuple[Path, ProbeCard] | None:
    """The probe for ``task`` that reads the encoder of ``spec``, or ``None`` when nobody made one.

    Raises ``WeightsMissing`` when there is one for another revision only, since it would read
    features it was not fitted on, and when its card cannot be read.
    """
    if not _NAME.fullmatch(task):
        return None
    folder = root / f"{task}-{spec.revision}"
    if (folder / CARD_FILE).is_file():
        card = _card(folder / CARD_FILE)
        if (card.task, card.revision) == (task, spec.revision):
            return folder, card
        raise WeightsMissing(
            f"{folder} holds a probe for {card.task!r} on {card.encoder}, not what its name says: "
            "remove it"
        )
    for file in sorted(root.glob(f"{task}-*/{CARD_FILE}")):
        card = _card(file)
        if card.task == task:
            raise WeightsMissing(
                f"the probe for {task!r} reads {card.encoder}, not {spec.model}@{spec.revision} "
                f"(preset {spec.preset.name}): features of other weights mean nothing to it; train "
                "or import it again with this preset (`videorlm probe`)"
            )
    return None


def load_probe(folder: Path, card: ProbeCard) -> Probe:
    """The probe in ``folder``, on the device that encoders run on.

    Raises ``WeightsMissing`` when its files are damaged or do not fit each other.
    """
    file = folder / TENSORS_FILE
    stamp = file.stat().st_mtime_ns if file.is_file() else 0
    return _loaded(folder, card.model_dump_json(), stamp)


@lru_cache(maxsize=4)
def _loaded(folder: Path, told: str, stamp: int) -> Probe:
    """Kept while nothing changes: a session asks for a task span by span."""
    from rlm.encoders.heads import read_tensors, usable
    from rlm.encoders.machine import pick_device
    from rlm.encoders.probes import AttentiveProbe, Probe
    from rlm.encoders.published import PooledClassifier

    card = ProbeCard.model_validate_json(told)
    with usable("probe", folder):
        file = folder / TENSORS_FILE
        if _digest(file) != card.sha256:
            raise ValueError(f"{TENSORS_FILE} is not the file that was saved: train it again")
        state = read_tensors(file)
        if card.form == "pooler":
            head = PooledClassifier.of(state)
            return Probe(
                head.to(pick_device()),
                tuple(card.classes),
                reads="future" if card.ahead else "tokens",
                ahead=card.ahead,
            )
        small = AttentiveProbe(card.hidden, len(card.classes))
        small.load_state_dict(state)
        small = small.to(pick_device()).eval().requires_grad_(False)
        return Probe(small, tuple(card.classes))


def _card(file: Path) -> ProbeCard:
    try:
        card = ProbeCard.model_validate_json(file.read_text(encoding="utf-8"))
        if card.schema_version != SCHEMA:
            raise ValueError(f"it is of schema {card.schema_version}, not {SCHEMA}")  # noqa: TRY301
    except (OSError, ValueError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsMissing(
            f"{file} is not the card of a probe: {reason}; remove {file.parent}"
        ) from error
    return card


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
