"""A run's video is found again where it was last opened, and only that very one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from made_runs import header, saved

from rlm.agent.rerun import find_video
from rlm.agent.whereabouts import remember, remembered
from rlm.errors import UsageError
from rlm.video import Video


def test_a_video_is_found_where_it_was_last_opened_if_it_still_is_that_one(
    film: Path, tmp_path: Path
) -> None:
    cache, path = tmp_path / "cache", tmp_path / "clips" / "match.mp4"
    path.parent.mkdir()
    shutil.copy(film / "film.mp4", path)
    video = Video.open(path)
    run = saved(tmp_path / "runs", [header(video={"name": "match.mp4", "sha256": video.sha256})])
    with pytest.raises(UsageError, match=r"'match\.mp4' is not here; give it with --video"):
        find_video(run, cache)
    remember(video, cache)
    assert find_video(run, cache).path == path
    assert str(path) not in (run.path / "events.jsonl").read_text()  # it may be given away

    path.write_bytes(b"something else by now")
    with pytest.raises(UsageError, match=rf"no longer at {path}; give it with --video"):
        find_video(run, cache)
    again = tmp_path / "match.mp4"
    shutil.copy(film / "film.mp4", again)
    remember(Video.open(again), cache)
    assert find_video(run, cache).path == again


def test_a_transcript_does_not_say_which_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "place").write_text(str(tmp_path / "secret.mp4"))
    assert remembered("../place", tmp_path) is None


def test_a_folder_that_cannot_be_written_costs_nothing(film: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    remember(Video.open(film / "film.mp4"), tmp_path / "file")
    assert remembered("0" * 64, tmp_path / "file") is None
