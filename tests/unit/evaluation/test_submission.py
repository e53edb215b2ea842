"""What goes to the servers of sets."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from made_results import header, result, save
from vidqa_rows import SAMPLES

from rlm.errors import UsageError
from rlm.evaluation.dataset import DATASETS, load_reader
from rlm.evaluation.items import Item
from rlm.evaluation.submission import (
    SUBMISSIONS,
    submit_egoschema,
    submit_run,
    submit_videomme,
)


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


def saved(folder: Path, name: str, asked: tuple[Item, ...], **about: object) -> Path:
    """A run in which the first item was answered with B, and nobody answered the others."""
    rows = [
        result(
            item.id, right=not place, choice=None if place else 1, dataset=name,
            answer_index=item.answer_index, options=item.options, category=item.category,
            group=item.group, repeat=repeat, question=item.question,
        )
        for repeat in range(about.get("parameters", {}).get("repeats", 1))
        for place, item in enumerate(asked)
    ]  # fmt: skip
    return save(folder, rows[::-1], header(dataset=name, **about))


def test_a_run_is_submitted_in_the_order_of_ids(tmp_path: Path) -> None:
    run = saved(tmp_path / "run", "egoschema", items("egoschema", tmp_path))
    told = submit_run("EgoSchema", run, tmp_path / "out.json")
    assert told.path.read_text() == '{\n "00-a": 1,\n "00-b": 0\n}\n'
    assert (told.answered, told.unanswered) == (1, 1)


def test_a_run_gives_the_same_form_as_the_set(tmp_path: Path) -> None:
    asked = items("videomme", tmp_path)
    run = saved(tmp_path / "run", "videomme", asked)
    submit_run("Video-MME", run, tmp_path / "run.json")
    submit_videomme(asked, {asked[0].id: 1}, tmp_path / "set.json")
    assert (tmp_path / "run.json").read_bytes() == (tmp_path / "set.json").read_bytes()


def test_a_run_that_cannot_be_submitted_says_why(tmp_path: Path) -> None:
    asked = items("egoschema", tmp_path)
    out = tmp_path / "out.json"
    run = saved(tmp_path / "run", "egoschema", asked, parameters={"repeats": 2})
    with pytest.raises(UsageError, match=r"2 times.*--repeat 0 to 1"):
        submit_run("egoschema", run, out)
    with pytest.raises(UsageError, match="no repeat 2"):
        submit_run("egoschema", run, out, 2)
    assert submit_run("egoschema", run, out, 1).answered == 1
    with pytest.raises(UsageError, match="is a run of egoschema, not of videomme"):
        submit_run("VideoMME", run, out)
    with pytest.raises(UsageError, match="no form is known for 'mlvu'; there are: egoschema"):
        submit_run("mlvu", run, out)
    with pytest.raises(UsageError, match="no result to submit"):
        submit_run("egoschema", save(tmp_path / "new", [], header(dataset="egoschema")), out)
