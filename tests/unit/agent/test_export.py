from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from rlm.agent import events as ev
from rlm.agent.export import about, openai, sharegpt
from rlm.agent.transcript import Transcript, TranscriptWriter
from rlm.errors import TranscriptError

EVIL = "</pre></script><script>alert(1)</script><img src=x onerror='alert(2)'>"
JPEG = b"\xff\xd8jpeg"
UNKNOWN = {"input_tokens": None, "output_tokens": None, "usd": None}


def text(words: str) -> ev.Text:
    return ev.Text(text=words)


def header(**values: object) -> ev.SessionStarted:
    video = ev.VideoInfo(name="a.mp4", sha256="0", duration=1, width=2, height=2, frame_rate=25)
    return ev.SessionStarted(
        at=0, videorlm="0", started="2030-01-01T00:00:00+00:00", options=(), video=video,
        model="builtin", preset="builtin", index_key="k", sandbox_level="bubblewrap",
        limits={"turns": 3}, prompt_sha256="0", **({"question": EVIL} | values),
    )  # fmt: skip


def session(name: str) -> list[ev.Event]:
    image = ev.Image(sha256="ab", label=f'"{EVIL}')
    where = {"at": 1, "session": name}
    return [
        ev.Prompted(**where, role="system", parts=(text("rules"),)),
        ev.Prompted(**where, role="user", parts=(text(f"what? {EVIL}"),)),
        ev.ModelReplied(**where, turn=1, text=f"look {EVIL}", seconds=1, **UNKNOWN),
        ev.Observed(
            **where, turn=1, parts=(text("[frame]"), image, text("[left]")), seconds=0,
            host_seconds=0,
        ),
        ev.Answered(
            **where, turn=1, answer=f"it {name or 'is'}", choice=None, evidence=((0, 1),),
            confidence=0.5,
        ),
        ev.SessionEnded(**where, status="answered", turns=1, frames=1, tokens=None, usd=0.5),
    ]  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Transcript:
    *root, end = session("")
    part = ev.SubSessionStarted(
        at=1, session="1", turn=1, question="a part", options=(), span=(0, 1), model="builtin",
        limits={},
    )  # fmt: skip
    with TranscriptWriter(tmp_path, "q") as writer:
        for event in (header(), *root, part, *session("1"), end):
            writer(event)
        writer.media("ab", JPEG)
    return Transcript.load(writer.path)


def test_openai_chats_are_one_line_a_session(saved: Transcript) -> None:
    root, part = map(json.loads, openai([saved]))
    assert [m["role"] for m in root["messages"]] == ["system", "user", "assistant", "user"]
    assert root["messages"][0]["content"] == "rules"
    words, picture, left = root["messages"][3]["content"]
    assert (words["text"], left["text"]) == ("[frame]", "[left]")
    data = picture["image_url"]["url"].removeprefix("data:image/jpeg;base64,")
    assert base64.b64decode(data) == JPEG
    about_root, about_part = root["metadata"], part["metadata"]
    assert (about_root["session"], about_root["answer"]) == ("", "it is")
    assert (about_part["session"], about_part["answer"]) == ("1", "it 1")
    assert (about_part["asked"], about_part["span"]) == ("a part", [0, 1])
    # A chat of a part is known by how the whole went.
    run = about_part["run"]
    assert (run["answer"], run["status"], run["tokens"], run["usd"]) == (
        "it is", "answered", None, 0.5,
    )  # fmt: skip


def test_pictures_may_be_left_out(saved: Transcript) -> None:
    saved.media("ab").unlink()
    root, _ = map(json.loads, openai([saved], images=False))
    assert root["messages"][3]["content"].startswith("[frame]\n(picture: ")
    for form in (openai, sharegpt):
        assert "".join(form([saved], False))
        with pytest.raises(TranscriptError, match="--no-images does without"):
            list(form([saved]))


def test_sharegpt_has_turns_and_pictures_in_order(saved: Transcript) -> None:
    root, _ = map(json.loads, sharegpt([saved]))
    turns = root["conversations"]
    assert [turn["from"] for turn in turns] == ["system", "human", "gpt", "human"]
    assert turns[3]["value"] == "[frame]\n<image>\n[left]"
    assert len(root["images"]) == 1
    assert root["metadata"]["run"]["question"] == EVIL


def test_a_run_that_was_killed_is_told_as_that(saved: Transcript) -> None:
    facts = about(Transcript(saved.path, saved.events[:4], complete=False))
    assert (facts["status"], facts["answer"], facts["turns"], facts["tokens"]) == (
        "unfinished", None, 1, None,
    )  # fmt: skip


def test_a_picture_is_looked_for_in_its_folder_alone(saved: Transcript) -> None:
    with pytest.raises(TranscriptError, match="no hash"):
        saved.media("../../secret")
