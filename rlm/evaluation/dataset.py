"""What a reader makes of the annotations of a set, and how readers are found by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol

from rlm.errors import UsageError
from rlm.evaluation.items import Item


@dataclass(frozen=True)
class About:
    """What a user has to know of a set before it is read.

    ``questions`` is how many its official annotations hold, ``None`` where that is the user's
    doing; ``annotations`` says which files are wanted and where they come from.
    """

    title: str
    questions: int | None
    metric: str
    annotations: str
    licence: str


@dataclass(frozen=True)
class DataSet:
    """The items of a set in the order of its annotations.

    ``missing`` tells by id why the video of an item cannot be had; the ``video`` of such an item is
    where it was expected. ``notes`` tell what was odd about the annotations, a line each.
    """

    name: str
    items: tuple[Item, ...]
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def present(self) -> tuple[Item, ...]:
        """The items whose video is there."""
        return tuple(item for item in self.items if item.id not in self.missing)

    @property
    def absent(self) -> tuple[Item, ...]:
        """The items whose video is missing."""
        return tuple(item for item in self.items if item.id in self.missing)

    def told_missing(self, first: int = 3) -> str:
        """How many questions have nothing to be looked at, with the first reasons; or nothing."""
        absent = self.absent
        if not absent:
            return ""
        reasons = list(dict.fromkeys(self.missing[item.id] for item in absent))
        more = "; ..." if len(reasons) > first else ""
        return (
            f"{len(absent)} of {len(self.items)} questions of {self.name} have no video to be "
            f"looked at, on {len({item.video for item in absent})} of "
            f"{len({item.video for item in self.items})} videos: {'; '.join(reasons[:first])}{more}"
        )


class DatasetReader(Protocol):
    """Turns the files of a set, as its authors publish them, into items."""

    @property
    def name(self) -> str:
        """The short name."""
        ...

    @property
    def about(self) -> About:
        """What the set is."""
        ...

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """The set whose annotations are a file or a folder, and whose videos lie in ``videos``.

        Raises ``UsageError`` for annotations that cannot be read, and for a row that is none, which
        it names with its file and field.
        """
        ...


DATASETS: Mapping[str, str] = {
    "nextqa": "rlm.evaluation.datasets.nextqa:NextQA",
    "egoschema": "rlm.evaluation.datasets.egoschema:EgoSchema",
    "mvbench": "rlm.evaluation.datasets.mvbench:MVBench",
    "videomme": "rlm.evaluation.datasets.videomme:VideoMME",
    "lvbench": "rlm.evaluation.datasets.lvbench:LVBench",
    "longvideobench": "rlm.evaluation.datasets.longvideobench:LongVideoBench",
    "mlvu": "rlm.evaluation.datasets.mlvu:Mlvu",
    "tempcompass": "rlm.evaluation.datasets.tempcompass:TempCompass",
    "tomato": "rlm.evaluation.datasets.tomato:Tomato",
    "perception_test": "rlm.evaluation.datasets.perception_test:PerceptionTest",
    "activitynet_qa": "rlm.evaluation.datasets.activitynet_qa:ActivityNetQA",
    "ek100": "rlm.evaluation.datasets.ek100:EK100",
    "jsonl": "rlm.evaluation.datasets.jsonl:Jsonl",
}
"""Where the reader of each set is, by short name."""


def load_reader(name: str) -> DatasetReader:
    """The reader of a set: one of ``DATASETS``, in any case, or ``"package.module:Class"``.

    Raises ``UsageError`` where there is none, or it cannot be imported.
    """
    where = DATASETS.get(name.lower(), name)
    module, colon, attribute = where.partition(":")
    if not colon:
        raise UsageError(
            f"there is no data set {name!r}; there are {', '.join(DATASETS)}, or name a reader of "
            "your own as package.module:Class"
        )
    try:
        reader = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError, TypeError) as error:
        raise UsageError(f"the data set {name!r} cannot be loaded: {error}") from error
    loaded: DatasetReader = reader
    return loaded
