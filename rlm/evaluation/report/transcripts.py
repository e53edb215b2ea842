"""The page of each transcript of a run, which the report links to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from rlm.errors import TranscriptError
from rlm.evaluation.results import ItemResult
from rlm.evaluation.saved_run import SavedRun

PAGES = "pages"


def write_pages(
    runs: Sequence[SavedRun], output: Path, progress: Callable[[int, int], None]
) -> list[str]:
    """Write the pages of all transcripts that have none in ``output`` yet, or an older one.

    A page takes about a tenth of a second and some hundred kilobytes. ``progress`` is told how many
    of how many are done. Returns why transcripts could not be read, a line each. Raises ``OSError``
    when a page cannot be written.
    """
    from rlm.agent.transcript import EVENTS, Transcript
    from rlm.ui.page.document import write_page

    faults = []
    wanted = [(run, row) for run in runs for q in run.questions for row in q.results]
    wanted = [(run, row) for run, row in wanted if row.transcript]
    for number, (run, row) in enumerate(wanted, 1):
        page, events = _page(run, row, output, len(runs)), run.folder / str(row.transcript) / EVENTS
        if not (page.exists() and events.exists() and _newer(page, events)):
            try:
                page.parent.mkdir(parents=True, exist_ok=True)
                write_page(Transcript.load(events.parent), page)
            except TranscriptError as error:
                faults.append(f"{row.id}: {error}")
        progress(number, len(wanted))
    return faults


def link(run: SavedRun, row: ItemResult, output: Path, runs: int) -> str:
    """The address of a transcript's page from ``output``; empty where there is no page."""
    if not row.transcript:
        return ""
    page = _page(run, row, output, runs)
    return quote(page.relative_to(output).as_posix()) if page.exists() else ""


def _page(run: SavedRun, row: ItemResult, output: Path, runs: int) -> Path:
    name = Path(str(row.transcript)).name
    folder = output / PAGES
    if runs > 1:
        folder /= re.sub(r"[^\w-]+", "-", run.name)
    return folder / f"{name}.html"


def _newer(page: Path, events: Path) -> bool:
    return page.stat().st_mtime >= events.stat().st_mtime
