"""The numbers of a report as tables of words, which the page and the text both show."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rlm.agent.text import counted
from rlm.errors import UsageError
from rlm.evaluation.comparison import compare
from rlm.evaluation.folder import flattened
from rlm.evaluation.saved_run import SavedRun
from rlm.evaluation.statistics import ONE_VIDEO, Estimate, Paired
from rlm.evaluation.summary import Spent

UNKNOWN = "unknown"
PARTS = {"category": "Category", "group": "Group", "duration": "Length of the video"}
_SPENT = {
    "frames": ("Frames shown", "{:,.1f}"),
    "tokens": ("Tokens", "{:,.0f}"),
    "usd": ("Dollars", "${:,.4f}"),
    "seconds": ("Seconds", "{:,.1f}"),
    "turns": ("Turns", "{:,.1f}"),
    "sub_calls": ("Sub-calls", "{:,.1f}"),
}
_KINDS = {
    "video": "the video is missing, or is none",
    "decode": "nothing of the video can be decoded",
    "budget": "a limit was reached, without an answer",
    "timeout": "the limit on seconds was reached, without an answer",
    "unparsed": "the replies held no answer",
    "model": "the model gave no reply",
    "jail": "the jail was lost",
    "unsupported": "the system cannot answer such a question",
    "internal": "a fault of this program",
}


@dataclass(frozen=True)
class Table:
    """Words in rows; but for the first ``words`` columns they are numbers."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    note: str = ""


def overview(runs: Sequence[SavedRun]) -> Table:
    """A row for each run; from the second on with the difference from the first."""
    head = [
        "System", "Model", "Preset", "Questions", "Videos", "Accuracy", "95% interval", "Failed",
        "Frames", "Tokens", "Dollars", "Seconds",
    ]  # fmt: skip
    rows = [_overview_row(run) for run in runs]
    note = "Frames, tokens, dollars and seconds are of one question, on average."
    if len(runs) > 1:
        head += ["Less the first", "p"]
        for row, run in zip(rows, runs, strict=True):
            row += ["", ""] if run is runs[0] else _less(run, runs[0])
        note += " Differences are on the questions that both have; their p and 95% interval are of "
        note += "bootstraps over videos."
    return Table("Runs", head, rows, 3, note)


def part_tables(runs: Sequence[SavedRun]) -> Iterator[Table]:
    """Accuracy by category, by group, by the length of the video: those there are."""
    for kind, title in PARTS.items():
        names = list(dict.fromkeys(name for run in runs for name in run.summary.by[kind]))
        if len(names) > 1:
            yield _part_table(runs, kind, title, names)


def failure_table(runs: Sequence[SavedRun]) -> Table | None:
    """Failures by kind; ``None`` where there are none."""
    kinds = [kind for kind in _KINDS if any(kind in run.summary.failures for run in runs)]
    if not kinds:
        return None
    return Table(
        "Failures",
        ["Kind", "What it is", *_columns(runs, "Questions")],
        [
            [kind, _KINDS[kind], *(str(run.summary.failures.get(kind, 0)) for run in runs)]  # type: ignore[call-overload]
            for kind in kinds
        ],
        2,
        "Each counts as wrong in the accuracy.",
    )


def spent_table(run: SavedRun) -> Table:
    """What a question took."""
    rows = []
    for kind, (title, form) in _SPENT.items():
        spent = run.summary.spent[kind]
        each = (spent.mean, spent.median, spent.highest, spent.total)
        rows.append([title, *(told(value, form) for value in each)])
    head = ["", "Mean", "Median", "Highest", "In all"]
    return Table("What a question took", head, rows)


