import json
import os
import shutil
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from rlm.agent import events as ev
from rlm.agent.budget import Budget
from rlm.agent.export import about
from rlm.agent.replay import replay
from rlm.agent.rerun import recorded_budget
from rlm.agent.transcript import (
    ABANDONED,
    EVENTS,
    LONGEST,
    UNSEEN,
    Transcript,
    TranscriptWriter,
    find,
    link,
    runs_under,
)
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


def test_what_utf_8_does_not_have_is_replaced(tmp_path: Path) -> None:
    header = HEADER.model_dump() | {"question": "a\ud800", "options": ("b\udfff", "c")}
    path = write(tmp_path, ev.SessionStarted(**header), REPLY)
    assert (Transcript.load(path).header.options, Transcript.load(path).header.question) == (
        ("b?", "c"), "a?",
    )  # fmt: skip


def test_discard_leaves_nothing(tmp_path: Path) -> None:
    with TranscriptWriter(tmp_path, "q") as writer:
        writer(HEADER)
        writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_begins_unseen_is_found_whole_or_not_at_all(tmp_path: Path) -> None:
    with TranscriptWriter(tmp_path, "q", unseen=True) as writer:
        writer(HEADER)
        assert runs_under(tmp_path) == []  # as it is when the process is killed here
        with pytest.raises(TranscriptError, match="no transcript at"):
            Transcript.load(writer.path)
        writer.publish()
        assert runs_under(tmp_path) == [writer.path]
        writer.publish()
        writer(REPLY)
    assert [event.kind for event in Transcript.load(writer.path).events] == [
        "session_started", "model_replied",
    ]  # fmt: skip


def test_what_a_killed_process_left_unseen_goes_with_the_next_copy(tmp_path: Path) -> None:
    killed = TranscriptWriter(tmp_path, "killed", unseen=True)
    killed(HEADER)
    with TranscriptWriter(tmp_path, "under way", unseen=True) as under_way:
        long_ago = time.time() - 2 * ABANDONED
        for writer in (killed, under_way):
            os.utime(writer.path / UNSEEN, (long_ago, long_ago))
        killed.__exit__(None, None, None)  # as the end of a process does
        with TranscriptWriter(tmp_path, "next", unseen=True) as following:
            assert {*tmp_path.iterdir()} == {under_way.path, following.path}
            under_way(HEADER)
            under_way.publish()
    assert runs_under(tmp_path) == [under_way.path]


def test_nothing_but_unseen_runs_is_removed(tmp_path: Path) -> None:
    foreign, ours = tmp_path / "Downloads", tmp_path / "20260101-000000-000000-killed"
    for folder in (foreign, ours):
        (folder / "media").mkdir(parents=True)
        (folder / UNSEEN).touch()
        os.utime(folder / UNSEEN, (0, 0))
    (ours / "mine.txt").touch()
    with TranscriptWriter(tmp_path, "next", unseen=True):
        assert [path.name for path in foreign.iterdir()].count(UNSEEN) == 1
        assert [path.name for path in ours.iterdir()] == ["mine.txt"]


def test_a_run_that_is_published_while_it_is_looked_at_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TranscriptWriter(tmp_path, "under way", unseen=True) as writer:
        writer(HEADER)
        os.utime(writer.path / UNSEEN, (0, 0))

    def publish_first(*arguments: object) -> None:
        writer.publish()

    monkeypatch.setattr("rlm.agent.transcript.fcntl.flock", publish_first)
    with TranscriptWriter(tmp_path, "next", unseen=True):
        assert runs_under(tmp_path) == [writer.path]


def test_a_run_that_lies_elsewhere_is_found_while_it_is_there(tmp_path: Path) -> None:
    parent, run = tmp_path / "runs", write(tmp_path / "demo", HEADER)
    for _ in range(2):
        link(run, parent)
        assert find("last", parent).resolve() == run
        assert find(run.name, parent).resolve() == run
    shutil.rmtree(run)
    assert runs_under(parent) == []
    other = write(tmp_path / "demo", HEADER)
    link(other, parent)
    assert [path.name for path in parent.iterdir()] == [other.name]
    shutil.rmtree(other)
    link(run, tmp_path / "demo")  # a link to itself there must not be
    assert not (tmp_path / "demo" / run.name).exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TranscriptError, match="choose another folder"):
        TranscriptWriter(tmp_path / "file", "q")


VERSION_1 = (
    '{"at":0.1,"kind":"session_started","schema_version":1,"videorlm":"0.1.0","started":"2026-01-01'
    'T00:00:00+00:00","question":"What?","options":["a","b"],"video":{"name":"a.mp4","sha256":"00",'
    '"duration":3.0,"width":4,"height":4,"frame_rate":25.0},"model":"m","preset":"builtin",'
    '"index_key":"k","sandbox_level":"landlock","limits":{"turns":12.0,"calls":64.0,"tokens":null,'
    '"usd":null,"seconds":null},"prompt_sha256":"00"}',
    '{"at":0.2,"kind":"prompted","role":"system","parts":[{"kind":"text","text":"rules"}]}',
    '{"at":0.9,"kind":"model_replied","turn":1,"text":"hm","reasoning":"","seconds":0.7,'
    '"input_tokens":10,"output_tokens":2,"usd":null}',
    '{"at":1.0,"kind":"tool_model_used","turn":1,"prompt":"p","images":[],"reply":"r","seconds":0.1'
    ',"input_tokens":1,"output_tokens":1,"usd":0.1}',
    '{"at":1.1,"kind":"observed","turn":1,"parts":[{"kind":"image","sha256":"ab","label":"f"},'
    '{"kind":"text","text":"[turn 1 done; left: 11 turns]"}],"frames":1,"failure":"no_code",'
    '"seconds":0.0,"host_seconds":0.0}',
    '{"at":1.2,"kind":"session_ended","status":"no_answer","reason":"","turns":1,"frames":1,'
    '"tokens":12,"usd":null}',
)


