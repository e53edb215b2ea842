"""What goes to nodes and comes back, by way of pickles as on a cluster, without one."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from evaluating import Watching, write_questions
from scripted import ScriptedModel

from rlm.agent.models import Models
from rlm.agent.transcript import Transcript
from rlm.config import Config
from rlm.errors import JailError, UsageError, VideoRLMError
from rlm.evaluation import cluster, evaluate
from rlm.evaluation.evaluate import Evaluated, Evaluation
from rlm.evaluation.folder import RESULTS, read_header, read_results
from rlm.index import VideoIndex


class RayError(Exception):
    """The root of Ray's."""


class RayTaskError(RayError):
    """A task raised ``cause``."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class WorkerCrashedError(RayError):
    """A process died over a task."""


class Here:
    """As much of Ray as is used, with every task in this process."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.tasks: list[str] = []
        self.fails = fails
        self.exceptions = SimpleNamespace(
            RayError=RayError, RayTaskError=RayTaskError, WorkerCrashedError=WorkerCrashedError,
            NodeDiedError=WorkerCrashedError, OutOfMemoryError=WorkerCrashedError,
        )  # fmt: skip

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def put(self, value: object) -> object:
        return value

    def remote(self, **options: object):
        def made(function):
            def call(*given: object) -> bytes:
                self.tasks.append(function.__name__)
                read = [pickle.loads(g) if isinstance(g, Later) else g for g in given]
                back = function(*pickle.loads(pickle.dumps(read)))
                return Later(pickle.dumps(back))

            return SimpleNamespace(remote=call)

        return made

    def get(self, reference: bytes) -> object:
        if self.fails is not None:
            raise self.fails
        return pickle.loads(reference)


class Later(bytes):
    """What a task will have returned."""


def make(choice, api_base, config, notify, busy) -> Models:
    return Models(ScriptedModel("A"))


def run(
    folder: Path, ray: Here, monkeypatch: pytest.MonkeyPatch, videos: Path, **wanted: object
) -> Evaluated:
    @contextmanager
    def connected(address: str) -> Iterator[cluster.Cluster]:
        assert address == "ray://somewhere"
        yield cluster.Cluster(ray)

    monkeypatch.setattr(evaluate, "connected", connected)
    config = Config(cache=wanted.pop("cache", None))
    given = {"system": "uniform-2", "workers": 2, "model": "scripted", "preset": "builtin"} | wanted
    asked = Evaluation(
        "jsonl", folder / "q.jsonl", videos, output=folder / "out", cluster="ray://somewhere",
        **given,
    )  # fmt: skip
    return evaluate.evaluate(asked, Watching(), None, config, make)


def test_results_and_transcripts_come_back(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_questions(tmp_path / "q.jsonl", 4)
    file.write_text(file.read_text() + file.read_text().splitlines()[0].replace("q0", "gone")
                    .replace("film.mp4", "gone.mp4") + "\n")  # fmt: skip
    ray = Here()
    done = run(tmp_path, ray, monkeypatch, film)
    assert (done.ending, done.standing.done, done.standing.right) == ("finished", 5, 2.0)
    assert ray.tasks == ["_ask"] * 4  # what is missing needs no node, nor has this system an index
    rows = {row.id: row for row in read_results(tmp_path / "out")}
    assert rows["gone"].failure.kind == "video"
    for number in range(4):
        row = rows[f"q{number}"]
        assert (row.video, row.frames, row.choice) == ("film.mp4", 2, 0)
        kept = Transcript.load(tmp_path / "out" / row.transcript)
        assert len(list((kept.path / "media").glob("*.jpg"))) == 2
    assert read_header(tmp_path / "out").sittings[0].cluster == "ray://somewhere"
    again = Here()
    assert run(tmp_path, again, monkeypatch, film).standing.done == 5
    assert not again.tasks


def test_an_index_is_one_task_ahead_of_its_questions(
    film: Path, index: VideoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_questions(tmp_path / "q.jsonl", 3)
    ray = Here()
    run(tmp_path, ray, monkeypatch, film, system="embedding", workers=1, cache=index._root)
    assert ray.tasks == ["_index", "_ask", "_ask", "_ask"]
    assert all(row.probabilities for row in read_results(tmp_path / "out"))


def test_a_question_that_kills_processes_fails_and_a_cluster_that_is_gone_ends_the_run(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_questions(tmp_path / "q.jsonl", 3)
    with pytest.raises(VideoRLMError, match="the cluster failed: it is gone; the same command"):
        run(tmp_path, Here(RayError("it is gone")), monkeypatch, film)
    with pytest.raises(JailError, match="no jail there"):
        run(tmp_path, Here(RayTaskError(JailError("no jail there"))), monkeypatch, film)
    assert not (tmp_path / "out" / RESULTS).read_bytes()
    done = run(tmp_path, Here(WorkerCrashedError("it died\nand more")), monkeypatch, film)
    assert done.standing.failures == {"internal": 3}
    assert {row.failure.message for row in read_results(tmp_path / "out")} == {"it died"}


def test_an_error_that_cannot_be_sent_is_sent_in_words() -> None:
    class Local(Exception):
        pass

    sent = cluster._portable(Local("why"))
    assert (type(sent), str(sent)) == (RuntimeError, "Local: why")
    known = UsageError("no")
    assert cluster._portable(known) is known


def test_without_ray_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'videorlm\[ray\]'"), cluster.connected("x"):
        pass
