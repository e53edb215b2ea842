"""``videorlm view`` and ``--live``: runs as pages, saved ones and those under way."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from rlm.agent.text import counted, one_line
from rlm.commands.output import DONE, say
from rlm.errors import TranscriptError
from rlm.sources import cache_folder

if TYPE_CHECKING:
    from rlm.agent.control import Control
    from rlm.ui.page.live import LivePage
    from rlm.ui.page.runs import Listed

LONGEST = 160
"""Characters of why a run in a list cannot be read."""


def run(name: str, output: Path | None, *, opens: bool) -> int:
    """Write the page of a saved run and open it; its path goes to stdout.

    Without ``output`` it lies in the user's cache. Raises ``TranscriptError`` for a run that cannot
    be read, ``OSError`` for a file that cannot be written.
    """
    from rlm.agent.transcript import Transcript, find
    from rlm.config import load_config
    from rlm.ui.page.document import write_page

    transcript = Transcript.load(find(name, load_config().transcripts))
    page = output or pages_folder() / f"{transcript.path.resolve().name}.html"
    beside = write_page(transcript, page, copies=output is not None)
    if beside:
        pictures = counted(len(beside), "picture")
        say(f"{pictures} had no room in the page: it links to {beside[0].parent}")
    return _shown(page, opens)


def run_index(folder: Path, output: Path | None, *, opens: bool) -> int:
    """Write a list of the runs in ``folder``, their pages beside it, and open it.

    What cannot be read is listed as that. Raises ``TranscriptError`` when there is no such folder,
    ``OSError`` for a file that cannot be written.
    """
    from rlm.agent.transcript import EVENTS
    from rlm.ui.page.runs import runs_page

    if not folder.is_dir():
        raise TranscriptError(f"no folder {folder}; give one that holds transcripts")
    name = folder.resolve().name
    page = output or pages_folder() / f"{name}-runs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    found = sorted(path.parent for path in folder.glob(f"*/{EVENTS}"))
    runs = [_listed(path, page.parent) for path in found]
    page.write_text(runs_page(runs, name), encoding="utf-8")
    bad = sum(bool(one.error) for one in runs)
    say(f"{counted(len(runs), 'run')}" + (f", {bad} of them cannot be read" if bad else ""))
    return _shown(page, opens)


def pages_folder() -> Path:
    """Where pages go that nobody named: ``videorlm/pages`` in the user's cache."""
    folder = cache_folder() / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def live_page(control: Callable[[], Control] | None) -> Iterator[LivePage]:
    """The page of a run under way, said on stderr and opened where there is a browser.

    Give it to the run as a sink, with its ``store`` and ``progress``, within the ``with`` block.
    ``control`` says by what the run is held; without, the page only shows it.
    """
    from rlm.ui.page.live import LivePage

    with LivePage(control) as page:
        say(f"live: {page.address}")
        if sys.stderr.isatty():
            open_page(page.address)
        yield page


def open_page(address: str) -> bool:
    """Open an address in a browser of this machine's screen; whether there was one."""
    seen = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in seen):
        return False  # what would be found is a browser for the terminal
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False


def _shown(page: Path, opens: bool) -> int:
    if opens and sys.stdout.isatty():
        open_page(page.resolve().as_uri())
    print(page)
    return DONE


def _listed(path: Path, folder: Path) -> Listed:
    from rlm.agent.export import about
    from rlm.agent.transcript import Transcript
    from rlm.ui.page.document import write_page
    from rlm.ui.page.runs import Listed

    page = folder / f"{path.name}.html"
    try:
        transcript = Transcript.load(path)
        # A chat is known by what it began with.
        facts = about(transcript) | {"question": transcript.header.question}
        write_page(transcript, page)
    except TranscriptError as error:
        return Listed({"transcript": path.name}, error=one_line(str(error))[:LONGEST])
    return Listed(facts, quote(page.name))
