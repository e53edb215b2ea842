"""What every kind of event looks like, at three widths.

After a change that is meant, look at the difference and renew what is expected with::

    RENEW_SNAPSHOTS=1 pytest tests/unit/ui/test_snapshots.py -n 0
    git diff tests/unit/ui/snapshots
"""

from __future__ import annotations

import io
import os
import typing
from pathlib import Path

import pytest
from made_session import EVENTS
from rich.cells import cell_len
from rich.console import Console

from rlm.agent import events as ev
from rlm.ui.console import ConsoleView, answer_lines
from rlm.ui.status import StatusLine

FOLDER = Path(__file__).parent / "snapshots"
WIDTHS = (60, 80, 120)


def told(width: int) -> str:
    """For each event its kind, what is printed, and the status line where it changes."""
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, markup=False, no_color=True)
    view, status, last = ConsoleView(console), StatusLine(console), ""
    for event in EVENTS:
        out.write(f"[{event.kind}{' of ' + event.session if event.session else ''}]\n")  # type: ignore[attr-defined]
        view(event)
        status(event)
        if (words := status.words(event.at)) != last:
            out.write(f"~ {words}\n")
            last = words
    answered = next(e for e in EVENTS if isinstance(e, ev.Answered) and not e.session)
    ended = EVENTS[-1]
    assert isinstance(ended, ev.SessionEnded)
    out.write("[answer]\n" + "\n".join(answer_lines(answered, ended)) + "\n")
    return out.getvalue()


def test_every_kind_of_event_comes_up() -> None:
    union = typing.get_args(ev.AnyEvent)[0]
    assert {type(event) for event in EVENTS} == set(typing.get_args(union))


@pytest.mark.parametrize("width", WIDTHS)
def test_as_before(width: int) -> None:
    file, now = FOLDER / f"{width}.txt", told(width)
    if os.environ.get("RENEW_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(now)
    assert now == file.read_text()


@pytest.mark.parametrize("width", [*WIDTHS, 61, 73])
def test_no_line_is_too_long_or_ends_in_blanks(width: int) -> None:
    for line in told(width).splitlines():
        assert cell_len(line) <= width, line
        assert line == line.rstrip(), line
        assert not line.startswith("~") or cell_len(line) <= 59
