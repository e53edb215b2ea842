from __future__ import annotations

import hashlib
import json
import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.world import MOTIONS, Film, Shot, make_film, write_film
from rlm.world.__main__ import main
from rlm.world.draw import RGB, frames, ground, picture

SEEDS = st.integers(0, 10**6)
LENGTHS = st.floats(40, 400)


@given(SEEDS, LENGTHS)
def test_shots_tile_the_film(seed: int, seconds: float) -> None:
    film = make_film(seed, seconds)
    assert len(film.shots) >= 8
    assert film.shots[0].span.start == 0
    assert abs(film.span.end - seconds) <= 0.11
    assert all(a.span.end == b.span.start for a, b in pairwise(film.shots))
    assert all(4.99 <= shot.span.duration <= 8.01 for shot in film.shots)
    assert all((Fraction(cut).limit_denominator(100) * 25).denominator == 1 for cut in film.cuts)


@given(SEEDS)
def test_things_stay_inside_while_visible_and_move_as_told(seed: int) -> None:
    for shot in make_film(seed).shots:
        (thing,) = shot.things
        for time in np.linspace(thing.visible.start, thing.visible.end, 40):
            for centre in thing.position(float(time)):
                assert thing.radius - 1e-4 <= centre <= 1 - thing.radius + 1e-4
        dx, dy = thing.legs[0].velocity
        if thing.motion == "still":
            assert (dx, dy) == (0, 0)
            continue
        assert 3.9 <= 64 * math.hypot(dx, dy) <= 9.1
        turn = math.degrees(math.atan2(dy, dx)) - 45 * MOTIONS.index(thing.motion)
        assert abs((turn + 180) % 360 - 180) <= 10.1


@given(SEEDS)
def test_events_change_what_they_say_they_change(seed: int) -> None:
    for shot in make_film(seed).shots:
        (thing,) = shot.things
        assert len(shot.events) <= 1
        event = shot.event_of(0)
        kind = event.kind if event else "none"
        at = event.span.start if event else shot.span.middle
        assert shot.span.start + 1.3 < at < shot.span.end - 1.3
        before, after = np.array(thing.legs[0].velocity), np.array(thing.legs[-1].velocity)
        x, y = thing.position(at)
        margin = min(x, y, 1 - x, 1 - y) - thing.radius
        assert (len(thing.coats) == 2) == (kind == "recolour")
        assert (thing.visible.start == at) == (kind == "appear")
        assert (thing.visible.end == at) == (kind == "vanish")
        assert (len(thing.legs) == 2) == (kind in ("stop", "turn", "bounce"))
        if kind == "recolour":
            assert thing.colour_at(at - 0.01) != thing.colour_at(at) == event.colour
        if kind == "stop":
            assert not after.any()
        if kind == "turn":
            assert np.allclose(after, -before, atol=1e-5)
            assert margin > 0 or np.abs(before).min() < np.abs(before).max() / 2
        if kind == "bounce":
            assert abs(margin) < 1e-4
            assert sorted(after * np.sign(before) > 0) == [False, True] or 0 in before


@given(SEEDS)
def test_colour_and_shape_name_one_thing(seed: int) -> None:
    things = [shot.things[0] for shot in make_film(seed, 90).shots]
    called = [(colour, thing.shape) for thing in things for colour in thing.colours]
    assert len(set(called)) == len(called)
    assert all(a.colour != b.colour and a.shape != b.shape for a, b in pairwise(things))


def test_a_seed_is_a_film() -> None:
    assert make_film(3) == make_film(3)
    assert make_film(3) != make_film(4)


@pytest.mark.parametrize(("seed", "seconds"), [(0, 39), (0, math.nan), (0, math.inf), (-1, 75)])
def test_refuses_what_is_no_film(seed: int, seconds: float) -> None:
    with pytest.raises(UsageError):
        make_film(seed, seconds)


def _centroid(shot: Shot, time: float, side: int) -> np.ndarray:
    """Where the picture differs from the empty ground, weighted by how much."""
    difference = np.abs(
        picture(shot, time, side).astype(float) - 255 * ground(shot.ground, side)
    ).sum(-1)
    difference[difference < 40] = 0
    at = (np.arange(side) + 0.5) / side
    total = difference.sum()
    return np.array([(difference.sum(0) * at).sum(), (difference.sum(1) * at).sum()]) / total


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([64, 150, 320]))
def test_draws_the_thing_where_and_as_it_is(seed: int, side: int) -> None:
    shot = make_film(seed).shots[seed % 8]
    (thing,) = shot.things
    time = thing.visible.middle
    assert np.allclose(_centroid(shot, time, side), thing.position(time), atol=0.02)
    x, y = (int(c * side) for c in thing.position(time))
    if thing.shape != "ring":
        drawn = picture(shot, time, side)[y, x] / 255
        assert np.allclose(drawn, np.clip(np.add(RGB[thing.colour_at(time)], thing.shade), 0, 1),
                           atol=0.01)  # fmt: skip
    hidden = shot.span.end - 0.1
    if hidden not in thing.visible:
        assert np.array_equal(
            picture(shot, hidden, side), np.rint(255 * ground(shot.ground, side)).astype(np.uint8)
        )


def test_frames_come_at_any_rate_and_size() -> None:
    film = make_film(5, 40)
    for fps in (4, Fraction(30000, 1001)):
        shown = list(frames(film, fps, 32))
        assert len(shown) == math.ceil(40 * fps)
        assert shown[0].shape == (32, 32, 3)
        assert shown[0].dtype == np.uint8
        k = 2 * int(fps) + 1
        assert np.array_equal(shown[k], picture(film.shot_at(k / fps), float(k / fps), 32))


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
    assert [shot["things"][0]["shape"] for shot in told["shots"]] == [
        shot.things[0].shape for shot in film.shots
    ]
    for shot in told["shots"]:
        thing = shot["things"][0]
        assert len(set(shot["captions"])) == len(shot["captions"]) >= 3
        assert all(thing["coats"][0]["colour"] in caption for caption in shot["captions"])
        assert all(thing["shape"] in caption for caption in shot["captions"])


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


def test_a_folder_holds_a_film_only_when_it_is_whole(tmp_path):
    from rlm.world import FilmFiles

    files = FilmFiles.in_folder(tmp_path)
    assert not files.hold(4)
    write_film(make_film(4, seconds=40), tmp_path, fps=2, side=32)
    assert files.hold(4)
    assert not files.hold(5)
    assert {path.name for path in tmp_path.iterdir()} == {
        "film.mp4", "truth.json", "questions.jsonl",
    }  # fmt: skip
    whole = files.truth.read_bytes()
    for other in ("{}", "[]", "4", "null", '"seed"', "[4]", "{", "\xff"):
        files.truth.write_text(other, encoding="latin-1")
        assert not files.hold(4), other
    files.truth.write_bytes(whole)
    assert files.hold(4)
    files.film.unlink()
    assert not files.hold(4)
