"""``videorlm doctor``: what works on this machine, each thing really tried."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

from rlm.agent.text import counted, one_line
from rlm.commands.doctor.check import Check, Finding, missing
from rlm.commands.output import command_name
from rlm.ui.console import Screen, clean

FIT, UNFIT = 0, 1
_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "missing": ("missing", "red")}


def run(*, network: bool, as_json: bool) -> int:
    """Check everything and print it as it is found; 0 when questions can be answered, else 1."""
    began = time.monotonic()
    screen, findings = Screen(), []
    for finding in _findings(network):
        findings.append(finding)
        if not as_json:
            _print(screen, finding)
    count = {state: sum(each.state == state for each in findings) for state in _MARKS}
    fit = not count["missing"]
    if as_json:
        checks = [asdict(finding) for finding in findings]
        print(json.dumps({"can_answer": fit, "checks": checks}))
        return FIT if fit else UNFIT
    summary = "questions can be answered here" if fit else "no question can be answered here yet"
    tally = f"{count['ok']} ok, {counted(count['warning'], 'warning')}, {count['missing']} missing"
    screen.print(f"\n{summary}: {tally} ({time.monotonic() - began:.1f} s)", style="bold")
    if fit:
        screen.print(f"try it: {command_name()} demo", soft_wrap=True)
    return FIT if fit else UNFIT


def _findings(network: bool) -> Iterator[Finding]:
    """What the checks find, one after the other: torch is loaded slowly beside other threads."""
    from rlm.commands.doctor import jail, machine, models, terminal

    checks: dict[str, Check] = {
        "python": machine.python,
        "jail": jail.levels,
        "video": machine.decoders,
        "device": models.device,
        "weights": models.weights,
        "settings": machine.settings,
        "language model": partial(models.language_model, network=network),
        "folders": machine.folders,
        "terminal": terminal.terminal,
    }
    for name, check in checks.items():
        yield from _safely(name, check)


def _safely(name: str, check: Check) -> list[Finding]:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - a broken machine breaks in ways nobody foresaw
        what = one_line(f"{type(error).__name__}: {error}")
        return [missing(name, f"could not be checked: {what}", "see the message; please report it")]


def _print(screen: Screen, finding: Finding) -> None:
    from rich.table import Table
    from rich.text import Text

    if not screen.is_terminal:
        print(f"{finding.state:8}{finding.name}: {clean(finding.told)}", flush=True)
        if finding.remedy:
            print(f"{'':8}-> {clean(finding.remedy)}", flush=True)
        return
    mark, style = _MARKS[finding.state]
    table = Table.grid(padding=(0, 1))
    table.add_column(width=7)
    table.add_column(width=14)
    table.add_column(overflow="fold")
    told = Text(clean(finding.told))
    if finding.remedy:
        told.append(f"\n→ {clean(finding.remedy)}", style="dim")
    table.add_row(Text(mark, style=style), Text(finding.name), told)
    screen.print(table)
