"""A run on several machines: every question, and every index, is a task of Ray.

::

    here                                      on any node
    worker ── question ──────────────> _ask   (waits for _index of its video)
      │                                  │
    RunFolder, Purse, Watch <── result, transcript

Everything of a run stays here but the work itself: a node returns what came of a question, and it
is written down once. When a node dies, Ray puts its questions to another one, from their start;
what the cut-off attempt was paid is not known. Nodes need this package, the videos under the same
path, the keys of models in their environment, and, if an index is to be built once for all, the
same cache.
"""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from rlm.agent.budget import AT_ONCE, Budget
from rlm.agent.calibrator import Calibrator
from rlm.agent.choose import Choice
from rlm.agent.session import Jail, default_jail
from rlm.config import Config
from rlm.errors import JailError, UsageError, VideoRLMError
from rlm.evaluation.attempt import Means, QuestionLost, attempt
from rlm.evaluation.indexes import Indexes
from rlm.evaluation.jails import jails
from rlm.evaluation.repeats import MakeModels, RepeatModels
from rlm.evaluation.results import ItemResult
from rlm.evaluation.supply import Job, Opened
from rlm.evaluation.systems import load_system

RETRIES = 3
"""More times that a question is put to another process when the one at it dies."""


@dataclass(frozen=True)
class Plan:
    """What a node makes its :class:`~rlm.evaluation.attempt.Means` from.

    ``sandbox_level`` is that of the run, ``None`` for a system without a jail.
    """

    system: str
    budget: Budget
    choice: Choice | None
    api_base: str | None
    config: Config
    repeats: int
    preset: str | None
    sandbox_level: str | None
    seed: int | None
    calibrator: Calibrator | None
    videos: Path
    make: MakeModels


@dataclass(frozen=True)
class _Returned:
    """What came of a question; ``files`` of its transcript by their path in a run's folder."""

    result: ItemResult
    error: Exception | None
    files: dict[str, bytes]


class Cluster:
    """Puts questions to the nodes of a cluster; get one from :func:`connected`."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._lock = threading.Lock()
        self._indexes: dict[Path, Any] = {}

    @property
    def cores(self) -> int:
        """Those of all nodes together."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def asking(
        self, plan: Plan, folder: Path, workers: int
    ) -> Callable[[Job], tuple[ItemResult, Exception | None]]:
        """What stands for :func:`~rlm.evaluation.attempt.attempt`, from any thread.

        Transcripts go to ``folder``. So many ``workers`` are at work at once, as far as they fit.
        Raises ``QuestionLost`` when processes keep dying over one question, and another
        ``VideoRLMError`` when the cluster is gone.
        """
        told = self._ray.put(pickle.dumps(plan))
        share = min(1.0, int(10_000 * self.cores / workers) / 10_000)
        ask = self._ray.remote(num_cpus=share, max_retries=RETRIES)(_ask)
        index = self._ray.remote(num_cpus=1, max_retries=RETRIES)(_index)

        def asked(job: Job) -> tuple[ItemResult, Exception | None]:
            path = job.item.video.absolute()
            job = replace(job, item=job.item.model_copy(update={"video": path}))
            with self._lock:
                if plan.preset is not None and path not in self._indexes:
                    self._indexes[path] = index.remote(told, path)
            found: _Returned = self._get(ask.remote(told, job, self._indexes.get(path)))
            _write(folder, found.files)
            return found.result, found.error

        return asked

    def _get(self, reference: Any) -> Any:
        lost = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except (lost.WorkerCrashedError, lost.NodeDiedError, lost.OutOfMemoryError) as error:
            raise QuestionLost(str(error).partition("\n")[0]) from error
        except lost.RayTaskError as error:  # a node that cannot work at all, as without a jail
            raise error.cause if isinstance(error.cause, VideoRLMError) else error from error
        except (lost.RayError, ConnectionError) as error:
            raise VideoRLMError(
                f"the cluster failed: {str(error).strip().splitlines()[-1]}; the same command goes "
                "on with the run"
            ) from error


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster at ``address`` (``ray://HOST:PORT``, ``HOST:PORT``), or ``local`` for one here.

    Raises ``UsageError`` when Ray is not installed, or none is there.
    """
    # Ray reports its use to its makers unless it is told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise UsageError("--cluster needs Ray: pip install 'videorlm[ray]'") from error
    more = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", **more)
    except (ConnectionError, ValueError, RuntimeError) as error:
        told = str(error).strip().partition("\n")[0]
        raise UsageError(f"there is no Ray cluster to be had at {address}: {told}") from error
    try:
        yield Cluster(ray)
    finally:
        ray.shutdown()


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


# ---- on the nodes


def _ask(told: bytes, job: Job, unindexed: Exception | None) -> _Returned:
    bench = _bench(told)
    opened = job.opened if unindexed is None else Opened(error=unindexed)
    if opened.error is None:
        opened = bench.open(job.item.video)
    with TemporaryDirectory(prefix="videorlm-") as name:
        folder = Path(name)
        result, error = attempt(replace(job, opened=opened), replace(bench.means, folder=folder))
        files = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
    return _Returned(result, None if error is None else _portable(error), files)


def _index(told: bytes, path: Path) -> Exception | None:
    """Have the index of a video built; what stands in the way."""
    try:
        _bench(told).indexes.of(path)
    except Exception as error:  # noqa: BLE001 - told in the results of its questions
        return _portable(error)
    return None


def _portable(error: Exception) -> Exception:
    """``error``, or its words where it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - what an exception may raise there, nobody knows
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


@lru_cache(maxsize=1)
def _bench(told: bytes) -> _Bench:
    """What this process works with: its models, weights and jails serve all its questions."""
    return _Bench(pickle.loads(told))


class _Bench:
    def __init__(self, plan: Plan) -> None:
        self._stack = ExitStack()  # open until the process ends, and its jails with it
        system = load_system(plan.system)
        jail: Jail = default_jail
        if system.needs.jail:
            level: Literal["none", "auto"] = "none" if plan.sandbox_level == "none" else "auto"
            reserve = self._stack.enter_context(jails(plan.seed or 0, 1, level))
            if reserve.level != plan.sandbox_level:
                raise JailError(
                    f"the jail of node {os.uname().nodename} is {reserve.level}, that of the run "
                    f"is {plan.sandbox_level}: run on nodes that have the same"
                )
            jail = reserve
        models = RepeatModels(
            plan.choice, plan.api_base, plan.config, plan.repeats, AT_ONCE, _quiet, plan.make
        )
        self.indexes = Indexes(plan.preset or "builtin", plan.config.cache)
        self.means = Means(
            system, plan.budget, jail, models.of, Path(), plan.videos, plan.seed, plan.calibrator
        )

    def open(self, path: Path) -> Opened:
        """The video, and its index if the system needs it."""
        from rlm.video import Video

        needs = self.means.system.needs
        try:
            if needs.index:
                index = self.indexes.of(path)
                return Opened(index.video, index)
            return Opened(Video.open(path) if needs.video else None)
        except Exception as error:  # noqa: BLE001 - told in the result
            return Opened(error=error)


def _quiet(line: str) -> None:
    """It was said where the run began."""
