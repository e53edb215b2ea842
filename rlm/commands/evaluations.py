"""``videorlm eval compare``, ``report`` and the like: what runs that are done have to say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.agent.text import counted
from rlm.commands.output import DONE, print_tables, say
from rlm.ui.console import Screen, clean

if TYPE_CHECKING:
    from rich.table import Table

    from rlm.evaluation.comparison import Comparison
    from rlm.evaluation.saved_run import SavedRun

FAULTS = 3
"""Transcripts without a page that are named."""
CALIBRATOR = "calibrator.json"
FORM = "submission.json"


def compare(first: Path, second: Path, *, json_: bool) -> int:
    """Print two runs beside each other.

    Raises ``UsageError`` for a folder without a run, and for runs without a common question.
    """
    from rlm.evaluation.comparison import compare as compared
    from rlm.evaluation.saved_run import read_run, read_runs

    same = first.resolve() == second.resolve()
    runs = [read_run(first)] * 2 if same else read_runs([first, second])
    found = compared(*runs)
    if json_:
        print(json.dumps(_as_json(runs, found)))
        return DONE
    screen = Screen()
    for line in _opening(runs, found):
        screen.print(clean(line), soft_wrap=True)
    screen.print()
    print_tables(*_tables(found))
    return DONE


def report(folders: Sequence[Path], output: Path | None, *, pages: bool) -> int:
    """Write the report of one run or of several; the page's path goes to stdout.

    Without ``output`` it lies in the folder of the run, or beside the first of several. Raises
    ``UsageError`` for a folder without a run, ``OSError`` for a file that cannot be written.
    """
    from rlm.evaluation.report import write_pages, write_report
    from rlm.evaluation.saved_run import read_runs

    folders = list(dict.fromkeys(folders))
    runs = read_runs(folders)
    place = output or (folders[0] if len(folders) == 1 else folders[0].resolve().parent / "report")
    if pages:
        faults = write_pages(runs, place, _progress)
        for fault in faults[:FAULTS]:
            say(f"no page: {fault}")
        if len(faults) > FAULTS:
            say(f"no page: {len(faults) - FAULTS} more")
    print(write_report(runs, place))
    return DONE


def report_if_new(folders: Sequence[Path], output: Path) -> None:
    """Write the report of runs that have just ended, unless it is there and nothing is new."""
    from rlm.evaluation.folder import RESULTS
    from rlm.evaluation.report import PAGE, write_report
    from rlm.evaluation.saved_run import read_runs

    page, results = output / PAGE, [folder / RESULTS for folder in folders]
    written = page.stat().st_mtime_ns if page.exists() else 0
    told = [each.stat() for each in results]
    if not all(each.st_size for each in told):
        return
    if max(each.st_mtime_ns for each in told) >= written:
        write_report(read_runs(folders), output)
    say(f"report: {page}")


def calibrate(folder: Path, output: Path | None) -> int:
    """Fit a calibrator on a run and write it to a file, whose path goes to stdout.

    Raises ``UsageError`` for a folder without a run or with too little to fit on, ``OSError`` for a
    file that cannot be written.
    """
    from rlm.evaluation.calibration import fit
    from rlm.evaluation.folder import read_header, read_results

    header = read_header(folder)
    fitted = fit(read_results(folder), header, folder.resolve().name)
    file = output or folder / CALIBRATOR
    file.write_text(fitted.model_dump_json(indent=1) + "\n", encoding="utf-8")
    what = "confidence is left as it is" if fitted.method == "none" else f"{fitted.method} curve"
    say(f"{what}, from {counted(fitted.answers, 'answer')} about {counted(fitted.videos, 'video')}")
    say(
        f"held out: Brier {fitted.brier_before:.3f} before, {fitted.brier_after:.3f} after; "
        f"calibration error {fitted.ece_before:.3f} before, {fitted.ece_after:.3f} after"
    )
    print(file)
    return DONE


def submit(dataset: str, folder: Path, output: Path | None, repeat: int | None) -> int:
    """Write the form of a data set's server; its path goes to stdout.

    Raises ``UsageError`` for what cannot be submitted.
    """
    from rlm.evaluation.dataset import load_reader
    from rlm.evaluation.folder import read_header
    from rlm.evaluation.submission import UNANSWERED, submit_run

    told = submit_run(dataset, folder, output or folder / FORM, repeat)
    kind = read_header(folder).dataset
    say(f"{counted(told.answered, 'question')} answered")
    if told.unanswered:
        say(f"{counted(told.unanswered, 'question')} without an answer: {UNANSWERED[kind]}")
    left = (load_reader(kind).about.questions or 0) - told.answered - told.unanswered
    if left > 0:
        say(f"warning: {left:,} questions of the set are not in this run, nor in the form")
    print(told.path)
    return DONE


def judge(folder: Path, name: str, api_base: str | None, most: int, max_usd: float | None) -> int:
    """Have the open answers of a run judged; the table goes to stdout.

    Raises ``UsageError`` for a run without any, and what the model's endpoint raises.
    """
    from rlm.commands.evaluate_view import shown
    from rlm.config import load_config
    from rlm.evaluation.judging import judge_run, make_judge
    from rlm.evaluation.report.tables import other_scores
    from rlm.evaluation.saved_run import read_run

    model = make_judge(name, api_base, load_config(), most)
    done = judge_run(folder, model, most, max_usd, _judged)
    say(f"judged {done.done} of {counted(done.answers, 'answer')}, {done.failed} without a verdict")
    print_tables(*map(shown, other_scores([read_run(folder)])))
    report_if_new([folder], folder)
    if done.done < done.answers:
        say(f"${max_usd:g} are spent; the same command goes on")
        return 1
    return DONE


def _judged(done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        say(f"judged: {done} of {total}")


def _progress(done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        say(f"pages: {done} of {total}")


def _opening(runs: Sequence[SavedRun], found: Comparison) -> list[str]:
    """Who is compared on what, and what came of it in all."""
    from rlm.evaluation.report.tables import chance, signed
    from rlm.evaluation.summary import told_accuracy

    it = found.overall
    lines = [
        f"{name}: {run.header.system} with {run.model}: {told_accuracy(known)}"
        for name, run, known in zip("AB", runs, (it.first, it.second), strict=True)
    ]
    lines.append(f"A less B: {signed(it)}" + (f", p {chance(it.p)}" if it.p is not None else ""))
    lines.append(
        f"right in A alone {it.only_first}, in B alone {it.only_second}: "
        f"p {chance(it.mcnemar)} (McNemar's exact test, which knows nothing of videos)"
    )
    left = [(found.only_first, "A"), (found.only_second, "B")]
    lines += [f"asked in {which} alone, left out: {number}" for number, which in left if number]
    return lines


def _tables(found: Comparison) -> list[Table]:
    from rlm.evaluation.report.tables import chance, interval, spent_pair

    tables = []
    if found.categories:
        accuracy = _table("category", "questions", "A", "B", "A less B", "95%", "p")
        for name, part in found.categories.items():
            accuracy.add_row(
                clean(name), str(part.first.items), f"{part.first.mean:.3f}",
                f"{part.second.mean:.3f}", f"{part.difference:+.3f}", interval(part, "{:+.2f}"),
                chance(part.p),
            )  # fmt: skip
        tables.append(accuracy)
    spent = _table("of one question", "A", "B")
    for kind, pair in found.spent.items():
        spent.add_row(*spent_pair(kind, pair))
    tables.append(spent)
    if found.settings:
        settings = _table("settings that differ", "A", "B", justify="left")
        for each in found.settings:
            settings.add_row(*map(clean, each))
        tables.append(settings)
    return tables


def _table(*titles: str, justify: Any = "right") -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for place, title in enumerate(titles):
        table.add_column(title, justify=justify if place else "left", overflow="fold")
    return table


def _as_json(runs: Sequence[SavedRun], found: Comparison) -> dict[str, Any]:
    return {
        "runs": [{"folder": str(run.folder), "system": run.header.system} for run in runs],
        "overall": asdict(found.overall),
        "categories": {name: asdict(part) for name, part in found.categories.items()},
        "spent": {kind: [asdict(each) for each in pair] for kind, pair in found.spent.items()},
        "only_in": [found.only_first, found.only_second],
        "settings": [each._asdict() for each in found.settings],
    }