def calibration_table(runs: Sequence[SavedRun]) -> Table | None:
    """How far confidence means what it says; ``None`` where no run has any."""
    known = [(run, run.summary.calibration) for run in runs if run.summary.calibration]
    if not known:
        return None
    head = ["Run", "Answers", "Mean confidence", "Right", "Calibration error", "Parts", "Brier"]
    rows = [
        [
            run.name, str(it.answers), told(it.confidence), told(it.right), told(it.ece),
            str(len(it.bins)), told(it.brier),
        ]
        for run, it in known
        if it is not None
    ]  # fmt: skip
    if any(it is not None and it.brier_options is not None for _, it in known):
        head.append("Brier of all options")
        for row, (_, it) in zip(rows, known, strict=True):
            row.append("" if it is None or it.brier_options is None else told(it.brier_options))
    note = (
        "Of the answers that have a confidence and can be scored. The calibration error is the "
        "mean distance of confidence from the share that is right, over parts of about as many "
        "answers."
    )
    return Table("Calibration", head, rows, 1, note)


def other_scores(runs: Sequence[SavedRun]) -> Iterator[Table]:
    """Scores beside the accuracy, for what the data set provides and for what was judged."""
    yield from filter(None, (_recall(runs), _judgements(runs), _evidence(runs)))


def _recall(runs: Sequence[SavedRun]) -> Table | None:
    rows = [
        [run.name, part, *(percent(each.get(kind)) for kind in ("verb", "noun", "action"))]
        for run in runs
        for part, each in run.summary.recall.items()
    ]
    note = (
        "The metric of the set: the share of actions whose class is among five guesses, as a mean "
        "over classes, in percent; for participants unseen in training, and for rare classes. The "
        "accuracy is the share of actions that are among the guesses, classes or not."
    )
    head = ["Run", "Part", "Verb", "Noun", "Action"]
    return Table("Class-mean recall@5", head, rows, 2, note) if rows else None


def _judgements(runs: Sequence[SavedRun]) -> Table | None:
    rows = [
        [
            run.name, ", ".join(it.models), str(it.answers), str(it.asked),
            f"{it.failed} ({it.failure_rate:.1%})", *_accuracy(it.right), _accuracy(it.matched)[0],
            told(it.agreement, "{:.2f}"), told(it.usd, _SPENT["usd"][1]),
        ]
        for run in runs
        if (it := run.summary.judgement) is not None
    ]  # fmt: skip
    head = [
        "Run", "Judge", "Open answers", "Judged", "No verdict", "Right", "95% interval",
        "Right by match", "Agreement", "Dollars",
    ]  # fmt: skip
    note = (
        "A language model says whether an answer in words of its own is right, and how well it "
        "agrees, from 0 to 5. In the accuracy its verdict counts; where there is none, whether the "
        "normalised words match. Dollars are for the judge alone, and in no other table."
    )
    return Table("Judge", head, rows, 2, note) if rows else None


def _evidence(runs: Sequence[SavedRun]) -> Table | None:
    rows = [
        [
            run.name, str(it.questions), f"{it.answered} of {it.asked}",
            *_accuracy(it.best), *_accuracy(it.union),
        ]
        for run in runs
        if (it := run.summary.evidence) is not None
    ]  # fmt: skip
    head = ["Run", "Questions", "With evidence", "Best IoU", "95%", "Union IoU", "95% interval"]
    note = (
        "Where the set says when the answer can be seen: the overlap of these spans with the "
        "evidence that was told, as intersection over union in time. Best: for each span of the "
        "set the told one that fits best. Union: all seconds of either side. Without evidence, 0; "
        "a run that tells none at all is left out."
    )
    return Table("Evidence", head, rows, 1, note) if rows else None


