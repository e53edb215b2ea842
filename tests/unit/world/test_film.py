from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import asdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.world import EVENTS, Film, FilmFiles, make_film, write_film
from rlm.world.__main__ import main
from rlm.world.captions import captions
from rlm.world.draw import frames, pictures
from rlm.world.tracks import tracks

SEEDS = st.integers(0, 10**6)
LENGTHS = st.floats(40, 250)
quick = settings(max_examples=25, deadline=None)


@quick
@given(SEEDS, LENGTHS)
def test_shots_tile_the_film(seed: int, seconds: float) -> None:
    film = make_film(seed, seconds)
    assert len(film.shots) >= 8
    assert film.shots[0].span.start == 0
    assert abs(film.span.end - seconds) <= 0.11
    assert all(a.span.end == b.span.start for a, b in pairwise(film.shots))
    assert all(4.99 <= shot.span.duration <= 8.01 for shot in film.shots)
    assert all((Fraction(cut).limit_denominator(100) * 25).denominator == 1 for cut in film.cuts)


@quick
@given(SEEDS)
def test_all_things_that_stay_are_on_screen(seed: int) -> None:
    """Also in passages that run backwards, and while the camera moves."""
    for shot in make_film(seed, 80).shots:
        times = np.arange(shot.span.start, shot.span.end, 0.04)
        where = tracks(shot, times)
        for number, thing in enumerate(shot.things):
            kinds = {event.kind for event in shot.events_of(number)}
            here = (thing.present.start <= times) & (times + 1e-6 < thing.present.end)
            if not kinds & {"enter", "leave", "hide"}:
                assert np.all(where.seen[here, number] > 0.999)


@quick
@given(SEEDS, LENGTHS)
def test_passages_of_other_time(seed: int, seconds: float) -> None:
    film = make_film(seed, seconds)
    warped = [shot for shot in film.shots if shot.warp]
    kinds = Counter(shot.warp.kind for shot in warped if shot.warp)
    each = max(1, round(seconds / 180)) if seconds > 60 else 0
    assert kinds == Counter({"freeze": each, "reverse": each} if each else {})
    assert not any(a.warp and b.warp for a, b in pairwise(film.shots))
    for shot in warped:
        assert shot.warp is not None
        span = shot.warp.span
        assert 1.59 < span.duration < 2.41
        assert span.start - span.duration > shot.span.start + 0.5
        assert span.end < shot.span.end - 0.5
        assert shot.events == ()
        assert len(shot.things) >= 2
        assert all(thing.motion != "still" for thing in shot.things)


@quick
@given(SEEDS, LENGTHS)
def test_marks_and_fades_keep_clear(seed: int, seconds: float) -> None:
    film = make_film(seed, seconds)
    assert max(2, round(seconds / 120)) <= len(film.marks) <= max(4, round(seconds / 120))
    for mark in film.marks:
        shot = film.shot_at(mark.start)
        assert mark.duration == pytest.approx(0.48)
        assert shot.warp is None
        assert shot.span.start + 0.59 < mark.start
        assert mark.end < shot.span.end - 0.59
        assert (mark.start * 25) == pytest.approx(round(mark.start * 25))
        assert all(
            event.span.end < mark.start - 0.39 or mark.end + 0.39 < event.span.start
            for event in shot.events
        )
    assert all((a.fade_out > 0) == (b.fade_in > 0) for a, b in pairwise(film.shots))
    assert film.shots[0].fade_in == film.shots[-1].fade_out == 0
    for shot in film.shots:
        assert max(shot.fade_in, shot.fade_out) <= 0.5
        for event in shot.events:
            assert shot.span.start + shot.fade_in + 0.5 < event.span.start
            assert event.span.start < shot.span.end - shot.fade_out - 0.5


@quick
@given(SEEDS, st.floats(40, 90))
def test_in_a_short_film_a_colour_and_a_shape_mostly_name_one_thing(
    seed: int, seconds: float
) -> None:
    film = make_film(seed, seconds)
    called = Counter(
        (colour, thing.shape)
        for shot in film.shots
        for thing in shot.things
        for colour in thing.colours
    )
    assert sum(count == 1 for count in called.values()) >= 0.5 * len(called)
    for one, two in pairwise(film.shots):
        names = [{(thing.colour, thing.shape) for thing in shot.things} for shot in (one, two)]
        assert not names[0] & names[1]


def test_in_a_long_film_everything_comes_back() -> None:
    film = make_film(1, 1800)
    pairs = Counter((thing.colour, thing.shape) for shot in film.shots for thing in shot.things)
    assert len(pairs) == 30
    assert min(pairs.values()) > 8
    kinds = Counter(event.kind for shot in film.shots for event in shot.events)
    assert set(kinds) == set(EVENTS) - {"none"}
    assert min(kinds.values()) > 12
    counts = np.bincount([len(shot.things) for shot in film.shots])[1:] / len(film.shots)
    assert counts == pytest.approx([0.43, 0.23, 0.16, 0.09, 0.09], abs=0.05)
    faded = np.mean([shot.fade_in > 0 for shot in film.shots])
    assert 0.08 < faded < 0.22


