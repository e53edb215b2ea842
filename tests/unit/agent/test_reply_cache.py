"""Replies that are paid for once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripted import ScriptedModel

from rlm.agent.llm import Message, Picture, Reply, Usage
from rlm.agent.reply_cache import CachedModel
from rlm.errors import ModelUnavailable, UsageError

HELLO = [Message("system", ("Be brief.",)), Message("user", ("Look:", Picture(b"\xff\xd8", "p")))]


def test_the_second_time_is_free_and_says_so(tmp_path: Path) -> None:
    model = ScriptedModel("one", "two")
    first = CachedModel(model, tmp_path / "kept").complete(HELLO)
    heard: list[str] = []
    second = CachedModel(model, tmp_path / "kept").complete(HELLO, heard.append)
    assert (first.text, first.cached, first.usage) == ("one", False, Usage(100, 10, 0.01))
    assert second == Reply("one", Usage(0, 0, 0.0, 0), cached=True, read=100)
    assert heard == ["one"]
    assert len(model.sent) == 1
    (file,) = (tmp_path / "kept").iterdir()
    assert json.loads(file.read_text())["usage"]["input_tokens"] == 100
    assert "Be brief" not in file.read_text()


def test_whatever_makes_another_reply_is_another_call(tmp_path: Path) -> None:
    model = ScriptedModel("x")
    other_picture = [HELLO[0], Message("user", ("Look:", Picture(b"\xff\xd9", "p")))]
    other_role = [HELLO[0], Message("assistant", HELLO[1].parts)]
    CachedModel(model, tmp_path).complete(HELLO)
    CachedModel(model, tmp_path).complete(other_picture)
    CachedModel(model, tmp_path).complete(other_role)
    CachedModel(model, tmp_path, {"temperature": 0.5}).complete(HELLO)
    model.name = "another"
    CachedModel(model, tmp_path).complete(HELLO)
    assert len(model.sent) == 5


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}', "\udcff"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: str) -> None:
    model = ScriptedModel("good")
    cached = CachedModel(model, tmp_path)
    cached.complete(HELLO)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage.encode(errors="surrogateescape"))
    assert not cached.complete(HELLO).cached
    assert cached.complete(HELLO).cached
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_under_a_wrong_name_counts_for_none(tmp_path: Path) -> None:
    cached = CachedModel(ScriptedModel("one", "two"), tmp_path)
    cached.complete(HELLO)
    (one,) = tmp_path.iterdir()
    cached.complete(HELLO[:1])
    (two,) = set(tmp_path.iterdir()) - {one}
    one.replace(two)
    assert not cached.complete(HELLO[:1]).cached


def test_failures_are_not_kept(tmp_path: Path) -> None:
    cached = CachedModel(ScriptedModel(ModelUnavailable("gone"), "fine"), tmp_path)
    with pytest.raises(ModelUnavailable):
        cached.complete(HELLO)
    assert cached.complete(HELLO).text == "fine"


def test_a_reply_is_not_lost_over_its_record(tmp_path: Path) -> None:
    cached = CachedModel(ScriptedModel("fine"), tmp_path / "kept")
    (tmp_path / "kept").rmdir()
    assert cached.complete(HELLO).text == "fine"


def test_a_folder_that_is_none_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="choose another folder"):
        CachedModel(ScriptedModel("x"), tmp_path / "file")
