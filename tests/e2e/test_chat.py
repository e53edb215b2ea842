"""A chat in a real terminal, with a real jail and a server that stands for the language model."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import COMMAND, Cli
from model_server import Act, serve
from scripted import code
from terminal import Terminal

from rlm.agent import events as ev
from rlm.agent.transcript import Transcript

SILENT = Act(text="I would rather think about that first", silence=120.0)
REPLIES = {
    "What is first?": ["Let me count." + code("x = 20 + 1\nhalf = np.float64(0.5)"),
                       code("answer('the first one', confidence=0.9)")],
    "And twice that?": [code("answer(f'{2 * x} it is')")],
    "Which one?": [SILENT, code("answer('blue, as you say')")],
    "Loop": [code("y = 7\nprint('looping')\nwhile True: pass"), code("answer(f'y was {y}')")],
    "Hang": [code("import time\ntry: time.sleep(60)\nexcept BaseException:\n    while True: pass")],
    "Is x there?": [code("answer(f'x is there: {\"x\" in globals()}')")],
    "Guess": [SILENT, code("answer('a guess')")],
    "one": [code("answer('all three lines')")],
    "Broken": [Act(status=401, text="no such key")],
    "Pictures?": [code("answer('seen')")],
}  # fmt: skip


def reply(body: dict[str, Any]) -> str | Act:
    """By the question at hand, and by how often the model has been asked since."""
    said = [(message["role"], _text(message["content"])) for message in body["messages"]]
    at = max(n for n, (role, text) in enumerate(said) if role == "user" and "Question: " in text)
    lines = said[at][1].rpartition("Question: ")[2].splitlines()
    if lines[0] == "one":
        assert lines[:3] == ["one", "two", "three"]
    # What was interrupted is among what the model has said.
    turn = sum(role == "assistant" for role, _ in said[at:])
    return REPLIES[lines[0]][turn]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


@pytest.fixture(scope="module")
def home(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with an indexed film in its cache."""
    folder = tmp_path_factory.mktemp("chat")
    shutil.copytree(cache, folder / "cache")
    return {
        "HOME": str(folder),
        "VIDEORLM_CACHE": str(folder / "cache"),
        "VIDEORLM_TRANSCRIPTS": str(folder / "runs"),
        "VIDEORLM_PICTURES": "blocks",
        "XDG_DATA_HOME": str(folder / "data"),
    }


def command(film: Path, *words: object) -> list[object]:
    return [*COMMAND, "chat", film / "film.mp4", *words]


BUILTIN = ("--model", "builtin")


def ask(terminal: Terminal, question: str, answer: str) -> str:
    terminal.type(question, "Enter")
    return terminal.wait_for(answer)


def test_a_whole_chat(film: Path, home: dict[str, str]) -> None:
    with (
        serve(reply) as server,
        Terminal(
            command(film, "--model", "openai/told", "--api-base", server.url), 80, 24, **home
        ) as terminal,
    ):
        screen = terminal.wait_for("openai/told ·")
        assert "price unknown" in screen.splitlines()[-1]
        ask(terminal, "What is first?", "the first one")
        ask(terminal, "And twice that?", "42 it is")
        assert "$0" not in terminal.wait_for("turn 3 · context")

        # what is pasted stays whole; an unknown command is a line
        terminal.paste("one\ntwo\nthree")
        assert "three" in terminal.wait_for("three")
        assert "all three lines" not in terminal.screen()
        ask(terminal, "", "all three lines")
        ask(terminal, "/nope", "there is no command /nope")

        # completion: commands, and moments where scenes begin
        terminal.type("/sc", "Tab")
        terminal.wait_for("> /scenes")
        terminal.type("Enter")
        terminal.wait_for("   2  @0:")
        terminal.type("/frames @", "Tab")
        terminal.wait_for("scene 2,")
        terminal.type("C-c")
        terminal.wait_for("Ctrl-D or /quit ends the chat")
        ask(terminal, "/frames @0:01-0:03", "comes with 2 frames")
        assert "▀" in terminal.screen()
        ask(terminal, "Pictures?", "seen")
        assert str(server.requests[-1]["messages"][-1]).count("image_url") >= 2

        # Ctrl-C in a silent stream, and words
        terminal.type("Which one?", "Enter")
        terminal.wait_for("writing")
        terminal.type("C-c")
        terminal.wait_for("interrupted>")
        ask(terminal, "Take the blue one", "blue, as you say")
        assert "The person who asked says" in str(server.requests[-1]["messages"][-1])

        # Ctrl-C in a cell, a terminal of another size, and Enter
        terminal.type("Loop", "Enter")
        terminal.wait_for("· running ·")
        terminal.resize(100, 30)
        terminal.type("C-c")
        terminal.wait_for("interrupted>")
        terminal.type("Enter")
        terminal.wait_for("y was 7")
        screen = ask(terminal, "/vars", "x: int 21")
        assert "y: int 7" in screen

        # /stop answers now
        terminal.type("Guess", "Enter")
        terminal.wait_for("writing")
        terminal.type("C-c")
        terminal.wait_for("interrupted>")
        ask(terminal, "/stop", "a guess")
        assert "best effort" in terminal.wait_for("best effort")

        # twice Ctrl-C ends the process; the chat lives
        terminal.type("Hang", "Enter")
        terminal.wait_for("· running ·")
        terminal.type("C-c")
        terminal.wait_for("interrupting")
        terminal.type("C-c")
        terminal.wait_for("the chat goes on")
        ask(terminal, "Is x there?", "x is there: False")
        ask(terminal, "Broken", "/retry asks again")

        terminal.type("C-d")
        terminal.wait_for("ended with 0")
        history = terminal.history()
        assert "unexpected" not in history
        assert "rlm/" not in history  # of a traceback of ours
    (run,) = Path(home["VIDEORLM_TRANSCRIPTS"]).iterdir()
    transcript = Transcript.load(run)
    assert transcript.complete
    cut = [event.what for event in transcript.events if isinstance(event, ev.Interrupted)]
    assert cut == ["reply", "cell", "reply", "worker"]