def test_a_seed_is_a_film() -> None:
    assert make_film(3) == make_film(3)
    assert make_film(3) != make_film(4)


@pytest.mark.parametrize(("seed", "seconds"), [(0, 39), (0, math.nan), (0, math.inf), (-1, 75)])
def test_refuses_what_is_no_film(seed: int, seconds: float) -> None:
    with pytest.raises(UsageError):
        make_film(seed, seconds)


def test_frames_come_at_any_rate_and_size() -> None:
    film = make_film(5, 40)
    for fps in (4, Fraction(30000, 1001)):
        shown = list(frames(film, fps, 32))
        assert len(shown) == math.ceil(40 * fps)
        assert shown[0].shape == (32, 32, 3)
        assert shown[0].dtype == np.uint8
        k = 2 * int(fps) + 1
        assert np.array_equal(shown[k], pictures(film.shot_at(k / fps), [float(k / fps)], 32)[0])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Film, Path]:
    folder = tmp_path_factory.mktemp("film")
    film = make_film(11, 40)
    write_film(film, folder, fps=25, side=96)
    return film, folder


def test_the_mp4_shows_the_film(written: tuple[Film, Path]) -> None:
    film, folder = written
    with av.open(str(folder / "film.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (96, 96, 25)
        count, worst = 0, 0.0
        for shown, drawn in zip(container.decode(stream), frames(film, 25, 96), strict=True):
            assert shown.time == pytest.approx(count / 25)
            error = np.abs(shown.to_ndarray(format="rgb24").astype(float) - drawn).mean()
            worst, count = max(worst, error), count + 1
    assert count == 1000
    assert worst < 5


def test_the_truth_holds_all_shots(written: tuple[Film, Path]) -> None:
    film, folder = written
    told = json.loads((folder / "truth.json").read_text())
    assert told["cuts"] == list(film.cuts)
    assert [each["time"] for each in told["transitions"]] == told["cuts"]
    assert [each["kind"] == "fade" for each in told["transitions"]] == [
        shot.fade_in > 0 for shot in film.shots[1:]
    ]
    assert [Span(**mark) for mark in told["marks"]] == list(film.marks)
    for shot, row in zip(film.shots, told["shots"], strict=True):
        assert row == json.loads(json.dumps(asdict(shot) | {"captions": captions(shot)}))
        assert len(set(row["captions"])) == len(row["captions"]) >= 3


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        files = write_film(make_film(2, 40), tmp_path / name, fps=10, side=64)
        digests.append(
            [
                hashlib.sha256(path.read_bytes()).hexdigest()
                for path in (files.film, files.truth, files.questions)
            ]
        )
    assert digests[0] == digests[1]


def test_refuses_a_folder_or_side_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        write_film(make_film(2, 40), tmp_path / "file" / "folder")
    with pytest.raises(UsageError, match="even"):
        write_film(make_film(2, 40), tmp_path, side=65)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(tmp_path / "out"), "--seed", "4", "--seconds", "40", "--fps", "5"]
    assert main([*arguments, "--side", "64"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [Path(line).name for line in printed] == ["film.mp4", "truth.json", "questions.jsonl"]
    assert all(Path(line).stat().st_size for line in printed)
    assert main([str(tmp_path / "out"), "--seconds", "3"]) == 2
    assert "at least 40 s" in capsys.readouterr().err
    for fps in ("0", "-1", "nan", "1e9"):
        assert main([*arguments, "--fps", fps]) == 2
        assert "pictures a second" in capsys.readouterr().err


def test_a_folder_holds_a_film_only_when_it_is_whole(tmp_path: Path) -> None:
    files = FilmFiles.in_folder(tmp_path)
    film = make_film(4, seconds=40)
    assert not files.hold(film)
    write_film(film, tmp_path, fps=2, side=32)
    assert files.hold(film)
    assert not files.hold(make_film(5, seconds=40)) and not files.hold(make_film(4, seconds=50))
    assert {path.name for path in tmp_path.iterdir()} == {
        "film.mp4", "truth.json", "questions.jsonl",
    }  # fmt: skip
    whole = files.truth.read_bytes()
    for other in ("{}", "[]", "4", "null", '"seed"', "[4]", "{", "\xff"):
        files.truth.write_text(other, encoding="latin-1")
        assert not files.hold(film), other
    files.truth.write_bytes(whole)
    assert files.hold(film)
    files.film.unlink()
    assert not files.hold(film)
