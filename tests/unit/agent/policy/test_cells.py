from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightings import EXACT, Noise, film_tools

from rlm.agent.policy import cells
from rlm.index.scenes import Scene
from rlm.index.seen import Detection
from rlm.tools import TOOLS
from rlm.world import make_film
from rlm.world.scene import Film
from rlm.world.tracks import tracks

ALL = (
    cells.OVERVIEW,
    cells.SEE,
    cells.WAYS,
    cells.MEETINGS,
    cells.FACTS,
    cells.ASK,
    cells.TELL,
)


def read(film: Film, noise: Noise, **tools: Any) -> dict[str, Any]:
    names = {**film_tools(film, noise, seed=1), **tools}
    for cell in ALL:
        exec(cell, names)
    return names


def matched(film: Film, names: Mapping[str, Any]) -> list[tuple[Any, int, Any]]:
    """(shot, number of the thing, what was read of it) for all that was seen of a film."""
    pairs = []
    for shot, seen in zip(film.shots, names["shots"], strict=True):
        for thing in seen.things:
            true = tracks(shot, thing.t).position
            at = np.array([(sight.x, sight.y) for sight in thing.sights])
            off = np.linalg.norm(true - at[:, None], axis=2).mean(axis=0)
            if off.min() < 0.12:
                pairs.append((shot, int(off.argmin()), thing))
    return pairs


@pytest.mark.parametrize(("noise", "least"), [(EXACT, 0.95), (Noise(), 0.85)])
def test_reads_what_happens_in_a_film(
    noise: Noise, least: float, capsys: pytest.CaptureFixture[str]
) -> None:
    film = make_film(12, 240)
    names = read(film, noise)
    pairs = matched(film, names)
    assert len(pairs) >= 0.97 * sum(len(shot.things) for shot in film.shots)
    assert len(names["things"]) <= 1.03 * len(pairs)
    told: list[tuple[bool, bool, bool]] = []
    for shot, number, thing in pairs:
        if shot.warp is not None:
            continue
        true, events = shot.things[number], shot.events_of(number)
        way = names["goes"](thing, true.motion, any(e.kind == "start" for e in events))
        kinds = {event.kind for event in thing.events if event.p > 0.5}
        called = (thing.colours, thing.shape) == (list(true.colours), true.shape)
        told.append((called, way > 0.5, kinds == {event.kind for event in events}))
        for event in events:
            same = [e.time for e in thing.events if e.kind == event.kind and e.p > 0.5]
            assert not same or abs(same[0] - event.span.start) < 1.5
    named, went, did = np.mean(told, axis=0)
    assert named > 0.95
    assert went > 0.9
    assert did > least
    printed = capsys.readouterr().out
    assert "little on an even ground: 100%" in printed
    assert len(printed) < 600


def test_measures_the_camera_and_the_bars() -> None:
    film = make_film(21, 400)
    shots = read(film, EXACT)["shots"]
    for shot, seen in zip(film.shots, shots, strict=True):
        assert abs(complex(*shot.pan) - seen.pan) < 0.02
        crossing = [bar for bar in shot.bars if shot.pan == (0.0, 0.0)]
        assert len(seen.bars) == len(crossing) or shot.pan != (0.0, 0.0)


@pytest.fixture(scope="module")
def words() -> dict[str, Any]:
    """The names of the cells, of a film that does not matter."""
    return read(make_film(3, 45), EXACT)


def sight(start: float, x: float, colour: str = "red", shape: str = "ring") -> Detection:
    looks = colour, shape, x, 0.5, 0.0, 0.0, 0.1, 0.9
    return Detection(start, start + 0.5, *looks, space="film", method="truth")


def test_links_through_wrong_looks_and_gaps(words: Mapping[str, Any]) -> None:
    one = [sight(0.5 * k, 0.2 + 0.03 * k, "blue" if k == 3 else "red") for k in range(12) if k != 6]
    two = [sight(0.5 * k, 0.8 - 0.02 * k, "green") for k in range(4)]
    two += [sight(0.5 * k, 0.8 - 0.02 * k, "green") for k in range(9, 12)]
    noise = [sight(2.0, 0.05, "white"), sight(3.5, 0.95, "cyan", "circle")]
    linked = words["link"](sorted([*one, *two, *noise], key=lambda s: s.start))
    assert sorted(map(len, linked)) == [len(two), len(one)]