def test_it_goes_on_where_it_stopped(film: Path, home: dict[str, str]) -> None:
    home = home | {"NO_COLOR": "1"}
    runs = Path(home["VIDEORLM_TRANSCRIPTS"]) / "of-two"
    with serve(reply) as server:
        told = subprocess.run(
            [*map(str, command(film, "--model", "openai/told", "--api-base", server.url)),
             "--transcripts", str(runs)],
            input="What is first?\n/vars\n/budget\nAnd twice that?\n",
            capture_output=True, text=True, env=os.environ | home, timeout=120,
        )  # fmt: skip
        assert told.returncode == 0, told
        assert told.stdout.splitlines() == [
            "the first one", "x: int 21", "half: float64 0.5",
            "left: 12 turns, 62 model calls; spent: price unknown",  # as the next question begins
            "42 it is",
        ]  # fmt: skip
    # of the video, too, it is known where it was
    words = [*COMMAND, "chat", *BUILTIN, "--resume", "last", "--transcripts", runs]
    with Terminal(words, 200, 60, **home) as terminal:
        screen = terminal.wait_for("builtin tier 2")
        assert "> What is first?" in screen
        assert "42 it is" in screen
        assert "turn 3" in screen.splitlines()[-1]
        ask(terminal, "/vars", "x: int 21")
        ask(terminal, "/fork 1", "I can't tell")  # the first question goes on, with this model
        terminal.wait_for("turn 2 ·")
        ask(terminal, "/upgrade 3", "tier 3 is ready")
        ask(terminal, "/upgrade 9", "tier 3 is in use now")
        terminal.wait_for("builtin tier 3 ·")
        colours = re.findall(r"\x1b\[[0-9;]*m", terminal.screen(colours=True))
        assert not [code for code in colours if re.search(r"\b(3[0-8]|4[0-8]|9[0-7])\b", code)]
        terminal.type("C-d")
        terminal.wait_for("ended with 0")
    names = sorted(path.name for path in runs.iterdir())
    headers = [Transcript.load(runs / name).header for name in names]
    assert [header.forked_from for header in headers] == ["", names[0], names[1]]


def test_a_dumb_terminal_and_a_question_nobody_can_answer(film: Path, home: dict[str, str]) -> None:
    with Terminal(command(film, *BUILTIN), 80, 24, **home | {"TERM": "dumb"}) as terminal:
        terminal.wait_for("Ctrl-D ends")
        ask(terminal, "Why?", "I can't tell")
        ask(terminal, "/budget usd=1", "left: ")
        ask(terminal, "/budget nonsense", "a limit is written")
        ask(terminal, "/find", "find what?")
        ask(terminal, "/find a red car", "of moving coloured shapes alone")
        ask(terminal, "/find @0:02-0:04", "searched by example in")
        ask(terminal, "/fork 9", "turns so far: 1")
        ask(terminal, "/quit", "ended with 0")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--resume", "nothing"), 7, "no transcript 'nothing'"),
        (("--max-usd", "-1"), 2, "must be positive"),
    ],
)
def test_what_cannot_begin_is_one_line(
    film: Path, cache: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    words: tuple[str, ...], code: int, says: str,
) -> None:  # fmt: skip
    cli = Cli(tmp_path, capfd, cache=cache)
    done = cli("chat", film / "film.mp4", *BUILTIN, *words)
    assert done.returncode == code
    assert says in done.stderr.splitlines()[-1]
