"""``report.html``: the numbers, plots of them, and every question with a link to its transcript."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlm.agent.answer import letter
from rlm.evaluation.calibration import Bin
from rlm.evaluation.report import tables
from rlm.evaluation.report.table import right_answer
from rlm.evaluation.report.text import title
from rlm.evaluation.report.transcripts import link
from rlm.evaluation.results import ItemResult
from rlm.evaluation.saved_run import SavedRun
from rlm.evaluation.statistics import Estimate
from rlm.evaluation.summary import headline, told_accuracy
from rlm.ui.console import clean
from rlm.ui.page.document import render
from rlm.ui.page.plots import SERIES, Mark, Series, curve, histogram, rows

MOST_ROWS = 30
"""Categories that a plot has; all are in the table."""


@dataclass(frozen=True)
class Figure:
    """A plot with its heading."""

    title: str
    svg: str
    note: str = ""
    series: Sequence[Series] = ()

    @property
    def legend(self) -> list[tuple[int, str]]:
        """The colours there are, by number, where there are several."""
        shown = [(place, one.name) for place, one in enumerate(self.series) if one.marks]
        return [(place % SERIES, name) for place, name in shown] if len(self.series) > 1 else []


@dataclass(frozen=True)
class Line:
    """A row of the list of questions."""

    run: str
    result: ItemResult
    verdict: str
    right: str
    address: str

    @property
    def chosen(self) -> str:
        """The letter of the option that was chosen."""
        return "" if self.result.choice is None else letter(self.result.choice)


def report_page(runs: Sequence[SavedRun], output: Path) -> str:
    """The report as one HTML file; links are relative to the folder ``output``."""
    lines = list(_lines(runs, output))
    names = {name for run in runs for name in run.summary.by["category"]}
    return render(
        "report.html.jinja",
        title(runs),
        ("base.css", "table.css", "report.css"),
        ("table.js", "report.js"),
        runs=runs,
        headlines=[(run.name, *headline(run.summary)) for run in runs],
        overview=tables.overview(runs),
        figures=list(_figures(runs)),
        parts=list(tables.part_tables(runs)),
        scores=[*tables.other_scores(runs), *filter(None, [tables.calibration_table(runs)])],
        failures=tables.failure_table(runs),
        spent=[(run.name, tables.spent_table(run)) for run in runs],
        settings=[(run.name, tables.settings_table(run)) for run in runs],
        lines=lines,
        linked=any(line.address for line in lines),
        verdicts=sorted({line.verdict for line in lines}),
        categories=sorted(names),
        sure=any(line.result.confidence is not None for line in lines),
        priced=any(line.result.usd for line in lines),
        colours=SERIES,
        clean=clean,
    )


def _lines(runs: Sequence[SavedRun], output: Path) -> Iterator[Line]:
    for run in runs:
        for question in run.questions:
            for result in question.results:
                address = link(run, result, output, len(runs))
                yield Line(run.name, result, _verdict(result), right_answer(result), address)


def _verdict(result: ItemResult) -> str:
    if result.failure is not None:
        return "failed"
    if result.right is None:
        return "not scored"
    return "right" if result.right else "wrong"


def _figures(runs: Sequence[SavedRun]) -> Iterator[Figure]:
    for kind, name in tables.PARTS.items():
        heading = f"Accuracy by {name[0].lower()}{name[1:]}"
        if parts := _parts(runs, kind):
            yield Figure(heading, rows(heading, "accuracy", parts), series=parts)
    if frames := _against_frames(runs):
        heading = "Accuracy against frames shown"
        note = "Questions in order of the frames shown for them, in parts of about as many."
        if len(runs) > 1:
            note = "Each run with the frames of one question, on average."
        yield Figure(heading, curve(heading, "frames shown", "accuracy", frames), note, frames)
    reliable = _reliability(runs)
    if any(one.marks for one in reliable):
        plot = curve(
            "Reliability", "confidence", "share that is right", reliable, diagonal=True
        )  # fmt: skip
        note = "On the line, confidence means what it says; below it, it is too high."
        yield Figure("Reliability", plot, note, reliable)
    if len(runs) == 1:
        yield from _distributions(runs[0])


def _distributions(run: SavedRun) -> Iterator[Figure]:
    results = [result for question in run.questions for result in question.results]
    for kind, unit, form in _TAKEN:
        known = [value for value in (_taken(one, kind) for one in results) if value is not None]
        if any(known):
            heading = f"{unit} of a question"
            yield Figure(heading, histogram(heading, unit.lower(), "questions", known, form))


_TAKEN = (
    ("seconds", "Seconds", "{:.3g} s".format),
    ("tokens", "Tokens", "{:,.0f}".format),
    ("usd", "Dollars", "${:.3g}".format),
)


def _taken(result: ItemResult, kind: str) -> float | None:
    if kind == "seconds":
        return result.seconds
    if kind == "usd":
        return result.usd
    if result.input_tokens is None or result.output_tokens is None:
        return None
    return result.input_tokens + result.output_tokens


def _parts(runs: Sequence[SavedRun], kind: str) -> list[Series]:
    names = list(dict.fromkeys(name for run in runs for name in run.summary.by[kind]))
    if len(names) < 2:
        return []
    place = {name: number for number, name in enumerate(names[:MOST_ROWS])}
    return [
        Series(
            run.name,
            [
                _estimate(place[name], known, label=name, told=f"{name} {told_accuracy(known)}")
                for name, known in run.summary.by[kind].items()
                if name in place
            ],
        )
        for run in runs
    ]


def _against_frames(runs: Sequence[SavedRun]) -> list[Series]:
    if len(runs) == 1:
        marks = [
            _estimate(
                point.frames,
                point.accuracy,
                told=f"{point.least:g} to {point.most:g} frames: {told_accuracy(point.accuracy)}",
            )
            for point in runs[0].summary.curve
        ]
        return [Series(runs[0].name, marks)] if len(marks) > 1 else []
    found = []
    for run in runs:
        known, frames = run.summary.accuracy, run.summary.spent["frames"].mean
        marks = []
        if known is not None and frames is not None:
            words = f"{run.name}: {frames:.1f} frames, {told_accuracy(known)}"
            marks = [_estimate(frames, known, label=run.name, told=words)]
        found.append(Series(run.name, marks))
    return found if any(one.marks for one in found) else []


def _reliability(runs: Sequence[SavedRun]) -> list[Series]:
    return [
        Series(run.name, [] if known is None else [_reliable(part) for part in known.bins])
        for run in runs
        for known in [run.summary.calibration]
    ]


def _reliable(part: Bin) -> Mark:
    told = f"{part.confidence:.2f}: {part.right:.2f} of {part.number} right"
    return Mark(part.confidence, part.right, told=told)


def _estimate(x: float, known: Estimate, *, told: str, label: str = "") -> Mark:
    low, high = known.interval or (None, None)
    return Mark(x, known.mean, low, high, label, told)
