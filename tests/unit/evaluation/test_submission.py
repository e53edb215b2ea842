"""What goes to the servers of sets."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from vidqa_rows import SAMPLES

from rlm.errors import UsageError
from rlm.evaluation.dataset import DATASETS, load_reader
from rlm.evaluation.items import Item
from rlm.evaluation.submission import SUBMISSIONS, submit_egoschema, submit_videomme


def items(name: str, folder: Path) -> tuple[Item, ...]:
    return load_reader(name).read(*SAMPLES[name].write(folder)).items


def test_egoschema_is_an_index_for_every_uid(tmp_path: Path) -> None:
    told = submit_egoschema(items("egoschema", tmp_path), {"00-a": 4}, tmp_path / "out.json")
    assert json.loads(told.path.read_text()) == {"00-a": 4, "00-b": 0}
    assert (told.answered, told.unanswered) == (1, 1)
    told = submit_egoschema(items("egoschema", tmp_path), {"00-b": 2}, tmp_path / "out.csv")
    with told.path.open() as file:
        assert list(csv.reader(file)) == [["q_uid", "answer"], ["00-a", "0"], ["00-b", "2"]]


def test_videomme_is_read_again_as_what_was_asked(tmp_path: Path) -> None:
    asked = items("videomme", tmp_path)
    told = submit_videomme(asked, {"001-1": 2, "601-1": None}, tmp_path / "out.json")
    assert (told.answered, told.unanswered) == (1, 1)
    videos = json.loads(told.path.read_text())
    assert [video["video_id"] for video in videos] == ["001", "601"]
    assert videos[0].keys() == {"video_id", "duration", "domain", "sub_category", "questions"}
    (question,) = videos[0]["questions"]
    assert question["options"] == ["A. 1.", "B. 2.", "C. 3."]
    assert (question["answer"], question["response"]) == ("C", "C")
    assert videos[1]["questions"][0]["response"] == ""
    again = load_reader("videomme").read(told.path, tmp_path / "videos").items
    for one, other in zip(asked, again, strict=True):
        assert one.model_copy(update={"video": other.video}) == other


def test_what_cannot_be_submitted_is_one_line(tmp_path: Path) -> None:
    asked = items("egoschema", tmp_path)
    with pytest.raises(UsageError, match="00-a has no option 5"):
        submit_egoschema(asked, {"00-a": 5}, tmp_path / "out.json")
    with pytest.raises(UsageError, match="is of egoschema, not of videomme"):
        submit_videomme(asked, {}, tmp_path / "out.json")
    with pytest.raises(UsageError, match="no items"):
        submit_egoschema((), {}, tmp_path / "out.json")
    with pytest.raises(UsageError, match="cannot write the submission"):
        submit_egoschema(asked, {}, tmp_path / "nowhere" / "out.json")
    assert set(SUBMISSIONS) <= set(DATASETS)
