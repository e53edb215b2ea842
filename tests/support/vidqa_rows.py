"""Made-up rows in the form of every set that is read, one sample a reader."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlm.errors import UsageError
from rlm.evaluation.dataset import DatasetReader


@dataclass(frozen=True)
class Sample:
    """Files of a set, what is read of them, and a row that is spoilt.

    ``files`` maps paths to rows (JSON) or text, ``annotations`` is the file or folder to read,
    ``videos`` are the files the set's own downloads would hold. ``spoil`` names a file, a text in
    it, what it becomes, and the field that the error has to name.
    """

    files: Mapping[str, Any]
    annotations: str
    videos: tuple[str, ...]
    ids: tuple[str, ...]
    spoil: tuple[str, str, str, str]

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write all of it; where the annotations and the videos are."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                path.write_text(content)
            elif name.endswith(".jsonl"):
                path.write_text("".join(json.dumps(row) + "\n" for row in content))
            else:
                path.write_text(json.dumps(content))
        for name in self.videos:
            path = folder / "videos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return folder / self.annotations, folder / "videos"


def _csv(*rows: str) -> str:
    return "\n".join(rows) + "\n"


_EGO = {f"option {i}": f"C washes {i} plates" for i in range(5)}
_MVB = {"question": "What is shown?", "candidates": ["A ring", "A cross"], "answer": "A cross"}
_MLVU = {"duration": 480, "question": "What is red?", "candidates": ["Ring", "Cross", "Square"]}
_MME = {"domain": "Knowledge", "sub_category": "Astronomy", "options": ["A. 1.", "B. 2.", "C. 3."]}
_LONG = {"video_path": "aB-1.mp4", "question": "Who?", "candidates": ["a man", "a cat", "a dog"]}

SAMPLES: Mapping[str, Sample] = {
    "nextqa": Sample(
        {
            "val.csv": _csv(
                "video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4",
                "401,369,640,480,how do they play,2,6,CH,sit,stand,strum,hit,pat",
                '401,369,640,480,"why, in the end, do they laugh",0,7,CW,joke,fall,song,hat,hat',
                "402,90,640,480,where is this,4,0,DL,sea,hill,road,park,house",
            ),
            "map_vid_vidorID.json": {"401": "0101/401", "402": "0002/402"},
        },
        "val.csv",
        ("0101/401.mp4", "0002/402.mp4"),
        ("401_6", "401_7", "402_0"),
        ("val.csv", "strum,hit,pat", "strum,hit", "a4"),
    ),
    "egoschema": Sample(
        {
            "questions.json": [
                {"q_uid": "00-a", "google_drive_id": "x", "question": "What is done?", **_EGO},
                {"q_uid": "00-b", "google_drive_id": "y", "question": "And here?", **_EGO},
            ],
            "subset_answers.json": {"00-b": 3},
        },
        ".",
        ("00-a.mp4", "sub/00-b.MP4"),
        ("00-a", "00-b"),
        ("questions.json", '"option 4"', '"option 5"', "option 4"),
    ),
    "mvbench": Sample(
        {
            "json/action_antonym.json": [_MVB | {"video": "16.webm"}],
            "json/object_existence.json": [_MVB | {"video": "video_10.mp4"}],
            "json/object_shuffle.json": [_MVB | {"video": "video_10.mp4"}],
            "json/action_sequence.json": [
                _MVB | {"video": "ZS9.mp4", "start": 1.5, "end": 17.1},
                _MVB | {"video": "ZS9.mp4", "start": 0, "end": 3, "candidates": ["A cross"]},
            ],
            "json/egocentric_navigation.json": [_MVB | {"video": "left/x1.mp4"}],
        },
        "json",
        (
            "ssv2_video/16.webm",
            "clevrer/video_validation/video_10.mp4",
            "perception/videos/video_10.mp4",
            "star/Charades_v1_480/ZS9.mp4",
            "vlnqa/left/x1.mp4",
        ),
        (
            "action_antonym-0",
            "action_sequence-0",
            "action_sequence-1",
            "egocentric_navigation-0",
            "object_existence-0",
            "object_shuffle-0",
        ),
        ("json/action_antonym.json", '"answer": "A cross"', '"answer": "A star"', "answer"),
    ),
    "videomme": Sample(
        {
            "videomme.jsonl": [
                {"video_id": "001", "duration": "short", "videoID": "fFj", "question_id": "001-1"}
                | _MME
                | {"task_type": "Counting Problem", "question": "How many?", "answer": "C"},
                {"video_id": "601", "duration": "long", "videoID": "-x_", "question_id": "601-1"}
                | _MME
                | {"task_type": "OCR Problems", "question": "Which number?", "answer": "A"},
            ]
        },
        "videomme.jsonl",
        ("data/fFj.mp4", "data/-x_.mkv"),
        ("001-1", "601-1"),
        ("videomme.jsonl", '"duration": "long"', '"duration": "endless"', "duration"),
    ),
    "lvbench": Sample(
        {
            "video_info.meta.jsonl": [
                {
                    "key": "Cm7",
                    "type": "cartoon",
                    "video_info": {"fps": 30.0},
                    "qa": [
                        {
                            "uid": "55",
                            "question": "Which year?\n(A) 1636\n(B) 1366\n(C) 1363\n(D) 1633",
                            "answer": "D",
                            "question_type": ["key information retrieval", "reasoning"],
                            "time_reference": "61:15-61:19",
                        },
                        {
                            "uid": "56",
                            "question": "Who?\n(A) a man\n(B) a cat\n(C) a dog\n(D) all",
                            "answer": "B",
                            "question_type": ["summarization"],
                            "time_reference": "33:52-33:46",
                        },
                    ],
                }
            ]
        },
        ".",
        ("all_videos/Cm7.mp4",),
        ("55", "56"),
        ("video_info.meta.jsonl", '"reasoning"', '"guessing"', "question_type"),
    ),
    "longvideobench": Sample(
        {
            "lvb_val.json": [
                _LONG
                | {"id": "aB-1_0", "correct_choice": 2, "question_category": "S2E"}
                | {"level": "L1-Perception", "duration_group": 15},
                _LONG
                | {"id": "aB-1_1", "correct_choice": 0, "question_category": "SSS"}
                | {"level": "L2-Relation", "duration_group": 3600},
            ]
        },
        "lvb_val.json",
        ("videos/aB-1.mp4",),
        ("aB-1_0", "aB-1_1"),
        ("lvb_val.json", '"correct_choice": 2', '"correct_choice": 7', "answer_index"),
    ),
    "mlvu": Sample(
        {
            "json/1_plotQA.json": [
                _MLVU | {"video": "m_6.mp4", "answer": "Cross", "question_type": "plotQA"}
            ],
            "json/9_summary.json": [
                {
                    "video": "m_6.mp4",
                    "duration": 480,
                    "question": "Sum it up.",
                    "answer": "A ring rolls.",
                    "question_type": "summary",
                }
            ],
        },
        ".",
        ("video/1_plotQA/m_6.mp4", "video/9_summary/m_6.mp4"),
        ("plotQA-0", "summary-0"),
        ("json/1_plotQA.json", '"answer": "Cross"', '"answer": "Star"', "answer"),
    ),
    "tempcompass": Sample(
        {
            "questions/multi-choice.json": {
                "103": {
                    "action": [
                        {"question": "What?\nA. runs\nB. sits\nC. sings", "answer": "B. sits"}
                    ]
                }
            },
            "questions/yes_no.json": {"103": {"speed": [{"question": "Fast?", "answer": "no"}]}},
            "questions/caption_matching.json": {
                "104": {
                    "order": [
                        {
                            "question": "Which fits?\nCaption A: Up, then down.\nCaption B: Down.",
                            "answer": "Caption A: Up, then down.",
                        }
                    ]
                }
            },
            "questions/captioning.json": {
                "104": {
                    "direction": [
                        {"question": "Information A: up\nCaption:", "answer": "A. moving up"}
                    ]
                }
            },
        },
        ".",
        ("103.mp4", "104.mp4"),
        (
            "multi-choice/103/action/0",
            "yes_no/103/speed/0",
            "caption_matching/104/order/0",
            "captioning/104/direction/0",
        ),
        ("questions/yes_no.json", '"answer": "no"', '"answer": "maybe"', "answer"),
    ),
    "tomato": Sample(
        {
            "data/count.json": {
                "0": {
                    "question": "How many?",
                    "options": ["2", "1", "3"],
                    "answer": 2,
                    "key": "0209-03",
                    "motion_type": "count",
                    "demonstration_type": "human",
                }
            },
            "data/visual_cues.json": {
                "0": {
                    "question": "Which sounds last?",
                    "options": ["Cello.", "Flute."],
                    "answer": 0,
                    "key": "0209-03",
                    "motion_type": "visual cues",
                    "demonstration_type": "object",
                }
            },
        },
        ".",
        ("human/0209-03.mp4", "object/0209-03.mp4"),
        ("count-0", "visual_cues-0"),
        ("data/count.json", '"answer": 2', '"answer": 3', "answer_index"),
    ),
    "perception_test": Sample(
        {
            "mc_question_valid.json": {
                "video_10": {
                    "mc_question": [
                        {
                            "id": 4,
                            "question": "Is the bag empty?",
                            "options": ["Yes", "No", "There is none"],
                            "answer_id": 1,
                            "area": "memory",
                            "reasoning": "descriptive",
                            "tag": ["object recognition"],
                        }
                    ]
                },
                "video_11": {"mc_question": []},
            }
        },
        ".",
        ("valid/video_10.mp4",),
        ("video_10_4",),
        ("mc_question_valid.json", '"answer_id": 1', '"answer_id": 3', "answer_index"),
    ),
    "activitynet_qa": Sample(
        {
            "test_q.json": [
                {"video_name": "1QI", "question": "is he outdoors", "question_id": "v_1QI_3"},
                {"video_name": "1QI", "question": "how many are there", "question_id": "v_1QI_4"},
            ],
            "test_a.json": [
                {"answer": "no", "type": 3, "question_id": "v_1QI_3"},
                {"answer": "2", "type": 7, "question_id": "v_1QI_4"},
            ],
        },
        "test_q.json",
        ("v_1QI.mp4",),
        ("v_1QI_3", "v_1QI_4"),
        ("test_a.json", '"type": 7', '"type": 9', "type"),
    ),
    "ek100": Sample(
        {
            "EPIC_100_validation.csv": _csv(
                "narration_id,participant_id,video_id,start_timestamp,stop_timestamp,verb_class,"
                "noun_class",
                "P01_11_0,P01,P01_11,00:00:00.40,00:00:01.89,0,0",
                "P01_11_1,P01,P01_11,00:01:30.50,00:01:31.89,1,2",
                "P18_02_0,P18,P18_02,01:00:02.00,01:00:03.00,0,1",
            ),
            "EPIC_100_verb_classes.csv": _csv("id,key,instances", "0,take,[]", "1,turn-on,[]"),
            "EPIC_100_noun_classes_v2.csv": _csv(
                "id,key,instances", "0,plate,[]", "1,board:chopping,[]", "2,tap,[]"
            ),
            "EPIC_100_tail_verbs.csv": _csv("verb", "1"),
            "EPIC_100_tail_nouns.csv": _csv("noun", "1"),
            "EPIC_100_unseen_participant_ids_validation.csv": _csv("participant_id", "P18"),
        },
        ".",
        ("P01/videos/P01_11.MP4", "P18/videos/P18_02.MP4"),
        ("P01_11_0", "P01_11_1", "P18_02_0"),
        ("EPIC_100_validation.csv", ",00:01:30.50,", ",soon,", "start_timestamp"),
    ),
    "jsonl": Sample(
        {
            "qa.jsonl": [
                {
                    "id": "a",
                    "video": "one/v.mp4",
                    "question": "Which?",
                    "options": ["one", "two"],
                    "answer_index": 1,
                    "category": "order",
                    "evidence_time": [1, 2.5],
                },
                {"id": "b", "video": "one/v.mp4", "question": "What?", "answer": "a ring"},
            ]
        },
        "qa.jsonl",
        ("one/v.mp4",),
        ("a", "b"),
        ("qa.jsonl", '"answer_index": 1', '"answer_index": 2', "answer_index"),
    ),
}


def read_or_one_line(reader: DatasetReader, annotations: Path, videos: Path) -> bool:
    """Whether a file could be read; whatever it holds, nothing but ``UsageError`` is raised."""
    try:
        data = reader.read(annotations, videos)
    except UsageError as error:
        assert "\n" not in str(error)
        return False
    assert data.items
    return True


def spoilt(file: str, content: Any) -> Iterator[str]:
    """The text of a file as it should be, and then with each value in it replaced by others."""
    yield _text(file, content)
    for place in _places(content):
        for value in (None, 7, -1, "", "x", [], {}):
            yield _text(file, _with(content, place, value))


def _text(file: str, content: Any) -> str:
    return "\n".join(map(json.dumps, content if file.endswith(".jsonl") else [content]))


def _places(content: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in inside:
        yield (*above, key)
        if isinstance(value, dict | list | tuple):
            yield from _places(value, (*above, key))


def _with(content: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = inside = copy.deepcopy(content)
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    return changed
