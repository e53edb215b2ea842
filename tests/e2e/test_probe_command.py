"""``videorlm probe`` as a user runs it: labels in a file, and a film."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import Cli, Ended
from saved_models import meta_probe, save_vjepa

from rlm.spans import Span
from rlm.world import SHAPES, Film, Ground, Leg, Shot, Thing, write_film
from rlm.world.scene import Coat

COLOURS = ("red", "green", "blue")
SHOT = 1.4
MISSING = "".join(f"none.mp4,{n},{n + 1},{colour}\n" for colour in COLOURS for n in range(3))


def one_thing(number: int, rng: np.random.Generator) -> Shot:
    """A shot of one thing, of the colour whose turn it is, that drifts somewhere."""
    span = Span(number * SHOT, (number + 1) * SHOT)
    start, velocity = rng.uniform(0.35, 0.65, 2), rng.uniform(-0.1, 0.1, 2)
    leg = Leg(
        span.start, (float(start[0]), float(start[1])), (float(velocity[0]), float(velocity[1]))
    )
    thing = Thing(
        shape=SHAPES[number % len(SHAPES)], motion="right", radius=0.15, tilt=0.0,
        shade=(0.0, 0.0, 0.0), legs=(leg,), coats=(Coat(span.start, COLOURS[number % 3]),),
        present=span,
    )  # fmt: skip
    dark = rng.uniform(0.1, 0.3, 3).tolist()
    return Shot(span, Ground((dark[0], dark[1], dark[2]), 0.05, number), (thing,))


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 spans of 3 colours in one film, each within a shot."""
    folder = tmp_path_factory.mktemp("labelled")
    rng = np.random.default_rng(0)
    write_film(
        Film(0, tuple(one_thing(n, rng) for n in range(24))), folder / "sub", fps=10, side=96
    )
    rows = [
        f"sub/film.mp4,{n * SHOT + 0.1:.2f},0:{(n + 1) * SHOT - 0.1:04.1f},{COLOURS[n % 3]}"
        for n in range(24)
    ]
    (folder / "labels.csv").write_text("\n".join(["video,start,end,label", *rows]) + "\n")
    return folder / "labels.csv"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def run(home: Path, capfd: pytest.CaptureFixture[str]):
    cli = Cli(home, capfd)

    def run(*words: object) -> Ended:
        return cli("probe", *words, XDG_DATA_HOME=str(home / "data"))

    return run


def test_labels_become_a_task(run, labels: Path, home: Path) -> None:
    words = ("--task", "paint", "--preset", "builtin")
    trained = run("train", labels, *words, "--held-out", 0.5)
    assert trained.returncode == 0, trained.stderr
    out = trained.stdout
    assert "24 spans of 1 video, 3 classes; held out by span" in out
    assert re.search(r"^red +3 +1 +4$", out, re.MULTILINE)
    (found,) = re.findall(r"held-out accuracy  (\d+)/12 = .* \(95% interval (\S+)% to", out)
    assert float(found[1]) > 100 / 3, out  # well above chance
    assert "commonest class    4/12" in out and "nearest centroid" in out
    assert "all spans are of one video" in trained.stderr
    (folder,) = (home / "data" / "videorlm" / "probes").iterdir()
    card = json.loads((folder / "probe.json").read_text())
    assert card["task"] == "paint" and folder.name == f"paint-{card['revision']}"
    assert card["classes"] == ["blue", "green", "red"]

    told = run("eval", labels, *words)
    assert told.returncode == 0, told.stderr
    assert re.search(r"^accuracy  2[0-4]/24 = ", told.stdout), told.stdout
    assert "fitted on 12 of these 24 spans" in told.stdout
    assert len(re.findall(r"^recall +(?:blue|green|red) ", told.stdout, re.MULTILINE)) == 3
    assert re.search(r"rows are true, columns were told\n +blue +green +red\nblue +\d", told.stdout)

    listed = run("list")
    assert listed.stdout.startswith(f"paint  builtin@{card['revision']}, 3 classes, held-out")
    other = labels.with_name("other.csv")
    other.write_text("video,start,end,label\nsub/film.mp4,0,1,pink\n")
    wrong = run("eval", other, *words)
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[-1].endswith(
        "other.csv:2: 'pink' is no class of the probe for 'paint': blue, green, red"
    )


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("video,start,end\n", 2, "labels.csv:1: the first line names the columns"),
        ("video,start,end,label\na.mp4,1,x,red\n", 2, "labels.csv:2: a time is written"),
        (f"video,start,end,label\n{MISSING}", 3, "labels.csv:2: "),
    ],
)
def test_bad_rows_are_one_line(run, tmp_path: Path, text: str, code: int, says: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    done = run("train", tmp_path / "labels.csv", "--task", "x", "--preset", "builtin")
    assert done.returncode == code and done.stdout == ""
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("videorlm: ")]
    assert says in line and "Traceback" not in done.stderr


def test_too_few_spans_and_a_name_that_is_taken(run, labels: Path, tmp_path: Path) -> None:
    few = labels.with_name("few.csv")
    few.write_text("\n".join(labels.read_text().splitlines()[:7]))
    done = run("train", few, "--task", "x", "--preset", "builtin")
    assert done.returncode == 2 and "has 2 spans, and needs 3" in done.stderr
    done = run("train", labels, "--task", "colour", "--preset", "builtin")
    assert done.returncode == 2 and "itself brings a probe for 'colour'" in done.stderr


def test_a_published_file_becomes_a_task(run, tmp_path: Path) -> None:
    folder = save_vjepa(tmp_path / "small", frames_per_clip=64)
    torch.save(meta_probe(48, anticipates=True), tmp_path / "ek100.pt")
    (tmp_path / "verbs.csv").write_text(
        "id,key,instances\n1,put,[]\n0,take,[]\n3,wash,[]\n2,open,[]\n"
    )
    words = ("import", tmp_path / "ek100.pt", "--preset", folder, "--head", "verb")
    done = run(*words, "--task", "next", "--classes", tmp_path / "verbs.csv")
    assert done.returncode == 0, done.stderr
    assert "tells the verb that follows 1 s after a span" in done.stderr
    listed = run("list").stdout
    assert re.search(
        r"^next  small@\w{12}, 4 classes, imported from ek100.pt \(verb\)", listed, re.M
    )

    wrong = run(*words, "--task", "next", "--classes", folder / "config.json")
    assert wrong.returncode == 2 and "the probe has 4 classes" in wrong.stderr
    wide = run("import", tmp_path / "ek100.pt", "--task", "next", "--preset", "builtin")
    assert wide.returncode == 5
    assert "reads tokens 48 wide, those of preset builtin are 192" in wide.stderr
    none = run("import", tmp_path / "none.pt", "--task", "next", "--preset", "builtin")
    assert none.returncode == 2 and "there is no file" in none.stderr