def test_nothing_happens_to_a_thing_beyond_its_shot(words: Mapping[str, Any]) -> None:
    shot = SimpleNamespace(start=12.0, end=18.0)
    thing = SimpleNamespace(shot=shot, events=[])
    for time in (11.0, 15.0, 19.5):
        words["mark"](thing, "leave", time, 0.9)
    assert [event.time for event in thing.events] == [12, 15, 18]


def test_does_not_measure_a_camera_across_a_cut() -> None:
    film = make_film(21, 60)
    # The end of every shot as a short shot of its own.
    cuts = [t for shot in film.shots for t in (shot.span.start, shot.span.end - 1.2)]
    scenes = [Scene(*ends) for ends in itertools.pairwise([*cuts, film.span.end])]
    shots = read(film, EXACT, get_scenes=lambda: scenes)["shots"]
    assert [shot.pan for shot in shots[1::2]] == [0] * len(film.shots)


def test_looks_at_a_long_film_in_blocks_of_whole_scenes(capsys: pytest.CaptureFixture[str]) -> None:
    scenes = [Scene(500.0 * k, 500.0 * (k + 1)) for k in range(20)]
    blocks: list[tuple[float, float]] = []

    def detect_objects(start: float, end: float) -> list[Detection]:
        blocks.append((start, end))
        return [sight(scene.start, 0.5) for scene in scenes if start <= scene.start < end]

    exec(cells.SEE, {"scenes": scenes, "detect_objects": detect_objects, "np": np})
    assert "20 sights" in capsys.readouterr().out
    assert [start for start, _ in blocks] == [0, *(end for _, end in blocks[:-1])]
    assert blocks[-1][1] == scenes[-1].end
    assert all(1000 <= end - start <= 1500 and end % 500 == 0 for start, end in blocks)


@given(st.integers(2, 8), st.integers(2, 8), st.sets(st.integers(0, 15), max_size=1))
def test_finds_a_change_of_colour_in_spite_of_an_error(
    words: Mapping[str, Any], before: int, after: int, wrong: set[int]
) -> None:
    said = ["red"] * before + ["blue"] * after
    seen = ["white" if k in wrong else colour for k, colour in enumerate(said)]
    colours, turned = words["colours_of"](seen)
    if min(before, after) >= 4:
        assert colours == ["red", "blue"]
        assert abs(turned - before) <= 1
    assert words["colours_of"](["white" if k in wrong else "red" for k in range(9)])[1] is None


def test_counts_what_is_only_likely(words: Mapping[str, Any]) -> None:
    sure = [(0.99, "red"), (0.01, "green"), (0.99, "blue"), (0.99, "white")]
    rated = {c: words["nth"](sure, 2, lambda one, c=c: float(one == c)) for c in ("red", "blue")}
    assert rated["blue"] > 0.9 > 0.1 > rated["red"]
    # One that may be there or not leaves two that may be the third.
    row = [(0.99, "red"), (0.5, "green"), (0.99, "blue"), (0.99, "white")]
    third = {c: words["nth"](row, 3, lambda one, c=c: float(one == c)) for _, c in row}
    assert third["red"] == third["green"] == 0
    assert third["blue"] == pytest.approx(third["white"], abs=0.05) == pytest.approx(0.48, abs=0.05)
    assert words["nth"](row, -1, lambda one: float(one == "white")) > 0.9
    assert words["nth"]([], 2, lambda one: 1.0) == 0
    assert words["counted"](row, 4) == pytest.approx(words["counted"](row, 3), abs=0.05)
    assert words["counted"](sure, 3.0) == words["counted"](sure, 3)
    assert words["counted"](sure, 2 * 10**8) == words["counted"](sure, 2.5) == 0
    assert words["nth"](sure, 2 * 10**8, lambda one: 1.0) == 0
    assert words["counted"](sure, 3) > 0.9 > 0.01 > words["counted"](sure, 5)


@pytest.mark.parametrize("cell", [*ALL, cells.FLASHES, cells.WARPS])
def test_cells_are_short_and_use_nothing_but_tools(cell: str) -> None:
    lines = cell.splitlines()
    assert len(lines) <= 125
    assert max(map(len, lines)) <= 100
    tree = ast.parse("\n".join((*ALL, cells.FLASHES, cells.WARPS)))
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    known = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            known.add(node.name)
        if isinstance(node, ast.arg):
            known.add(node.arg)
        if isinstance(node, ast.Import | ast.ImportFrom):
            known |= {alias.asname or alias.name for alias in node.names}
    assert used <= known | set(dir(builtins)) | {tool.__name__ for tool in TOOLS}
