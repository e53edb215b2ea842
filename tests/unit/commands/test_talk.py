"""A talk with a real session and jail: a person who types lines, presses Ctrl-C, or has a page."""

from __future__ import annotations

import io
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console
from scripted import ScriptedModel, code

from rlm.agent import events as ev
from rlm.agent.budget import Budget
from rlm.agent.chat import Chat
from rlm.agent.choose import Choice
from rlm.agent.models import Models
from rlm.agent.preparing import Prepared
from rlm.agent.transcript import Transcript, runs_under
from rlm.commands.chat.commands import Commands
from rlm.commands.chat.talk import STEER, UNREAD, Talk
from rlm.commands.chat.upgrade import Upgrade
from rlm.config import Config
from rlm.index import VideoIndex
from rlm.ui.console import ConsoleView

PATIENCE = 30.0
Line = str | Callable[[], str]


class Person:
    """Reads as a terminal does: each line is a text, or what a function does and gives."""

    interactive = True

    def __init__(self, *lines: Line) -> None:
        self._lines = list(lines)
        self.prompts: list[str] = []
        self.typed: list[str] = []

    def read(self, prompt: str = "> ", typed: str = "") -> str:
        self.prompts.append(prompt)
        self.typed.append(typed)
        if not self._lines:
            raise EOFError
        line = self._lines.pop(0)
        return line if isinstance(line, str) else line()


class Scene:
    """A chat, what is seen of it, and what happens at an event, or at each."""

    def __init__(self, index: VideoIndex, folder: Path, *script: str | BaseException) -> None:
        self.model = ScriptedModel(*script)
        self.screen = io.StringIO()
        self.talk = Talk(ConsoleView(Console(file=self.screen, width=80), questions=False))
        self.events: list[ev.Event] = []
        self.at: dict[type[ev.Event], list[Callable[[], object]]] = {}
        self.each: Callable[[], object] = lambda: None
        ready = Prepared(
            index.video, Choice("scripted", ""), None, Models(self.model), "builtin", Budget(),
            Config(cache=folder / "cache"), folder / "runs",
        )  # fmt: skip
        self.told: list[str] = []
        self.chat = Chat(
            ready, index, sinks=[self.talk.hear, self._note],
            again=[self.talk.hear_again, self._note], notify=self.told.append,
        )  # fmt: skip

    def _note(self, event: ev.Event) -> None:
        self.events.append(event)
        self.each()
        for act in self.at.pop(type(event), [])[:1]:
            act()

    def run(self, *lines: Line) -> Person:
        person = Person(*lines)
        self.talk.run(self.chat, person, Commands(self.chat, Upgrade(self.chat), "none"))
        return person


