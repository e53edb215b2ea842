"""``scenes`` and ``plot`` on a film of the procedural world."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rlm.commands import plot, scenes
from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import surprise_curve
from rlm.spans import Span

SRT = (
    "1\n00:00:01,000 --> 00:00:03,000\nIt begins\nhere.\n\n"
    "2\n00:00:30,000 --> 00:00:31,000\nLate.\n"
)


@pytest.fixture
def film_here(index: VideoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The film in a folder of its own with subtitles beside it; its index is found, not built."""
    shutil.copy(index.video.path, tmp_path / "film.mp4")
    (tmp_path / "film.srt").write_text(SRT)
    monkeypatch.setenv("VIDEORLM_CACHE", str(index._root))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "film.mp4"


def show_scenes(path: Path, output: Path | None = None, level: int = 0, as_json: bool = False):
    return scenes.run(str(path), output, level, captions=False, preset="builtin", as_json=as_json)


def show_plot(path: Path, output: Path | None = None, texts=(), spans=(), surprise=False) -> int:
    return plot.run(str(path), output, texts, spans, surprise=surprise, preset="builtin")


def test_scenes_as_a_table_and_as_json(
    film_here: Path, index: VideoIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    there = index.scenes()
    assert show_scenes(film_here) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [str(scene.span) for scene in there]
    assert lines[0].endswith("It begins here.")
    show_scenes(film_here, level=2, as_json=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["start"], each["end"]) for each in told] == [
        (scene.start, scene.end) for scene in index.scenes(2)
    ]
    assert told[0]["words"].startswith("It begins here.")


def test_a_storyboard_has_a_picture_for_each_scene(
    film_here: Path, index: VideoIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    show_scenes(film_here, Path("board.png"))
    assert capsys.readouterr().out == "board.png\n"
    with Image.open("board.png") as picture:
        board = np.asarray(picture)
    count = len(index.scenes())
    columns = (board.shape[1] - 48 + 16) // (264 + 16)
    rows = -(-count // columns)
    cell = (board.shape[0] - 48 - 34 + 16) // rows
    paper = board[2, 2]
    for place in range(count):
        x, y = 24 + place % columns * 280 + 132, 24 + 34 + place // columns * cell + 60
        assert (board[y, x] != paper).any(), place


def test_the_numbers_of_a_curve(
    film_here: Path, index: VideoIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_plot(film_here) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head == "# surprise (standard deviations above the median)"
    wanted = surprise_curve(index)
    values = [float(row.split("\t")[1]) for row in rows]
    assert values == pytest.approx(wanted.score.tolist(), abs=1e-3)

    text = "a red circle"
    show_plot(film_here, texts=[text], spans=["0:05-0:09"])
    printed = capsys.readouterr().out
    assert printed.count("# like") == 2 and "# like 0:05.0-0:09.0 (cosine, vjepa)" in printed
    first = [line for line in printed.split("# like 0:05")[0].splitlines() if "\t" in line]
    time, score = max((line.split("\t") for line in first), key=lambda row: float(row[1]))
    best = index.nearest(index.embed(text), k=1, diverse=False)[0]
    assert float(score) == pytest.approx(best.score, abs=1e-3)
    assert float(time) == pytest.approx(best.span.middle, abs=1e-2)


def test_curves_as_a_picture(film_here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_plot(film_here, Path("curve.PNG"), spans=["2-4"], surprise=True)
    assert capsys.readouterr().out == "curve.PNG\n"
    with Image.open("curve.PNG") as picture:
        assert picture.size == (1280, 640)


def test_what_cannot_be_drawn_is_said(film_here: Path, tmp_path: Path, index: VideoIndex) -> None:
    with pytest.raises(UsageError, match=r"ends in \.png"):
        show_plot(film_here, Path("curve.jpg"))
    with pytest.raises(UsageError, match=r"ends in \.png"):
        show_scenes(film_here, Path("board"))
    with pytest.raises(UsageError, match="holds nothing of the video"):
        show_plot(film_here, spans=["5:00-6:00"])
    scan = VideoIndex.build(index.video, tier=1, cache=tmp_path / "cache")
    with pytest.raises(UsageError, match="--query: preset builtin has no text side here"):
        plot.similarity(scan, "a red circle")
    assert plot.similarity(scan, Span(2, 4)).unit == "cosine, look"