def settings_table(run: SavedRun) -> Table:
    """All that decides what the run measures, and who sat at it when."""
    header = run.header
    values = flattened(header.model_copy(update={"prompts": _together(header.prompts)}))
    rows = [[name, setting(value)] for name, value in values.items()]
    rows += [["annotations", header.annotations], ["videos", header.videos]]
    for number, sitting in enumerate(header.sittings, 1):
        words = [
            sitting.started, sitting.machine, f"commit {sitting.commit or UNKNOWN}",
            f"{sitting.workers} workers",
        ]  # fmt: skip
        words += [f"${sitting.max_usd:g} for the run"] if sitting.max_usd is not None else []
        if sitting.model_timeout is not None:
            words.append(f"the model may stay silent for {sitting.model_timeout:g} s")
        words += ["failed ones again"] if sitting.retry_failed else []
        rows.append([f"sitting {number}", ", ".join(words)])
    return Table("Settings", ["Setting", "Value"], rows, 2)


def told(value: float | None, form: str = "{:.3f}") -> str:
    """A number in words."""
    return UNKNOWN if value is None else form.format(value)


def percent(share: float | None) -> str:
    """A share in percent, as some sets tell theirs; empty where there is nothing it is of."""
    return "" if share is None or share != share else f"{100 * share:.1f}"


def chance(p: float | None) -> str:
    """The p of a test."""
    return "" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def interval(known: Estimate | Paired, form: str = "{:.3f}") -> str:
    """From where to where; empty where it is not known."""
    if known.interval is None:
        return ""
    return " to ".join(form.format(end) for end in known.interval)


def signed(found: Paired) -> str:
    """A difference with its interval."""
    within = f" ({interval(found, '{:+.3f}')})" if found.interval else ""
    return f"{found.difference:+.3f}{within}"


def spent_pair(kind: str, pair: Sequence[Spent]) -> list[str]:
    """The name of one kind of what is spent, and the means of two runs."""
    title, form = _SPENT[kind]
    return [title, *(told(spent.mean, form) for spent in pair)]


def setting(value: object) -> str:
    """A setting's value in words."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "none" if value in (None, "") else str(value)


def _together(prompts: Mapping[str, str]) -> dict[str, str]:
    """One digest for all templates, whose own are in ``run.json``."""
    lines = "".join(f"{name} {prompts[name]}\n" for name in sorted(prompts))
    digest = hashlib.sha256(lines.encode())
    return {counted(len(prompts), "file"): digest.hexdigest()}


def _columns(runs: Sequence[SavedRun], one: str) -> list[str]:
    return [one] if len(runs) == 1 else [run.name for run in runs]


def _overview_row(run: SavedRun) -> list[str]:
    it = run.summary
    videos = len({question.asked.video for question in run.questions})
    spent = [told(it.spent[kind].mean, _SPENT[kind][1]) for kind in list(_SPENT)[:4]]
    failed = str(sum(it.failures.values()))
    about = [run.header.system, run.model, run.header.preset or "none"]
    return [*about, str(it.questions), str(videos), *_accuracy(it.accuracy), failed, *spent]


def _accuracy(known: Estimate | None) -> tuple[str, str]:
    return ("not known", "") if known is None else (f"{known.mean:.3f}", _within(known))


def _within(known: Estimate) -> str:
    return interval(known) or ONE_VIDEO


def _less(run: SavedRun, first: SavedRun) -> list[str]:
    try:
        found = compare(run, first).overall
    except UsageError:
        return ["no question in common", ""]
    return [signed(found), chance(found.p)]


def _part_table(runs: Sequence[SavedRun], kind: str, title: str, names: Sequence[str]) -> Table:
    if len(runs) == 1:
        known = runs[0].summary.by[kind]
        rows = [
            [name, str(known[name].items), str(known[name].clusters), *_accuracy(known[name])]
            for name in names
        ]
        return Table(title, [title, "Questions", "Videos", "Accuracy", "95% interval"], rows)
    rows = [[name, *(_in_one(run.summary.by[kind].get(name)) for run in runs)] for name in names]
    return Table(title, [title, *(run.name for run in runs)], rows)


def _in_one(known: Estimate | None) -> str:
    if known is None:
        return ""
    within = f" ({interval(known, '{:.2f}')})" if known.interval else ""
    return f"{known.mean:.3f}{within}"
