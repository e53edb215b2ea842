"""Probes that the user trained or imported: a folder each, kept for one revision of an encoder.

They lie in ``videorlm/probes`` in the user's data folder (``$XDG_DATA_HOME``, else
``~/.local/share``), since labels, unlike an index, cannot be computed again:
``<task>-<revision>/`` with the tensors in ``probe.safetensors`` and all that is known of them in
``probe.json``. Nothing here imports torch before a probe is loaded.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rlm.encoders.presets import EncoderSpec
from rlm.errors import EncoderError, UsageError, WeightsMissing
from rlm.locks import locked
from rlm.sources import data_folder

if TYPE_CHECKING:
    from torch import Tensor

    from rlm.encoders.probes import Probe

SCHEMA = 1
CARD_FILE = "probe.json"
TENSORS_FILE = "probe.safetensors"
_ASIDE = ".old-"
"""What the folder of a probe is called for the moment in which a new one takes its place."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


class Trained(BaseModel):
    """How a probe came about that was fitted here.

    ``spans`` are those it was fitted on, as (the first 16 digits of the video's SHA-256, start,
    end), so that nobody measures it on what it has seen; ``counts`` are spans of each class, held
    out or not; ``right`` of ``held_out`` spans it never saw are told right, and ``apart`` of these
    are independent (``None``: all).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    counts: dict[str, int]
    split: str
    seed: int
    right: int = Field(ge=0)
    held_out: int = Field(ge=1)
    apart: int | None = Field(default=None, ge=1)
    spans: list[tuple[str, float, float]]

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        if max(self.right, self.apart or 1) > self.held_out:
            raise ValueError(
                f"more than the {self.held_out} spans held out are told right or apart"
            )
        return self


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
    return data_folder() / "probes"


def check_task(task: str) -> str:
    """``task`` itself, if it can name a probe and its folder; else ``UsageError``."""
    if not _NAME.fullmatch(task):
        raise UsageError(
            f"a task is named in up to 40 of a-z, 0-9, '-', '_' and '.', not {task!r:.60}"
        )
    return task


def save_probe(root: Path, card: ProbeCard, state: Mapping[str, Tensor]) -> Path:
    """Write a probe, whole or not at all, in the place of one of its name; the folder it is in.

    At every moment one of the two is whole and found, whatever ends this process. Of processes
    that save at once, one waits for the other.

    Raises ``UsageError`` for the name of the task, ``EncoderError`` when ``root`` cannot be
    written to.
    """
    from safetensors.torch import save

    folder = root / f"{check_task(card.task)}-{card.revision}"
    writing, aside = root / f".writing-{folder.name}", root / f"{_ASIDE}{folder.name}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with locked(root / f".lock-{folder.name}"):
            # What a process left that was killed: nobody else writes here while we hold the lock.
            shutil.rmtree(writing, ignore_errors=True)
            if folder.exists():
                shutil.rmtree(aside, ignore_errors=True)
            try:
                writing.mkdir()
                # In Python, not by ``save_file``, whose errors are of a kind of their own.
                content = save({name: tensor.contiguous() for name, tensor in state.items()})
                (writing / TENSORS_FILE).write_bytes(content)
                whole = card.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
                (writing / CARD_FILE).write_text(whole.model_dump_json(indent=1), encoding="utf-8")
                _replace(folder, writing, aside)
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


def _replace(folder: Path, writing: Path, aside: Path) -> None:
    """Put ``writing`` where ``folder`` is, which readers find ``aside`` meanwhile."""
    if folder.exists():
        folder.rename(aside)
    try:
        writing.rename(folder)
    except OSError:
        if aside.exists():
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def registered(root: Path) -> Iterator[tuple[Path, ProbeCard | WeightsMissing]]:
    """The folders and cards of all probes, by name; where a card cannot be read, why."""
    for file in _cards(root, "*"):
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
    name = f"{task}-{spec.revision}"
    for file in _cards(root, name):
        card, folder = _card(file), file.parent
        if (card.task, card.revision) == (task, spec.revision):
            return folder, card
        raise WeightsMissing(
            f"{folder} holds a probe for {card.task!r} on {card.encoder}, not what its name says: "
            "remove it"
        )
    for file in _cards(root, f"{task}-*"):
        try:
            card = _card(file)
        except WeightsMissing:  # of another task, or of other weights: it is not asked for
            continue
        if card.task == task:
            raise WeightsMissing(
                f"the probe for {task!r} reads {card.encoder}, not {spec.model}@{spec.revision} "
                f"(preset {spec.preset.name}): features of other weights mean nothing to it; train "
                "or import it again with this preset (`videorlm probe`)"
            )
    return None


def read_probe(root: Path, task: str, spec: EncoderSpec) -> tuple[Probe, ProbeCard] | None:
    """The probe that ``find_probe`` finds, loaded, and its card.

    Raises ``WeightsMissing`` as ``find_probe`` and ``load_probe`` do.
    """
    found = find_probe(root, task, spec)
    if found is None:
        return None
    try:
        return load_probe(*found), found[1]
    except WeightsMissing:
        # Another process may have saved a probe after we read the card.
        again = find_probe(root, task, spec)
        if again is None or again == found:
            raise
        return load_probe(*again), again[1]


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
    from rlm.encoders.published import PooledClassifier, check_names

    card = ProbeCard.model_validate_json(told)
    with usable("probe", folder):
        file = folder / TENSORS_FILE
        if _digest(file) != card.sha256:
            raise ValueError(f"{TENSORS_FILE} is not the file that was saved: train it again")
        state = read_tensors(file)
        check_names(tuple(card.classes))
        if card.form == "pooler":
            head = PooledClassifier.of(state)
            if head.classifier.out_features != len(card.classes):
                raise ValueError(
                    f"{CARD_FILE} names {len(card.classes)} classes, and the probe tells "
                    f"{head.classifier.out_features}"
                )
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


def _cards(root: Path, pattern: str) -> list[Path]:
    """The cards in the folders of ``root`` that match ``pattern``, by name.

    One that is aside counts where nothing is in its place yet, or ever will be.
    """
    folders = root.glob(f"{pattern}/{CARD_FILE}")
    here = [file for file in folders if not file.parent.name.startswith(".")]
    aside = [
        file
        for file in root.glob(f"{_ASIDE}{pattern}/{CARD_FILE}")
        if not (root / file.parent.name.removeprefix(_ASIDE) / CARD_FILE).is_file()
    ]
    return sorted([*here, *aside], key=lambda file: file.parent.name.removeprefix(_ASIDE))


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
