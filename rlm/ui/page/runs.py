"""A list of runs to browse, each with a link to its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlm.ui.console import clean
from rlm.ui.page.document import render


@dataclass(frozen=True)
class Listed:
    """A run in the list: ``facts`` as :func:`rlm.agent.export.about` tells them, and its page.

    ``error`` is why it cannot be read; then ``facts`` has its ``transcript`` alone.
    """

    facts: Mapping[str, Any]
    page: str = ""
    error: str = ""

    @property
    def status(self) -> str:
        """How it ended, in a word."""
        return "unreadable" if self.error else str(self.facts["status"])


def runs_page(runs: Sequence[Listed], name: str) -> str:
    """The list of ``runs`` of the folder ``name`` as one HTML file."""
    newest = sorted(runs, key=lambda run: str(run.facts.get("started", "")), reverse=True)
    readable = [run for run in newest if not run.error]

    def choices(fact: str) -> list[str]:
        return sorted({clean(str(run.facts[fact])) for run in readable})

    return render(
        "runs.html.jinja",
        f"Runs in {name}",
        ("base.css", "table.css", "runs.css"),
        ("table.js", "runs.js"),
        runs=newest,
        statuses=sorted({run.status for run in newest}),
        models=choices("model"),
        videos=choices("video"),
        clean=clean,
    )
