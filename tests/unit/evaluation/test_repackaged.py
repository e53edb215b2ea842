"""The forms in which sets are passed on by others than their authors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from vidqa_rows import read_or_one_line, spoilt

from rlm.errors import UsageError
from rlm.evaluation.dataset import load_reader
from rlm.evaluation.items import Item

QA = {"question": "Which year?", "choices": ["1636", "1366"], "answer": "1366"}
LETTERED = {
    "problem_id": 9,
    "question": "Which year?",
    "options": ["A. 1636", "B. 1366"],
    "solution": "<answer>B</answer>",
}
PROMPT = {
    "videos": ["Cm7.mp4"],
    "prompt": [{"role": "user", "content": "Which year?\\n(A) 1636\\n(B) 1366"}],
    "reward_model": {"style": "rule", "ground_truth": "B"},
}
TYPES = "['reasoning', 'summarization']"

FORMS: dict[str, tuple[str, list[Any], str, dict[str, Any]]] = {
    "videomme, conversations": (
        "videomme",
        [
            {
                "video_path": "/data/videos/fFj.mp4",
                "duration": 74.3,
                "duration_category": "short",
                "conversations": [QA | {"question_type": "OCR Problems"}],
            }
        ],
        "fFj.mp4",
        {"id": "fFj-1", "group": "short", "category": "OCR Problems"},
    ),
    "videomme, lettered": (
        "videomme",
        [
            LETTERED
            | {"videoID": "fFj", "question_id": "001-1", "duration": 700, "answer": "B"}
            | {"task_type": "OCR Problems", "domain": "Knowledge", "sub_category": "Law"}
        ],
        "fFj.mp4",
        {"id": "001-1", "group": "medium", "category": "OCR Problems; Knowledge; Law"},
    ),
    "lvbench, lettered": (
        "lvbench",
        [
            LETTERED
            | {"path": "LVBench/all_videos/Cm7.mp4", "question_id": "55", "domain": "Cartoon"}
            | {"question_type": ["reasoning"], "time_reference": "00:15-61:19", "answer": "B"}
        ],
        "Cm7.mp4",
        {"id": "55", "group": "cartoon", "evidence_time": ((15, 3679),)},
    ),
    "lvbench, prompts": (
        "lvbench",
        [PROMPT | {"uid": 55, "question_type": TYPES, "time_reference": "", "video_type": "tv"}],
        "Cm7.mp4",
        {"id": "55", "group": "tv", "category": "reasoning; summarization"},
    ),
    "longvideobench, lettered": (
        "longvideobench",
        [LETTERED | {"path": "LongVideoBench/videos/8.mp4", "duration": 190.1, "answer": "B"}],
        "8.mp4",
        {"id": "9", "group": "3-10 min"},
    ),
    "longvideobench, prompts": (
        "longvideobench",
        [PROMPT],
        "Cm7.mp4",
        {"id": "0", "group": ""},
    ),
    "mlvu, lettered": (
        "mlvu",
        [LETTERED | {"path": "MLVU/video/1_plotQA/m.mp4", "question_type": "plotQA"}],
        "1_plotQA/m.mp4",
        {"id": "9", "category": "plotQA"},
    ),
    "mvbench, lettered": (
        "mvbench",
        [LETTERED | {"video": "/MVBench/star/Charades_v1_480/Z.mp4", "start": 1.5, "end": 17}],
        "star/Charades_v1_480/Z.mp4",
        {"id": "0", "span": (1.5, 17.0)},
    ),
    "perception_test, conversations": (
        "perception_test",
        [{"video_path": "/perception/videos/video_6.mp4", "video_id": 2, "conversations": [QA]}],
        "video_6.mp4",
        {"id": "video_6_2"},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_row_is_the_same_question_in_every_form(form: str, tmp_path: Path) -> None:
    item = _read(form, tmp_path)
    _, _, video, fields = FORMS[form]
    assert (item.question, item.options, item.answer_index) == ("Which year?", ("1636", "1366"), 1)
    assert item.video == tmp_path / "videos" / video
    assert {name: getattr(item, name) for name in fields} == fields


@pytest.mark.parametrize("form", FORMS)
def test_any_value_in_any_field_is_an_item_or_one_line(form: str, tmp_path: Path) -> None:
    name, rows, _, _ = FORMS[form]
    (tmp_path / "videos").mkdir()
    for text in spoilt("all.json", rows):
        (tmp_path / "all.json").write_text(text)
        read_or_one_line(load_reader(name), tmp_path / "all.json", tmp_path / "videos")


def test_mvbench_in_one_file_is_told_by_its_order_and_checked(tmp_path: Path) -> None:
    from rlm.evaluation.datasets.mvbench import TASKS

    rows = [
        {"video_path": f"/data/{folder}/{n}.mp4", "conversations": [QA]}
        for folder in TASKS.values()
        for n in range(200)
    ]
    (tmp_path / "all.json").write_text(json.dumps(rows))
    items = load_reader("mvbench").read(tmp_path / "all.json", tmp_path).items
    assert [item.id for item in items[199:201]] == ["action_antonym-199", "action_count-0"]
    rows[200], rows[0] = rows[0], rows[200]
    (tmp_path / "all.json").write_text(json.dumps(rows))
    with pytest.raises(UsageError, match=r"row 1, .*is none of the task action_antonym"):
        load_reader("mvbench").read(tmp_path / "all.json", tmp_path)


def _read(form: str, folder: Path) -> Item:
    name, rows, video, _ = FORMS[form]
    (folder / "all.json").write_text(json.dumps(rows))
    path = folder / "videos" / video
    path.parent.mkdir(parents=True)
    path.touch()
    data = load_reader(name).read(folder / "all.json", folder / "videos")
    assert not data.missing
    (item,) = data.items
    return item