@pytest.fixture
def scene(index: VideoIndex, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(*script: str | BaseException) -> Scene:
        made.append(Scene(index, tmp_path, *script))
        return made[-1]

    yield make
    for each in made:
        each.chat.close()


def press() -> None:
    """Ctrl-C, which the main thread gets."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_words_go_on_with_what_a_page_has_paused(scene: Callable[..., Scene]) -> None:
    here = scene(code("x = 1"), code("answer('blue')"))

    def pause_and_press() -> None:
        here.chat.control.pause()
        press()

    here.at[ev.CellStarted] = [pause_and_press]
    resumed = threading.Timer(PATIENCE, lambda: here.chat.control.resume())
    resumed.start()
    person = here.run("What moves?", "Take the blue one")
    assert resumed.is_alive(), "it went on for another reason"
    resumed.cancel()
    assert STEER in person.prompts
    assert "Take the blue one" in here.model.seen


def test_words_for_a_question_that_a_page_let_end_are_in_the_next_line(
    scene: Callable[..., Scene], capsys: pytest.CaptureFixture[str]
) -> None:
    here = scene(code("while True: pass"), code("answer('blue')"), code("answer('red')"))
    over = threading.Event()

    def meanwhile() -> str:
        here.at[ev.Answered] = [over.set]
        here.chat.control.resume()  # as the page does
        assert over.wait(PATIENCE)
        return "Take the red one"

    here.at[ev.CellStarted] = [press]
    person = here.run("What moves?", meanwhile, "And now?")
    assert person.typed == ["", "", "Take the red one", ""]
    assert person.prompts[1] == STEER
    assert UNREAD in capsys.readouterr().err
    assert here.model.seen.count("Take the red one") == 0


def test_what_ends_late_is_not_printed_into_a_line_that_is_typed(
    scene: Callable[..., Scene],
) -> None:
    here = scene(code("answer('first')"), code("answer('second')"))
    late = ev.ToolCalled(
        at=9.0, turn=1, tool="surprise_curve", arguments="0, 60", result="a curve", seconds=9.0
    )
    seen: list[str] = []

    def typing() -> str:
        here.talk.hear(late)
        seen.append(here.screen.getvalue())
        return "Second?"

    here.run("First?", typing)
    assert "surprise_curve" not in seen[0]
    assert "surprise_curve" in here.screen.getvalue()


def test_a_question_that_is_left_by_the_end_of_input_was_ended_by_the_person(
    scene: Callable[..., Scene],
) -> None:
    here = scene(code("while True: pass"))
    here.at[ev.CellStarted] = [press]
    here.run("What moves?")  # and then the end, at the prompt of the interruption
    here.chat.close()
    (end,) = (event for event in here.events if isinstance(event, ev.SessionEnded))
    assert (end.status, end.reason) == ("interrupted", "ended by the person who asked")


def test_what_a_command_cannot_do_is_a_plain_line(
    scene: Callable[..., Scene], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    scene(code("answer('x')")).run("What?", f"/save {tmp_path}/file/below", "/budget turns=inf")
    told = capsys.readouterr().err
    assert "Not a directory" in told
    assert "infinity" in told
    assert "unexpected" not in told


def test_ctrl_c_ends_what_a_pipe_asks(scene: Callable[..., Scene]) -> None:
    here = scene(code("while True: pass"), code("answer('x')"))
    here.at[ev.CellStarted] = [press]
    pipe = Person("First?", "Second?")
    pipe.interactive = False
    with pytest.raises(KeyboardInterrupt):
        here.talk.run(here.chat, pipe, Commands(here.chat, Upgrade(here.chat), "none"))
    here.chat.close()
    assert not [event for event in here.events if isinstance(event, ev.QuestionAsked)]
    (end,) = (event for event in here.events if isinstance(event, ev.SessionEnded))
    assert end.status == "interrupted"


THREE = (code("x = 1"), code("answer('one')"), code("answer('two')"))


def test_going_back_keeps_to_the_limits_and_tells_what_it_took_itself(
    scene: Callable[..., Scene], capsys: pytest.CaptureFixture[str]
) -> None:
    here = scene(*THREE, code("answer('anew')"))
    here.run("First?", "Second?", "/budget usd=0.035", "/fork 1")
    out = capsys.readouterr()
    assert "anew" in out.out
    assert "took: 1 turn," in out.err.splitlines()[-2]
    assert here.chat.session is not None
    assert here.chat.session.budget.usd == 0.035
    changed = [n for n, e in enumerate(here.events) if isinstance(e, ev.LimitsChanged)]
    answered = [n for n, e in enumerate(here.events) if isinstance(e, ev.Answered)]
    assert changed[-1] < answered[-1]
    assert here.chat.last == ("First?", ())


def test_going_back_that_is_interrupted_leaves_the_earlier_chat_alone(
    scene: Callable[..., Scene], capsys: pytest.CaptureFixture[str]
) -> None:
    here = scene(*THREE, code("answer(f'x' if 'x' in globals() else 'no x')"))

    def interrupted() -> str:
        here.at[ev.CellStarted] = [press]
        return "/fork 2"

    here.run("First?", "Second?", interrupted, "Third?")
    out = capsys.readouterr()
    assert "going through the chat again was interrupted" in out.err
    assert "no x" in out.out  # a chat of its own, asked the model and no recording
    first, second = map(Transcript.load, runs_under(here.chat.transcript.parent))
    assert [e.question for e in first.events if isinstance(e, ev.QuestionAsked)] == ["Second?"]
    assert (second.header.question, second.header.forked_from) == ("Third?", "")


def test_a_copy_that_is_not_whole_is_no_chat_to_go_on_with(scene: Callable[..., Scene]) -> None:
    here = scene(*THREE)
    here.run("First?", "Second?")
    path = here.chat.transcript
    here.chat.close()
    again = scene(code("answer('x')"))

    def interrupt() -> None:
        raise KeyboardInterrupt

    again.at[ev.Observed] = [interrupt]
    with closing(again.chat), pytest.raises(KeyboardInterrupt):
        again.talk.resume(again.chat, Transcript.load(path))
    assert runs_under(path.parent) == [path]


def test_a_chat_that_is_gone_through_again_is_found_when_all_of_it_is_there(
    scene: Callable[..., Scene],
) -> None:
    here = scene(*THREE)
    here.run("First?", "Second?")
    path = here.chat.transcript
    here.chat.close()
    again = scene(code("answer('x')"))
    found: list[list[Path]] = []  # what there would be, were it killed then
    again.each = lambda: found.append(runs_under(path.parent))
    again.talk.resume(again.chat, Transcript.load(path))
    assert found
    assert all(runs == [path] for runs in found)
    (_, copy) = runs_under(path.parent)
    said = [e.text for e in Transcript.load(copy).events if isinstance(e, ev.ModelReplied)]
    assert said == list(THREE)
