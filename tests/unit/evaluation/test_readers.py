"""What single readers do with what is special to their set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vidqa_rows import SAMPLES

from rlm.errors import UsageError
from rlm.evaluation.dataset import DataSet, load_reader
from rlm.evaluation.items import Item


def items(name: str, folder: Path) -> dict[str, Item]:
    data = load_reader(name).read(*SAMPLES[name].write(folder))
    return {item.id: item for item in data.items}


def test_nextqa_counts_from_the_index_and_finds_videos_by_the_map_or_flat(tmp_path: Path) -> None:
    read = items("nextqa", tmp_path)
    assert read["401_6"].options[read["401_6"].answer_index or 0] == "strum"
    assert (read["401_6"].category, read["401_6"].group) == ("CH", "causal")
    assert read["401_7"].options[3:] == ("hat", "hat (2)")
    assert read["401_6"].video.parent.name == "0101"
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "401.mp4").touch()
    data = load_reader("nextqa").read(tmp_path / "val.csv", flat)
    assert {item.id for item in data.present} == {"401_6", "401_7"}


def test_egoschema_without_a_public_answer_is_not_scored(tmp_path: Path) -> None:
    read = items("egoschema", tmp_path)
    assert not read["00-a"].scored
    assert read["00-b"].answer_index == 3


def test_mvbench_keeps_bounds_and_tells_sources_apart(tmp_path: Path) -> None:
    read = items("mvbench", tmp_path)
    assert read["action_sequence-0"].span == (1.5, 17.1)
    assert read["action_sequence-1"].options == ("A cross", "(no other)")
    assert "clevrer" in str(read["object_existence-0"].video)
    assert "perception" in str(read["object_shuffle-0"].video)
    (tmp_path / "videos/perception/videos/video_10.mp4").unlink()
    data = load_reader("mvbench").read(tmp_path / "json", tmp_path / "videos")
    assert set(data.missing) == {"object_shuffle-0"}
    assert "1 question with a single option" in data.notes[0]


def test_mvbench_says_that_frames_are_no_video(tmp_path: Path) -> None:
    row = {"question": "Why?", "candidates": ["a", "b"], "answer": "a", "start": 0, "end": 9}
    (tmp_path / "episodic_reasoning.json").write_text(json.dumps([row | {"video": "clip_0"}]))
    frames = tmp_path / "tvqa/frames_fps3_hq/clip_0"
    frames.mkdir(parents=True)
    (frames / "00001.jpg").touch()

    def read() -> DataSet:
        return load_reader("mvbench").read(tmp_path, tmp_path)

    assert "a folder of frames" in read().missing["episodic_reasoning-0"]
    frames.with_suffix(".mp4").touch()
    assert not read().missing


def test_lvbench_has_several_types_and_evidence(tmp_path: Path) -> None:
    read = items("lvbench", tmp_path)
    assert read["55"].categories == ("key information retrieval", "reasoning")
    assert read["55"].question == "Which year?"
    assert read["55"].options == ("1636", "1366", "1363", "1633")
    assert read["55"].evidence_time == ((3675, 3679),)
    assert read["56"].evidence_time == ()


def test_videomme_rows_of_a_video_are_those_of_its_questions(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in _text("videomme", tmp_path).splitlines()]
    shared = ("video_id", "videoID", "duration", "domain", "sub_category")
    nested = [
        {key: row[key] for key in shared}
        | {"questions": [{key: value for key, value in row.items() if key not in shared}]}
        for row in rows
    ]
    (tmp_path / "nested.json").write_text(json.dumps(nested))
    reader = load_reader("videomme")
    videos = tmp_path / "videos"
    flat, deep = (
        reader.read(tmp_path / name, videos).items for name in ("videomme.jsonl", "nested.json")
    )
    assert flat == deep
    assert flat[0].categories == ("Counting Problem", "Knowledge", "Astronomy")
    assert (flat[0].options[2], flat[0].answer_index, flat[1].group) == ("3.", 2, "long")


def test_tempcompass_takes_the_options_of_three_formats_apart(tmp_path: Path) -> None:
    choice, yes_no, match, caption = items("tempcompass", tmp_path).values()
    assert (choice.question, choice.options) == ("What?", ("runs", "sits", "sings"))
    assert (yes_no.options, yes_no.answer_index) == (("yes", "no"), 1)
    assert match.options == ("Up, then down.", "Down.")
    assert (match.answer_index, match.category, match.group) == (0, "order", "caption_matching")
    assert (caption.metric, caption.answers) == ("text", ("moving up",))


def test_mlvu_marks_generation(tmp_path: Path) -> None:
    plot, summary = items("mlvu", tmp_path).values()
    assert (plot.answer_index, plot.group) == (1, "multiple choice")
    assert (summary.answers, summary.metric) == (("A ring rolls.",), "text")
    assert plot.video.parent.name == "1_plotQA"
    assert summary.video.parent.name == "9_summary"


def test_ek100_ends_a_second_before_and_tells_unseen_and_tail(tmp_path: Path) -> None:
    read = items("ek100", tmp_path)
    assert read["P01_11_1"].span == (0.0, 89.5)
    assert read["P01_11_1"].answers == ("turn-on tap",)
    assert read["P01_11_1"].categories == ("tail verb", "tail action")
    assert (read["P18_02_0"].group, read["P01_11_1"].group) == ("unseen", "seen")
    assert read["P18_02_0"].answers == ("take board:chopping",)
    assert read["P01_11_0"].metric == "recall@5"
    assert "turn-on" in read["P01_11_0"].question


def test_activitynet_qa_names_its_types_and_wants_its_answers(tmp_path: Path) -> None:
    first, second = items("activitynet_qa", tmp_path).values()
    assert (first.category, first.group, second.category) == ("yes/no", "free", "number")
    (tmp_path / "test_a.json").unlink()
    with pytest.raises(UsageError, match=r"no test_a.json beside .*test_q.json"):
        load_reader("activitynet_qa").read(tmp_path / "test_q.json", tmp_path / "videos")


def test_an_id_that_is_told_twice_is_named_with_both_places(tmp_path: Path) -> None:
    lines = _text("videomme", tmp_path).replace("601-1", "001-1")
    (tmp_path / "videomme.jsonl").write_text(lines)
    with pytest.raises(UsageError, match=r"line 2: id: '001-1' stands in .*line 1 already"):
        load_reader("videomme").read(tmp_path / "videomme.jsonl", tmp_path / "videos")


def test_a_folder_with_a_choice_wants_to_be_told(tmp_path: Path) -> None:
    SAMPLES["nextqa"].write(tmp_path)
    (tmp_path / "test.csv").write_text("video\n")
    with pytest.raises(UsageError, match=r"holds test.csv, val.csv: name the one to read"):
        load_reader("nextqa").read(tmp_path, tmp_path / "videos")


def test_readers_are_found_by_name_or_path(tmp_path: Path, monkeypatch) -> None:
    assert load_reader("MVBench").name == "mvbench"
    assert load_reader("rlm.evaluation.datasets.tomato:Tomato").name == "tomato"
    for wrong in ("nosuch", "no.such:Reader", "rlm.evaluation.datasets.tomato:Nothing"):
        with pytest.raises(UsageError, match=wrong.split(":")[0]):
            load_reader(wrong)


def test_a_file_by_two_places_is_not_guessed(tmp_path: Path) -> None:
    annotations, videos = SAMPLES["activitynet_qa"].write(tmp_path)
    for name in ("a", "b"):
        (videos / name).mkdir()
        (videos / "v_1QI.mp4").exists() and (videos / "v_1QI.mp4").unlink()
        (videos / name / "v_1QI.mp4").touch()
    data = load_reader("activitynet_qa").read(annotations, videos)
    assert "several files go by the name v_1QI" in data.missing["v_1QI_3"]


def _text(name: str, folder: Path) -> str:
    annotations, _ = SAMPLES[name].write(folder)
    return annotations.read_text()
