"""The commands of a chat, by the name after the slash."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rlm.agent.llm import Picture
from rlm.agent.text import one_line
from rlm.commands.chat.looking import Looking
from rlm.commands.chat.upgrade import Upgrade
from rlm.commands.output import replay_command, say
from rlm.errors import UsageError
from rlm.ui.chat.bar import State, cost
from rlm.ui.chat.words import Command, without_moment
from rlm.ui.console import clean

if TYPE_CHECKING:
    from rlm.agent.chat import Chat
    from rlm.agent.place import Result
    from rlm.ui.pictures import Setting

Asking = Callable[["Chat"], "Result | None"]
"""Has a chat answer something, on whatever thread; ``None`` where there was nothing to answer."""

_WHOLE = frozenset({"turns", "calls", "tokens", "frames"})
_LIMITS = ("turns", "calls", "tokens", "usd", "seconds", "frames")


@dataclass(frozen=True)
class _Known:
    """A command: how it is written, what it does in few words, and what does it."""

    usage: str
    told: str
    do: Callable[[Commands, str], Asking | None]


COMMANDS: dict[str, _Known] = {}
"""By name, in the order in which they are listed."""
_Method = TypeVar("_Method", bound=Callable[..., "Asking | None"])


def _command(usage: str) -> Callable[[_Method], _Method]:
    """Makes a method a command; its docstring says what it does."""

    def register(method: _Method) -> _Method:
        told = (method.__doc__ or "").rstrip(".")
        name = usage.split()[0].removeprefix("/")
        COMMANDS[name] = _Known(usage, told[:1].lower() + told[1:], method)
        return method

    return register


class Quit(Exception):
    """The chat is to end."""


class Commands:
    """What a person may do beside asking. Results go to stdout, all else to stderr."""

    def __init__(self, chat: Chat, upgrade: Upgrade, pictures: Setting | None) -> None:
        self._chat = chat
        self._upgrade = upgrade
        self._looking = Looking(chat, pictures)
        self._shown: list[Picture] = []
        self._options: tuple[str, ...] = ()

    # ---- what the talk does

    def do(self, command: Command) -> Asking | None:
        """Do it; what it leads to being asked, if anything. Raises ``UsageError`` and others."""
        known = COMMANDS.get(command.name)
        if known is None:
            near = [name for name in COMMANDS if name.startswith(command.name[:2])]
            hint = f"; did you mean /{near[0]}?" if near else "; /help lists them"
            raise UsageError(f"there is no command /{command.name}{hint}")
        return known.do(self, command.rest)

    def beside(self, command: Command) -> None:
        """Do what can be done while a question is held."""
        if command.name not in _BESIDE:
            names = ", ".join(f"/{name}" for name in sorted(_BESIDE))
            raise UsageError(f"now there are /stop, {names}; the others wait for the answer")
        self.do(command)

    def question(self, words: str) -> Asking:
        """A question, with the frames and options that were chosen for it."""
        shown, self._shown = self._shown, []
        options, self._options = self._options, ()
        return lambda chat: chat.ask(words, options, shown)

    def news(self) -> str | None:
        """What happened in the background."""
        return self._upgrade.news()

    def state(self) -> State:
        """What the status bar tells."""
        chat, session = self._chat, self._chat.session
        meter = session.meter if session is not None else None
        price = chat.models.main.price(1000, 1000)
        return State(
            model=chat.models.main.name,
            preset=chat.index.preset,
            tier=chat.index.tier,
            turn=meter.turns if meter else 0,
            context=session.context if session else (0, None),
            usd=None if price is None else meter.usd if meter else 0.0,
            free=price == 0,
            budget=meter.left(anew=not chat.control.held) if meter else _in_words(chat),
            doing=self._upgrade.doing,
        )

    # ---- the commands

    @_command("/frames @1:04-1:10")
    def frames(self, rest: str) -> None:
        """Show frames, here and to the next question."""
        self._shown += self._looking.frames(rest)

    @_command("/find TEXT | @1:04-1:10")
    def find(self, rest: str) -> None:
        """Moments most like a text, or a moment."""
        self._looking.find(rest)

    @_command("/scenes")
    def scenes(self, rest: str) -> None:
        """Where the scenes begin."""
        self._looking.scenes()

    @_command("/transcript [@1:04-1:10]")
    def transcript(self, rest: str) -> None:
        """What is said."""
        self._looking.transcript(rest)

    @_command("/budget [+0.25 | turns=20]")
    def budget(self, rest: str) -> None:
        """Raise or set a limit, or tell what is left."""
        if rest:
            self._chat.change_limits(**self._limit(rest))
        state = self.state()
        print(f"left: {state.budget}; spent: {cost(state)}")

    @_command("/model [NAME]")
    def model(self, rest: str) -> None:
        """Have another model answer from now on."""
        if rest:
            self._chat.change_model(rest)
        print(f"model: {self._chat.models.main.name}")

    @_command("/upgrade TIER")
    def upgrade(self, rest: str) -> None:
        """Build a better index in the background."""
        if rest in ("stop", "off"):
            self._upgrade.close()
            return
        if not rest.isdecimal():
            raise UsageError("an upgrade is to a tier: /upgrade 3; /upgrade stop gives it up")
        self._upgrade.begin(int(rest))
        say(f"building tier {rest} in the background; the bar below tells how far it is")

    @_command("/code [N]")
    def code(self, rest: str) -> None:
        """The last cell that ran, or the last N."""
        if rest and not rest.isdecimal():
            raise UsageError("/code takes a number: /code 3 shows the last three cells")
        cells = list(self._chat.cells)[-int(rest or 1) :]
        if not cells:
            print("no code ran yet")
        for turn, source in cells:
            print(f"# turn {turn}\n{clean(source)}\n")

    @_command("/vars")
    def vars(self, rest: str) -> None:
        """The variables of the Python session."""
        print(clean(self._chat.variables()) or "no variables yet")

    @_command("/note TEXT [@1:04-1:10]")
    def note(self, rest: str) -> None:
        """Have the model know a fact."""
        fact, span = without_moment(rest)
        if not fact:
            raise UsageError("a note is /note WORDS, with @1:04-1:10 where it can be seen")
        self._chat.note(fact, span)

    @_command("/options A | B | C")
    def options(self, rest: str) -> None:
        """The next question is multiple choice."""
        options = tuple(part.strip() for part in rest.split("|")) if rest else ()
        if len(options) == 1:
            raise UsageError("options are written /options red | white, at least two of them")
        self._options = options
        say(f"the next question has {len(options)} options" if options else "no options")

    @_command("/retry")
    def retry(self, rest: str) -> Asking:
        """Ask the last question again."""
        if self._chat.last is None:
            raise UsageError("nothing has been asked yet")
        words, options = self._chat.last
        return lambda chat: chat.ask(words, options)

    @_command("/fork TURN")
    def fork(self, rest: str) -> Asking:
        """Go back to after a turn, variables too."""
        if not rest.isdecimal():
            raise UsageError("a fork is after a turn: /fork 3; /code tells which turns there were")
        return lambda chat: chat.go_back(int(rest))

    @_command("/save [FOLDER | page]")
    def save(self, rest: str) -> None:
        """Where the transcript is, a copy, or a page."""
        path = self._chat.transcript
        if path is None:
            raise UsageError("there is nothing to save before the first reply")
        if not rest:
            print(f"{path}\n{replay_command(path)}")
        elif rest == "page":
            from rlm.agent.transcript import Transcript
            from rlm.ui.page.document import write_page

            file = Path(f"{path.name}.html")
            write_page(Transcript.load(path), file)
            print(file)
        else:
            folder = Path(rest).expanduser()
            try:
                shutil.copytree(path, folder)
            except FileExistsError:
                raise UsageError(f"{folder} is there already; name a new folder") from None
            print(folder)

    @_command("/help")
    def help(self, rest: str) -> None:
        """This list."""
        wide = max(len(command.usage) for command in COMMANDS.values()) + 3
        for command in COMMANDS.values():
            print(f"  {command.usage:<{wide}}{command.told}")
        print(
            "Anything else is a question. @1:04 or @1:04-1:10 name moments (TAB completes them).\n"
            "Alt-Enter or a backslash at the end begin another line; Ctrl-X Ctrl-E opens $EDITOR.\n"
            "Ctrl-C interrupts what runs, and never ends the chat; Ctrl-D on an empty line does."
        )

    @_command("/quit")
    def quit(self, rest: str) -> None:
        """End the chat."""
        raise Quit

    def _limit(self, text: str) -> dict[str, float | None]:
        """``+0.25`` (dollars), ``turns=20``, ``turns +5``, ``usd=none``."""
        words = text.replace("=", " ").split()
        name = words.pop(0) if words and words[0] in _LIMITS else "usd"
        number = "".join(words)
        if number == "none":
            return {name: None}
        try:
            value = float(number)
        except ValueError:
            raise UsageError(
                f"a limit is written +0.25 (dollars), turns=20, turns +5 or usd=none, not "
                f"{text!r}; there are: {', '.join(_LIMITS)}"
            ) from None
        if number[0] in "+-":
            old = getattr(self._chat.budget, name)
            value += old if old is not None else self._spent(name)
        return {name: int(value) if name in _WHOLE else value}

    def _spent(self, name: str) -> float:
        session = self._chat.session
        return float(getattr(session.meter, name) or 0.0) if session is not None else 0.0


_BESIDE = frozenset({"budget", "code", "find", "help", "model", "note", "scenes", "vars"})


def _in_words(chat: Chat) -> str:
    from rlm.agent.budget import Meter

    return one_line(Meter(chat.budget).left())