def test_a_transcript_of_version_1_is_read(tmp_path: Path) -> None:
    (tmp_path / EVENTS).write_text("\n".join(VERSION_1) + "\n")
    transcript = Transcript.load(tmp_path)
    assert transcript.complete
    assert transcript.header.schema_version == 1
    assert {event.session for event in transcript.events} == {""}
    assert (transcript.header.forked_from, transcript.header.forked_turn) == ("", 0)
    assert len(list(replay(transcript))) == len(VERSION_1)
    assert recorded_budget(transcript) == Budget(turns=12, calls=64)
    assert about(transcript)["tokens"] == 12


def test_what_later_versions_added_has_a_default(tmp_path: Path) -> None:
    call = (
        '{"at":1.0,"kind":"tool_called","turn":1,"tool":"t","arguments":"","result":"","seconds":0}'
    )
    for version in (1, 2):
        header = VERSION_1[0].replace('"schema_version":1', f'"schema_version":{version}')
        (tmp_path / EVENTS).write_text(f"{header}\n{call}\n")
        first, second = Transcript.load(tmp_path).events
        assert (first.scenes, second.spans, second.curve) == ((), (), ())


def test_the_size_of_a_transcript_is_linear_in_its_turns(tmp_path: Path) -> None:
    """The system prompt aside, which is there once: 50 turns of 2 KB each stay under 130 KB."""

    def size(turns: int) -> int:
        events: list[ev.Event] = [HEADER]
        for turn in range(1, turns + 1):
            parts = (ev.Text(text="x" * 2048), ev.Text(text=f"[turn {turn} done; left: 9 turns]"))
            events.append(REPLY.model_copy(update={"turn": turn, "seconds": 1.2345678901234567}))
            events.append(
                ev.Observed(at=1.234, turn=turn, parts=parts, seconds=0.1234567890123456,
                            host_seconds=0.1234567890123456)
            )  # fmt: skip
        return (write(tmp_path, *events, END) / EVENTS).stat().st_size

    sizes = {turns: size(turns) for turns in (10, 20, 50)}
    assert sizes[50] < 130_000
    a_turn = (sizes[50] - sizes[10]) / 40
    assert sizes[20] - sizes[10] == pytest.approx(10 * a_turn, rel=0.01)
    print(sizes)


def test_runs_are_found_the_newest_last(tmp_path: Path) -> None:
    first, second = write(tmp_path, HEADER), write(tmp_path, HEADER)
    (tmp_path / "zzz").mkdir()
    assert runs_under(tmp_path) == [first, second]
    assert runs_under(tmp_path / "nowhere") == []


def test_a_long_system_prompt_is_filed_once_and_read_back(tmp_path: Path) -> None:
    words = "Write Python.\n" * 1000
    with TranscriptWriter(tmp_path, "q") as writer:
        writer(HEADER)
        for session in ("", "1", "2"):
            parts = (ev.Text(text=words), ev.Text(text="short"))
            writer(ev.Prompted(at=1, session=session, role="system", parts=parts))
    (filed,) = (writer.path / "media").glob("*.txt.gz")
    assert filed.stat().st_size < 500
    assert (writer.path / "events.jsonl").stat().st_size < 2000
    prompts = [e for e in Transcript.load(writer.path).events if e.kind == "prompted"]
    assert [[part.text for part in e.parts] for e in prompts] == [[words, "short"]] * 3
    filed.write_bytes(b"no gzip")
    with pytest.raises(TranscriptError, match="cannot be read"):
        Transcript.load(writer.path)
    filed.unlink()
    with pytest.raises(TranscriptError, match="cannot be read"):
        Transcript.load(writer.path)


def test_filed_words_lead_to_no_other_folder(tmp_path: Path) -> None:
    with TranscriptWriter(tmp_path, "q") as writer:
        writer(HEADER)
    row = {"at": 1, "kind": "prompted", "role": "system"}
    row |= {"parts": [{"kind": "filed", "sha256": "../../x"}]}
    with (writer.path / "events.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    with pytest.raises(TranscriptError, match="no hash"):
        Transcript.load(writer.path)


@pytest.mark.parametrize(
    "line", ['{"kind": "filed"', '["kind", {"kind": "filed"}]', '{"kind": "filed"}', "[" * 9999]
)
def test_damaged_lines_are_transcript_errors(tmp_path: Path, line: str) -> None:
    transcript = write(tmp_path, HEADER)
    with (transcript / EVENTS).open("a") as file:
        file.write(line + ' "kind": "filed"\n')
    with pytest.raises(TranscriptError, match="line 2 is not an event"):
        Transcript.load(transcript)


def test_filed_words_do_not_unpack_without_end(tmp_path: Path) -> None:
    with TranscriptWriter(tmp_path, "q") as writer:
        writer(HEADER)
        words = "x" * (LONGEST + 1)
        writer(ev.Prompted(at=1, role="system", parts=(ev.Text(text=words),)))
    with pytest.raises(TranscriptError, match="too long for a system prompt"):
        Transcript.load(writer.path)


def test_a_place_in_the_tree_is_numbers() -> None:
    assert ev.Noted(at=1, session="1.12", turn=1, fact="x", span=None).session == "1.12"
    with pytest.raises(ValidationError):
        ev.Noted(at=1, session="1\x1b[2J", turn=1, fact="x", span=None)
