"""``videorlm chat``: opens the video, goes on with an earlier chat, and talks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from rlm.commands.ask import no_jail, settings_in_force
from rlm.commands.chat.commands import COMMANDS, Commands
from rlm.commands.chat.talk import Talk
from rlm.commands.chat.upgrade import Upgrade
from rlm.commands.output import live_view, progress_bar, say, say_where
from rlm.errors import UsageError
from rlm.ui.chat.bar import line
from rlm.ui.chat.reader import reader
from rlm.ui.console import Screen

if TYPE_CHECKING:
    from rlm.video import Video


def run(
    video: str | None,
    *,
    model: str | None,
    api_base: str | None,
    settings: Mapping[str, Any],
    preset: str | None,
    transcripts: Path | None,
    resume: str | None,
    verbose: bool,
    live: bool,
    unsafe: bool,
) -> int:
    """Chat until the person, or the pipe, has no more to say; returns the exit code.

    Arguments as those of :func:`rlm.commands.ask.run`; ``resume`` names a chat to go on with, whose
    video is found where ``video`` is ``None``.
    """
    if video is None and resume is None:
        raise UsageError("which video? videorlm chat VIDEO, or --resume with a chat about one")
    config = settings_in_force(settings, model, api_base)  # before what takes long to import

    from rlm.agent.ask import budget_of
    from rlm.agent.chat import Chat
    from rlm.agent.preparing import find_index, prepare, try_jail
    from rlm.agent.record import in_all
    from rlm.agent.rerun import find_video
    from rlm.agent.session import default_jail
    from rlm.agent.transcript import Transcript, find
    from rlm.commands.view import live_page
    from rlm.sources import data_folder

    earlier = None
    if resume is not None:
        folder = transcripts.expanduser() if transcripts else config.transcripts
        earlier = Transcript.load(find(resume, folder))
    wanted: str | Video | None = video
    if wanted is None:
        assert earlier is not None and resume is not None
        remedy = f"name it: videorlm chat VIDEO --resume {quote(resume)}"
        wanted = find_video(earlier, config.cache, remedy=remedy)
    ready = prepare(
        wanted, model=model, api_base=api_base, preset=preset, budget=budget_of(config),
        config=config, transcripts=transcripts, notify=say,
    )  # fmt: skip
    jail = no_jail if unsafe else default_jail
    screen = Screen(stderr=True)
    with progress_bar(screen) as progress:
        try_jail(jail, say)
        index = find_index(ready.video, ready.preset, config.cache, say, progress)
    view = live_view(screen, config.pictures, questions=False)
    talk = Talk(view if verbose or screen.is_terminal else None)
    stack = ExitStack()
    page = stack.enter_context(live_page(lambda: chat.control)) if live else None
    pages = [page] if page is not None else []
    chat = Chat(
        ready, index, sinks=[talk.hear, *pages], again=[talk.hear_again, *pages],
        store=in_all(view.store, *(one.store for one in pages)), jail=jail, notify=say,
    )  # fmt: skip
    upgrade = Upgrade(chat)
    commands = Commands(chat, upgrade, config.pictures)
    history = data_folder() / "chat" / f"{ready.video.sha256[:16]}.history"
    with stack, closing(chat), closing(upgrade):
        lines = reader(
            history,
            lambda: _completer(chat, config.model),
            lambda width: line(commands.state(), width),
        )
        if earlier is not None:
            talk.resume(chat, earlier)
        code = talk.run(chat, lines, commands)
    if (path := chat.transcript) is not None:
        say_where(path)
    return code


def _completer(chat: Any, configured: str | None) -> Any:
    from rlm.ui.chat.completion import ChatCompleter

    models = list(dict.fromkeys(filter(None, (chat.models.main.name, configured, "builtin"))))
    values = {
        "model": models,
        "upgrade": ["1", "2", "3"],
        "budget": ["+0.25", "turns=", "tokens=", "usd=", "seconds=", "frames="],
        "save": ["page"],
    }
    told = {name: command.told for name, command in COMMANDS.items()}
    return ChatCompleter(told, values, lambda: [scene.span for scene in chat.index.scenes()])
