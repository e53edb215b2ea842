from pathlib import Path

import pytest

from rlm.agent import events as ev
from rlm.agent.replay import replay
from rlm.agent.transcript import EVENTS, Transcript, TranscriptWriter, find
from rlm.errors import TranscriptError

HEADER = ev.SessionStarted(
    at=0,
    videorlm="0",
    started="2030-01-01T00:00:00+00:00",
    question="What moves?",
    options=(),
    video=ev.VideoInfo(name="a.mp4", sha256="0", duration=1, width=2, height=2, frame_rate=25),
    model="builtin",
    preset="builtin",
    index_key="k",
    sandbox_level="bubblewrap",
    limits={"turns": 3},
    prompt_sha256="0",
)
REPLY = ev.ModelReplied(
    at=1.5, turn=1, text="```py\nprint('é\\n')\n```", seconds=1, input_tokens=1, output_tokens=None,
    usd=None,
)  # fmt: skip
END = ev.SessionEnded(at=2, status="no_answer", turns=1, frames=0, tokens=None, usd=None)


def write(folder: Path, *events: ev.Event) -> Path:
    with TranscriptWriter(folder, "What moves? Ü!") as writer:
        for event in events:
            writer(event)
        writer.media("ab", b"jpeg")
    return writer.path


def test_events_read_back_equal_and_transient_ones_are_not_stored(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, ev.ReplyDelta(at=1, turn=1, text="x"), REPLY, END)
    transcript = Transcript.load(path)
    assert transcript.events == (HEADER, REPLY, END)
    assert transcript.complete
    assert transcript.media("ab").read_bytes() == b"jpeg"
    assert path.name.endswith("-what-moves-ü")


def test_replay_brings_back_the_code(tmp_path: Path) -> None:
    kinds = [e.kind for e in replay(Transcript.load(write(tmp_path, HEADER, REPLY, END)))]
    assert kinds == ["session_started", "model_replied", "cell_started", "session_ended"]


def test_a_file_cut_at_any_byte_reads_up_to_the_last_whole_event(tmp_path: Path) -> None:
    file = write(tmp_path, HEADER, REPLY, END) / EVENTS
    raw = file.read_bytes()
    first = raw.index(b"\n") + 1
    for cut in range(first, len(raw)):
        file.write_bytes(raw[:cut])
        transcript = Transcript.load(file)
        assert len(transcript.events) == raw[:cut].count(b"\n")
        assert not transcript.complete
    file.write_bytes(raw[: first - 1])
    with pytest.raises(TranscriptError, match="no whole event"):
        Transcript.load(file)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{}\n", "not an event"),
        (b"\xff\n", "not an event"),
        (b'{"kind": "observed", "surprise": 1}\n', "not an event"),
        (END.model_dump_json().encode() + b"\n", "does not begin"),
        (HEADER.model_copy(update={"schema_version": 99}).model_dump_json().encode() + b"\n", "99"),
    ],
)
def test_what_is_no_transcript_is_refused_in_one_line(
    tmp_path: Path, line: bytes, says: str
) -> None:
    (tmp_path / EVENTS).write_bytes(line)
    with pytest.raises(TranscriptError, match=says) as error:
        Transcript.load(tmp_path)
    assert "\n" not in str(error.value)


def test_find(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="no transcript yet"):
        find("last", tmp_path)
    first, second = write(tmp_path, HEADER), write(tmp_path, HEADER)
    assert find("last", tmp_path) == second
    assert find(first.name, tmp_path) == first
    with pytest.raises(TranscriptError, match="no transcript 'x'"):
        find("x", tmp_path)


def test_discard_leaves_nothing(tmp_path: Path) -> None:
    with TranscriptWriter(tmp_path, "q") as writer:
        writer(HEADER)
        writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TranscriptError, match="choose another folder"):
        TranscriptWriter(tmp_path / "file", "q")
