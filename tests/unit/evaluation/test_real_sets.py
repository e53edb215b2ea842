"""Every row of the real annotation files, where this machine has them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from rlm.evaluation.dataset import DATASETS, DataSet, load_reader
from rlm.evaluation.datasets import activitynet_qa, lvbench, mlvu, mvbench, tempcompass
from rlm.evaluation.items import Item

ROOT = Path(__file__).resolve().parents[3].parent / "shared" / "vidqa"

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the real annotations are not here")

MULTIPLE = {"DC", "DL", "DO", "CW", "CH", "TN", "TC", "TP"}
FILES = {
    "nextqa/val.csv": MULTIPLE,
    "nextqa/test.csv": MULTIPLE,
    "egoschema/questions_early20.json": set(),
    "mvbench/mvbench.json": set(mvbench.TASKS),
    "mvbench/eval_mvbench.json": set(mvbench.TASKS),
    "videomme/eval_videomme.json": 12,
    "videomme/videomme.json": 12,
    "lvbench/eval_lvbench.json": set(lvbench.TYPES),
    "lvbench/LVBench_raw_full_root.jsonl": set(lvbench.TYPES),
    "longvideobench/eval_lvb.json": set(),
    "longvideobench/LongVideoBench_nosub_raw_full.jsonl": set(),
    "mlvu/eval_mlvu.json": set(mlvu.FILES.values()) - mlvu.GENERATION,
    "mlvu/dev_debug_mc.json": set(mlvu.FILES.values()) - mlvu.GENERATION,
    "tempcompass/multi-choice.json": set(tempcompass.ASPECTS),
    "tempcompass/yes_no.json": set(tempcompass.ASPECTS),
    "tempcompass/caption_matching.json": set(tempcompass.ASPECTS),
    "tempcompass/captioning.json": set(tempcompass.ASPECTS),
    "tomato/count.json": {"count"},
    "tomato/direction.json": {"direction"},
    "tomato/rotation.json": {"rotation"},
    "tomato/shape&trend.json": {"shape&trend"},
    "tomato/velocity&frequency.json": {"velocity&frequency"},
    "tomato/visual_cues.json": {"visual cues"},
    "perception_test/from_mvbench_800.json": set(),
    "activitynet_qa/test_q.json": set(activitynet_qa.TYPES),
    "ek100/EPIC_100_validation.csv": {"tail verb", "tail noun", "tail action"},
}
"""Each file and its categories, or how many of them a question's first one may be."""

NOTES = {
    "nextqa/val.csv": [3],
    "nextqa/test.csv": [8],
    "mvbench/mvbench.json": [5],
    "mvbench/eval_mvbench.json": [5],
    "videomme/eval_videomme.json": [10],
    "videomme/videomme.json": [10],
    "lvbench/eval_lvbench.json": [15, 10],
    "lvbench/LVBench_raw_full_root.jsonl": [15, 10],
    "longvideobench/eval_lvb.json": [8],
    "longvideobench/LongVideoBench_nosub_raw_full.jsonl": [8],
    "mlvu/eval_mlvu.json": [16, 1],
    "mlvu/dev_debug_mc.json": [15],
}
"""How many rows of each file had to be mended so that they can be asked."""


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("no-videos")


def read(file: str, videos: Path) -> DataSet:
    return load_reader(file.partition("/")[0]).read(ROOT / file, videos)


def told(file: str) -> int:
    """How many questions the index of the annotations counts in a file."""
    folder, _, name = file.partition("/")
    index = (ROOT / "INDEX.md").read_text()
    section = index.split(f"\n## {folder}\n")[1].split("\n## ")[0]
    (line,) = re.findall(rf"^- `{re.escape(name)}` [^,]*, (.*?), e\.g\.", section, re.M)
    return int(re.findall(r"(\d+) (?:questions|rows|keys|list items)", line)[-1])


@pytest.mark.parametrize("file", FILES)
def test_every_row_is_an_item(file: str, videos: Path) -> None:
    data = read(file, videos)
    assert len(data.items) == told(file) == len({item.id for item in data.items})
    assert len(data.missing) == len(data.items)
    assert [int(note.split()[0]) for note in data.notes] == NOTES.get(file, [])
    wanted = FILES[file]
    if isinstance(wanted, int):
        assert len({item.categories[0] for item in data.items}) == wanted
    else:
        assert {label for item in data.items for label in item.categories} == wanted
    for item in data.items:
        assert not re.match(r"\(?[A-F][.)] ", "".join(item.options[:1]))
    if not file.startswith("egoschema"):
        assert all(item.scored for item in data.items)


def test_all_sets_but_our_own_are_here() -> None:
    assert {file.partition("/")[0] for file in FILES} == set(DATASETS) - {"jsonl"}


def test_our_own_questions_about_real_clips(shared_videos: Path) -> None:
    data = load_reader("jsonl").read(shared_videos / "qa.jsonl", shared_videos)
    assert len(data.items) == len((shared_videos / "qa.jsonl").read_text().splitlines())
    assert not data.missing
    assert all(item.options and item.scored and item.evidence_time for item in data.items)


def test_durations_are_those_of_the_sets(videos: Path) -> None:
    groups = Counter(item.group for item in read("videomme/eval_videomme.json", videos).items)
    assert groups == {"short": 900, "medium": 900, "long": 900}
    groups = Counter(item.group for item in read("longvideobench/eval_lvb.json", videos).items)
    assert groups == {"8-15 s": 189, "15-60 s": 172, "3-10 min": 412, "15-60 min": 564}


def test_two_copies_of_a_set_agree_on_what_is_right(videos: Path) -> None:
    for one, other in (
        ("mvbench/mvbench.json", "mvbench/eval_mvbench.json"),
        ("videomme/eval_videomme.json", "videomme/videomme.json"),
        ("lvbench/eval_lvbench.json", "lvbench/LVBench_raw_full_root.jsonl"),
    ):
        pairs = zip(read(one, videos).items, read(other, videos).items, strict=True)
        other_index = [(a, b) for a, b in pairs if a.answer_index != b.answer_index]
        assert [(a.id, b.id) for a, b in other_index if right(a) != right(b)] == []


def right(item: Item) -> str:
    """The right option; a copy that tells it by its text cannot tell it from one that is equal."""
    assert item.answer_index is not None
    return re.sub(r" \(\d\)$", "", item.options[item.answer_index]).rstrip()
