"""Where videos are found, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlm.errors import UsageError
from rlm.evaluation.videos import VideoFolder


def folder(root: Path, *names: str) -> VideoFolder:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return VideoFolder(root)


@pytest.mark.parametrize(
    ("there", "wanted", "found"),
    [
        (["a/b/v.mp4"], ["v"], "a/b/v.mp4"),
        (["v.MP4"], ["v.mp4"], "v.MP4"),
        (["v.mkv"], ["v.mp4"], "v.mkv"),
        (["v.mkv", "v.webm"], ["v.webm"], "v.webm"),
        (["one/v.mp4", "two/v.mp4"], ["two/v"], "two/v.mp4"),
        (["x/a/s/v.mp4", "x/b/s/v.mp4"], ["b/s/v"], "x/b/s/v.mp4"),
        (["s/v.mp4"], ["set/s/v"], "s/v.mp4"),
        (["second.mp4"], ["first", "second"], "second.mp4"),
        (["v.1.mp4"], ["v.1"], "v.1.mp4"),
    ],
)
def test_a_video_is_found_by_its_name(
    there: list[str], wanted: list[str], found: str, tmp_path: Path
) -> None:
    video = folder(tmp_path, *there).find(wanted)
    assert (video.path, video.why) == (tmp_path / found, "")


@pytest.mark.parametrize(
    ("there", "wanted", "why"),
    [
        (["one/v.mp4"], ["two/v"], "there is no file {root}/two/v.mp4"),
        (["v.mp4"], ["two/v"], "there is no file {root}/two/v.mp4"),
        (["v.txt"], ["v.webm"], "there is no file {root}/v.webm"),
        (["a/v.mp4", "b/v.mp4"], ["v"], "several files go by the name v: a/v.mp4, b/v.mp4"),
        (["v/00001.jpg"], ["v"], "it is a folder of frames"),
    ],
)
def test_what_is_not_found_is_told(
    there: list[str], wanted: list[str], why: str, tmp_path: Path
) -> None:
    assert why.format(root=tmp_path) in folder(tmp_path, *there).find(wanted).why


def test_links_are_followed_once(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    folder(elsewhere, "deep/v.mp4")
    root = tmp_path / "videos"
    root.mkdir()
    (root / "linked").symlink_to(elsewhere)
    (root / "again").symlink_to(elsewhere / "deep")
    (elsewhere / "loop").symlink_to(elsewhere)
    (elsewhere / "up").symlink_to(root)
    (root / "w.mp4").symlink_to(elsewhere / "deep/v.mp4")
    videos = VideoFolder(root)
    for name in ("v", "w"):
        assert videos.find([name]).why == ""


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder of videos"):
        VideoFolder(tmp_path / "none")
