"""Questions come as soon as their own video is ready."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from rlm.errors import VideoNotFound
from rlm.evaluation.indexes import Indexes
from rlm.evaluation.items import Item
from rlm.evaluation.supply import Job, Supply
from rlm.evaluation.systems import Needs
from rlm.index import VideoIndex


def jobs(folder: Path, *videos: str) -> list[Job]:
    return [
        Job(Item(id=f"q{n}", video=folder / video, question="?", answers=("x",)), 0)
        for n, video in enumerate(videos)
    ]


class Slow(Indexes):
    """Has the index of one film; that of ``unbuilt`` takes until ``built`` is set."""

    def __init__(self, index: VideoIndex, unbuilt: str) -> None:
        super().__init__()
        self._index, self._unbuilt = index, unbuilt
        self.go = threading.Event()

    def built(self, video: Any) -> VideoIndex | None:
        return None if video.path.name == self._unbuilt else self._index

    def of(self, video: Any) -> VideoIndex:
        assert self.go.wait(30)
        return self._index


def test_a_video_that_is_being_indexed_holds_up_its_own_questions_alone(
    film: Path, index: VideoIndex, tmp_path: Path
) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).symlink_to(film / "film.mp4")
    slow = Slow(index, "a.mp4")
    asked = jobs(tmp_path, "a.mp4", "b.mp4", "a.mp4", "c.mp4", "b.mp4")
    with Supply(asked, Needs(), slow, {}, ahead=8) as supply:
        first = [supply.take() for _ in range(3)]
        assert [job.item.id for job in first if job] == ["q1", "q4", "q3"]
        assert supply.building == "a.mp4"
        slow.go.set()
        rest = [supply.take() for _ in range(3)]
        assert [job and job.item.id for job in rest] == ["q0", "q2", None]
    assert all(job.opened.index is index for job in [*first, *rest] if job)


def test_what_is_wrong_with_a_video_comes_with_its_questions(film: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "good.mp4").symlink_to(film / "film.mp4")
    asked = jobs(tmp_path, "good.mp4", "text.mp4", "good.mp4")
    needs = Needs(index=False)
    with Supply(asked, needs, None, {"q0": "not downloaded"}, ahead=8) as supply:
        found = [supply.take() for _ in range(4)]
    assert found[3] is None
    assert [job.item.id for job in found if job] == ["q0", "q1", "q2"]
    errors = [job.opened.error for job in found if job]
    assert isinstance(errors[0], VideoNotFound)
    assert str(errors[0]) == "not downloaded"
    assert errors[1] is not None
    assert errors[2] is None
    assert found[2] is not None
    assert found[2].opened.video is not None


def test_without_need_of_videos_none_is_looked_for(tmp_path: Path) -> None:
    needs = Needs(video=False, index=False)
    with Supply(jobs(tmp_path, "gone.mp4"), needs, None, {"q0": "gone"}, ahead=1) as supply:
        job = supply.take()
        assert job is not None
        assert job.opened.error is None
        assert supply.take() is None


def test_few_are_opened_ahead_and_a_stop_frees_whoever_waits(film: Path, tmp_path: Path) -> None:
    names = [f"{n}.mp4" for n in range(12)]
    for name in names:
        (tmp_path / name).symlink_to(film / "film.mp4")
    needs = Needs(index=False)
    with Supply(jobs(tmp_path, *names), needs, None, {}, ahead=2) as supply:
        assert supply.take() is not None
        assert len(supply._ready) <= 2
        supply.stop()
        assert supply.take() is None
    waiting = Supply(jobs(tmp_path, "0.mp4"), needs, None, {}, ahead=2)  # nobody fills it
    taken: list[Job | None] = []
    thread = threading.Thread(target=lambda: taken.append(waiting.take()))
    thread.start()
    waiting.stop()
    thread.join(30)
    assert taken == [None]
